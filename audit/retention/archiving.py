"""From events whose time is over to a signed archive, and out of the table; killed anywhere, it loses nothing.

The steps, in this order: the file is written under a draft's name, synced and read back; renamed; recorded in the
database together with an event that names its digest; that event is sealed; only then do the events and their texts
leave the tables, by the database's own function, which looks at everything once more. What was recorded and not removed
is found and finished by the next run, or given up. Texts that were redacted meanwhile go out of the files, too: see
:mod:`audit.retention.archive_redacting`. Runs as the sealer's user, who alone has the key.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import psycopg

from audit.anchors.protocols import Newest
from audit.checkpoints import TrustedKey, verify_checkpoint
from audit.merkle import inclusion_proof
from audit.recorder import ObjectType
from audit.redaction.commitments import Opening
from audit.retention.archive_file import CheckedArchive, Enclosed, Line, archive_write
from audit.retention.archive_redacting import ArchivedTexts, RedactedFile, draft_of, exchanged, synced
from audit.retention.archive_texts import Text, texts_digest
from audit.retention.checking import check_against_leaves
from audit.retention.choosing import Chosen, choose
from audit.retention.errors import ArchiveError
from audit.retention.ranges import Places
from audit.sealing.events import say
from audit.sealing.keys import SealingKey
from audit.sealing.looking_back import look_back
from audit.sealing.memory import HeadMemory
from audit.sealing.presence import clocks_agree
from audit.sealing.seal import seal_once
from audit.sealing.storage import last_checkpoint, tile_loader
from audit.tiles import node_reader

EVENTS_AT_ONCE: Final = 100_000
"""Events of one archive, unless told otherwise."""
ARCHIVE_LOCK: Final = 7_211_504_903_774
"""The session advisory lock of the one process that makes archives."""
_ROWS: Final = 2_000
_NODES: Final = 16_384

_LINES: Final = """
SELECT leaf.leaf_index, event.id, audit_event_line(event.id, event.at, event.txid, event.db_user, event.body)
FROM audit_leaf leaf JOIN audit_event event ON event.id = leaf.event_id
WHERE leaf.leaf_index = ANY (%s) ORDER BY leaf.leaf_index
"""
_TEXTS: Final = """
SELECT opening.event_id, opening.path, opening.salt, opening.value
FROM audit_leaf leaf JOIN audit_opening opening ON opening.event_id = leaf.event_id
WHERE leaf.leaf_index = ANY (%s) AND opening.redaction_id IS NULL ORDER BY leaf.leaf_index, opening.path COLLATE "C"
"""
_HOLDERS: Final = """
SELECT string_agg(DISTINCT coalesce(session.usename, 'unknown'), ', ')
FROM pg_locks held JOIN pg_stat_activity session ON session.pid = held.pid
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (held.classid::bigint << 32 | held.objid::bigint) = %s
"""
_RECORD: Final = """
INSERT INTO audit_archive (file, size, sha256, manifest_sha256, events, leaves, tree_size, first_at, last_at)
VALUES (%s, %s, %s, %s, %s, %s::int8multirange, %s, %s, %s) RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Archived:
    """An archive that was made or finished: its number, its file, and how many events left the table for it."""

    archive_id: int
    file: Path
    events: int


