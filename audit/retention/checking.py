"""An archive's file against the database that it came from: its leaves, and what was recorded of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.checkpoints import TrustedKey
from audit.merkle import leaf_hash
from audit.redaction.archived import ALL_TEXTS
from audit.retention.archive_file import CheckedArchive, Each, archive_check, archive_texts
from audit.retention.archive_texts import Lacks
from audit.retention.errors import ArchiveError
from audit.sealing.storage import Cursor

_AT_ONCE: Final = 2_000


def check_against_leaves(
    cursor: Cursor,
    path: Path,
    keys: Sequence[TrustedKey],
    *,
    each: Each = lambda *_line: None,
    lacks: Lacks = lambda *_text: None,
) -> CheckedArchive:
    """Check a file by itself, and every line against the leaf that the database keeps; 2,000 at a time.

    ``each`` is told place, id and line of every event that is right so far.

    Raises:
        ArchiveError: the first thing that is wrong, as a sentence.
    """
    batch: list[tuple[int, int, bytes]] = []

    def compare() -> None:
        cursor.execute(
            "SELECT leaf_index, event_id, leaf_hash FROM audit_leaf WHERE leaf_index = ANY (%s) ORDER BY leaf_index",
            ([place for place, _event, _leaf in batch],),
        )
        if [(place, event, bytes(leaf)) for place, event, leaf in cursor.fetchall()] != batch:
            raise ArchiveError(f"{path.name} holds events that this database has sealed otherwise, or not at all.")
        batch.clear()

    def one(place: int, event_id: int, line: bytes) -> None:
        batch.append((place, event_id, leaf_hash(line)))
        if len(batch) == _AT_ONCE:
            compare()
        each(place, event_id, line)

    checked = archive_check(path, keys, each=one, lacks=lacks)
    compare()
    return checked


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database says of an archive: its number, its file's name, where it stands, and digests (hex)."""

    archive_id: int
    file: str
    state: str
    sha256: str
    """Of the file as it was written; another one has the same events where a text was taken out of it later."""
    manifest_sha256: str
    leaves: str
    renewed_sha256: str | None
    """Of the file since redacted texts were taken out of it; None where none were."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A file that is right, beside what the database knows: its record, if any, and what redactions say of its texts.

    ``unexplained`` texts are missing, and no redaction took them out; ``redacted`` ones are in the file, though two
    people have taken them out.
    """

    checked: CheckedArchive
    recorded: Recorded | None
    unexplained: int
    redacted: int


class _Lacking:
    """Counts texts that a file lacks without a redaction; asks for 2,000 at a time."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._waiting: list[tuple[int, str]] = []
        self._unexplained = 0

    def add(self, event_id: int, path: str) -> None:
        self._waiting.append((event_id, path))
        if len(self._waiting) == _AT_ONCE:
            self._ask()

    def unexplained(self) -> int:
        if self._waiting:
            self._ask()
        return self._unexplained

    def _ask(self) -> None:
        events, paths = zip(*self._waiting, strict=True)
        self._cursor.execute(_UNEXPLAINED, {"events": list(events), "paths": list(paths), "all": ALL_TEXTS})
        row = self._cursor.fetchone()
        self._unexplained += row[0] if row else 0
        self._waiting.clear()


_UNEXPLAINED: Final = """
SELECT count(*) FROM unnest(%(events)s::bigint[], %(paths)s::text[]) AS lacks (event_id, path)
WHERE NOT EXISTS (SELECT FROM audit_redaction redaction WHERE redaction.event_id = lacks.event_id
    AND redaction.state = 'carried_out' AND (lacks.path = ANY (redaction.paths) OR redaction.paths = ARRAY[%(all)s]))
"""
_REDACTED: Final = """
SELECT redaction.event_id FROM audit_redaction redaction JOIN audit_archived_event gone USING (event_id)
WHERE gone.archive_id = %s AND redaction.state = 'carried_out' AND redaction.paths = ARRAY[%s]
"""
_RECORDED: Final = """
SELECT archive.id, archive.file, archive.state, archive.sha256, archive.manifest_sha256, archive.leaves::text,
    said.sha256
FROM audit_archive archive LEFT JOIN LATERAL (
    SELECT event.body::jsonb #>> '{details,sha256}' AS sha256 FROM audit_event event
    WHERE event.object_type = 'audit_archive' AND event.object_id = archive.id::text
        AND event.action = 'audit_archive.texts_renewed'
    ORDER BY event.id DESC LIMIT 1) said ON true
WHERE archive.file = %(file)s OR (archive.manifest_sha256 = %(manifest)s AND archive.state <> 'given_up')
ORDER BY archive.file = %(file)s DESC, archive.id LIMIT 1
"""


def recorded_as(cursor: Cursor, file: str, manifest_sha256: str) -> Recorded | None:
    """The record of the archive with this file name, or else with this manifest: a copy may be called otherwise."""
    cursor.execute(_RECORDED, {"file": file, "manifest": manifest_sha256})
    row = cursor.fetchone()
    return Recorded(*row) if row else None


def check_recorded(
    cursor: Cursor, path: Path, keys: Sequence[TrustedKey], *, each: Each = lambda *_line: None
) -> Compared:
    """Check a file by itself, against the leaves, and against its record where the database has one.

    The record names the signed manifest, which binds the events. People's texts are checked one by one; a file that
    lacks some is the same archive, and redactions have to say why it does.

    Raises:
        ArchiveError: the first thing that is wrong, as a sentence.
    """
    lacking = _Lacking(cursor)
    checked = check_against_leaves(cursor, path, keys, each=each, lacks=lacking.add)
    recorded = recorded_as(cursor, path.name, checked.manifest_sha256)
    found = (checked.manifest_sha256, str(checked.places))
    if recorded is not None and (recorded.manifest_sha256, recorded.leaves) != found:
        raise ArchiveError(
            f"{path.name} is a true archive, but not the one that was recorded under this name: the SHA-256 of its"
            f" manifest is {checked.manifest_sha256}, and {recorded.manifest_sha256} was recorded."
        )
    return Compared(checked, recorded, lacking.unexplained(), _redacted(cursor, path, recorded))


def _redacted(cursor: Cursor, path: Path, recorded: Recorded | None) -> int:
    """How many texts are in the file although two people have taken them out."""
    if recorded is None:
        return 0
    cursor.execute(_REDACTED, (recorded.archive_id, ALL_TEXTS))
    events = {event for (event,) in cursor.fetchall()}
    return sum(1 for event, _opening in archive_texts(path) if event in events) if events else 0