@dataclass(frozen=True, slots=True)
class Held:
    """A recorded archive whose events cannot leave the table now, and why, as the database says it."""

    archive_id: int
    file: Path
    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A recorded archive whose file is missing or wrong, and why. Its events are in the table."""

    archive_id: int
    file: Path
    why: str


class Archivist:
    """Makes archives in ``folder`` through the sealer's connection. One in the whole installation at a time."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        folder: Path,
        key_file: Path,
        memory: HeadMemory,
        keys: Sequence[TrustedKey],
        newest: Mapping[str, Newest] | None = None,
        after: Callable[[str], None] = lambda _step: None,
    ) -> None:
        """``memory`` is the sealer's, and ``newest`` are the anchors that are asked where it remembers nothing.

        ``after`` is told of each step once it is done: tests end the process there.

        Raises:
            KeyFileError: the key cannot be read.
            RolledBackError: the database is behind what the sealer has signed.
            ClockError: this host's clock and the database's are too far apart.
            ArchiveError: the folder cannot be written, or another process makes archives.
        """
        self._connection = connection
        self._folder = folder
        self._key = SealingKey.read(key_file)
        self._memory = memory
        self._keys = keys
        self._after = after
        look_back(connection, memory, self._key, newest or {}, accept_restore=False)
        clocks_agree(connection)
        _take_lock(connection)
        self._texts_in_files = ArchivedTexts(connection, folder, self._checked)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for draft in folder.glob(".archive-*.draft"):
                draft.unlink()
        except OSError as error:
            raise ArchiveError(f"{folder} cannot be written ({error.strerror}).") from None

    def finish(self) -> Iterator[Archived | Held | Broken]:
        """Finish what an earlier run recorded: check each file once more and have its events leave the table.

        A file that is missing or wrong keeps no other from being finished.
        """
        rows = self._connection.execute(
            "SELECT id, file, manifest_sha256 FROM audit_archive WHERE state = 'recorded' ORDER BY id"
        ).fetchall()
        for archive_id, name, manifest_sha256 in rows:
            path = self._folder / name
            try:
                checked = self._recorded(archive_id, path, manifest_sha256)
            except ArchiveError as error:
                yield Broken(archive_id, path, str(error))
            else:
                yield self._remove(archive_id, path, checked)

    def redact(self) -> Iterator[RedactedFile | Broken]:
        """Take texts that two people have redacted out of the files of this folder; each file that changes is an event.

        Files of archives whose events are still in the table get the texts that stand beside them now.
        """
        rows = self._connection.execute(
            "SELECT id, file, manifest_sha256 FROM audit_archive WHERE state = 'recorded' ORDER BY id"
        ).fetchall()
        for archive_id, name, manifest_sha256 in rows:
            path = self._folder / name
            try:
                self._recorded(archive_id, path, manifest_sha256)
            except ArchiveError as error:
                yield Broken(archive_id, path, str(error))
        for archive_id, path in self._texts_in_files.concerned():
            try:
                redacted = self._texts_in_files.redact(archive_id, path)
            except ArchiveError as error:
                yield Broken(archive_id, path, str(error))
            else:
                if redacted is not None:
                    yield redacted

    def give_up(self, archive_id: int, reason: str) -> Path:
        """Leave a recorded archive: its events stay in the table and may go to another one; its file is deleted.

        Raises:
            ArchiveError: there is no such archive, or its events have left the table.
        """
        row = self._connection.execute("SELECT file FROM audit_archive WHERE id = %s", (archive_id,)).fetchone()
        if row is None:
            raise ArchiveError(f"There is no archive {archive_id}.")
        path = self._folder / str(row[0])
        try:
            with self._connection.transaction():
                self._connection.execute("SELECT audit_archive_give_up(%s)", (archive_id,))
                say(
                    self._connection,
                    action="audit_archive.given_up",
                    object_type=ObjectType.AUDIT_ARCHIVE,
                    object_id=archive_id,
                    object_label=path.name,
                    state_from="recorded",
                    state_to="given_up",
                    reason=reason,
                )
        except psycopg.errors.NoDataFound:
            raise ArchiveError(
                f"The archive {archive_id} cannot be given up: its events are not in the table."
            ) from None
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ArchiveError(f"{path} is given up, but cannot be deleted ({error.strerror}). Delete it.") from None
        return path

    def _recorded(self, archive_id: int, path: Path, manifest_sha256: str) -> CheckedArchive:
        """The file of a recorded archive, with the texts that stand beside its events now."""
        checked = self._checked(path)
        if checked.manifest_sha256 != manifest_sha256:
            raise ArchiveError(f"{path.name} is not the archive that was recorded: its manifest is another one.")
        if checked.texts.digest != texts_digest(self._texts(checked.places)):
            checked = self._with_texts_of_now(path, checked)
            self._after("renewed")
            self._texts_in_files.say(archive_id, path, checked, redactions=())
        return checked

    def make(self, limit: int = EVENTS_AT_ONCE) -> Archived | Held | None:
        """Move up to ``limit`` events to a new archive; None where no event's time is over.

        Raises:
            ArchiveError: the file cannot be written, or does not verify. No event has left the table then.
        """
        with self._connection.transaction(), psycopg.Cursor(self._connection) as cursor:
            chosen = choose(cursor, limit)
        if chosen is None:
            return None
        path = self._new_path()
        checked = self._written(path, chosen)
        archive_id = self._record(path, checked, chosen)
        self._after("recorded")
        return self._remove(archive_id, path, checked)

    def _new_path(self) -> Path:
        """The next name that is free. A file that is there belongs to a run that ended before it recorded it.

        A recorded name is never used again, though its file may have been moved away.
        """
        rows = self._connection.execute("SELECT id, file FROM audit_archive ORDER BY id").fetchall()
        recorded = {name for _id, name in rows}
        paths = (self._folder / f"archive-{number:05d}.zip" for number in count(rows[-1][0] + 1 if rows else 1))
        return next(path for path in paths if path.name not in recorded and not path.exists())

    def _written(self, path: Path, chosen: Chosen) -> CheckedArchive:
        draft = draft_of(path)
        told: dict[str, object] = {
            "origin": self._key.origin,
            "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "first_at": chosen.first_at.astimezone(UTC).isoformat(),
            "last_at": chosen.last_at.astimezone(UTC).isoformat(),
            "classes": chosen.classes,
        }
        try:
            lines, texts = self._lines(chosen.places), self._texts(chosen.places)
            archive_write(draft, lines, texts, self._enclosed(), told=told)
            self._after("written")
            checked = self._in_place(draft, path, chosen.places)
        except OSError as error:
            raise _unwritable(path, draft, error) from None
        self._after("renamed")
        return checked

    def _with_texts_of_now(self, path: Path, was: CheckedArchive) -> CheckedArchive:
        """The same archive with the texts of the database: one was redacted since, or the file has lost one."""
        return exchanged(path, self._checked, was, self._texts(was.places))

    def _in_place(self, draft: Path, path: Path, places: Places) -> CheckedArchive:
        """Sync a draft, read it back, and give it its name."""
        synced(draft)
        checked = self._checked(draft)
        if str(checked.places) != str(places):
            raise ArchiveError("The archive does not hold the events that were chosen. Run manage.py audit_verify.")
        draft.replace(path)
        synced(path.parent)
        return checked

    def _enclosed(self) -> Enclosed:
        with psycopg.Cursor(self._connection) as cursor:
            last = last_checkpoint(cursor)
        if last is None:
            raise ArchiveError("Nothing is sealed yet.")
        verify_checkpoint(last[2], (TrustedKey(verifier) for verifier in self._key.verifiers))
        node = lru_cache(maxsize=_NODES)(node_reader(self._tile, keep=256))
        return Enclosed(last[2], self._key.signers, lambda place: inclusion_proof(place, last[0], node))

    def _tile(self, level: int, tile_index: int) -> bytes:
        with psycopg.Cursor(self._connection) as cursor:
            return tile_loader(cursor)(level, tile_index)

    def _lines(self, places: Places) -> Iterator[Line]:
        for asked in _batches(places):
            yield from self._connection.execute(_LINES, (asked,)).fetchall()

    def _texts(self, places: Places) -> Iterator[Text]:
        for asked in _batches(places):
            for event_id, path, salt, value in self._connection.execute(_TEXTS, (asked,)).fetchall():
                yield event_id, Opening(path, bytes(salt), value)

    def _checked(self, path: Path) -> CheckedArchive:
        """The file, read back: every line against the log's key, and against the leaf that the database keeps."""
        with psycopg.Cursor(self._connection) as cursor:
            return check_against_leaves(cursor, path, self._keys)

    def _record(self, path: Path, checked: CheckedArchive, chosen: Chosen) -> int:
        size = checked.signed.head.size
        with self._connection.transaction():
            row = self._connection.execute(
                _RECORD,
                (path.name, checked.size, checked.sha256, checked.manifest_sha256, checked.events, str(checked.places),
                 size, chosen.first_at, chosen.last_at),
            ).fetchone()  # fmt: skip
            assert row is not None  # noqa: S101 - RETURNING gives it
            say(
                self._connection,
                action="audit_archive.recorded",
                object_type=ObjectType.AUDIT_ARCHIVE,
                object_id=row[0],
                object_label=path.name,
                state_to="recorded",
                details={
                    "sha256": checked.sha256,
                    "manifest_sha256": checked.manifest_sha256,
                    "events": checked.events,
                    "leaves_sha256": hashlib.sha256(str(checked.places).encode()).hexdigest(),
                    "first_at": chosen.first_at,
                    "last_at": chosen.last_at,
                    "classes": chosen.classes,
                },
            )
        return int(row[0])

    def _remove(self, archive_id: int, path: Path, checked: CheckedArchive) -> Archived | Held:
        self._seal()
        self._after("sealed")
        try:
            with self._connection.transaction():
                say(
                    self._connection,
                    action="audit_archive.removed",
                    object_type=ObjectType.AUDIT_ARCHIVE,
                    object_id=archive_id,
                    object_label=path.name,
                    state_from="recorded",
                    state_to="removed",
                )
                row = self._connection.execute(
                    "SELECT audit_archive_remove(%s, %s)", (archive_id, checked.texts.digest)
                ).fetchone()
                self._after("removing")
        except psycopg.errors.ObjectInUse as error:
            return Held(archive_id, path, error.diag.message_primary or "")
        assert row is not None  # noqa: S101 - a function gives a row
        self._after("removed")
        return Archived(archive_id, path, int(row[0]))

    def _seal(self) -> None:
        """Seal what waits, as ``audit_sealer --once`` does; the sealer may do so at the same time."""
        while sealed := seal_once(self._connection, self._key):
            self._memory.remember(sealed.note)


def _take_lock(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (ARCHIVE_LOCK,)).fetchone()
    if row and row[0]:
        return
    holders = connection.execute(_HOLDERS, (ARCHIVE_LOCK,)).fetchone()
    who = holders[0] if holders and holders[0] else "a session that has just ended"
    raise ArchiveError(f"Another process makes archives now, signed in as {who}. Wait until it is done.")


def _batches(places: Places) -> Iterator[list[int]]:
    rest = iter(places)
    while batch := list(islice(rest, _ROWS)):
        yield batch


def _unwritable(path: Path, draft: Path, error: OSError) -> ArchiveError:
    with suppress(OSError):
        draft.unlink(missing_ok=True)
    return ArchiveError(f"{path} cannot be written ({error.strerror}).")
