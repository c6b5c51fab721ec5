"""An archive's file against the database that it came from: its leaves, and what was recorded of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.checkpoints import TrustedKey
from audit.merkle import leaf_hash
from audit.retention.archive_file import CheckedArchive, archive_check
from audit.retention.errors import ArchiveError
from audit.sealing.storage import Cursor

_AT_ONCE: Final = 2_000
Each = Callable[[int, int, bytes], None]


def check_against_leaves(
    cursor: Cursor, path: Path, keys: Sequence[TrustedKey], *, each: Each = lambda *_line: None
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

    checked = archive_check(path, keys, each=one)
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


def recorded_as(cursor: Cursor, file: str) -> Recorded | None:
    """The record of the archive with this file name; None where there is none."""
    cursor.execute(
        "SELECT id, file, state, sha256, manifest_sha256, leaves::text FROM audit_archive WHERE file = %s", (file,)
    )
    row = cursor.fetchone()
    return Recorded(*row) if row else None


def check_recorded(
    cursor: Cursor, path: Path, keys: Sequence[TrustedKey], *, each: Each = lambda *_line: None
) -> tuple[CheckedArchive, Recorded | None]:
    """Check a file by itself, against the leaves, and against its record where the database has one.

    The record names the signed manifest, which binds the events. People's texts are checked one by one; a file that
    lacks some is the same archive.

    Raises:
        ArchiveError: the first thing that is wrong, as a sentence.
    """
    checked = check_against_leaves(cursor, path, keys, each=each)
    recorded = recorded_as(cursor, path.name)
    found = (checked.manifest_sha256, str(checked.places))
    if recorded is not None and (recorded.manifest_sha256, recorded.leaves) != found:
        raise ArchiveError(
            f"{path.name} is a true archive, but not the one that was recorded under this name: the SHA-256 of its"
            f" manifest is {checked.manifest_sha256}, and {recorded.manifest_sha256} was recorded."
        )
    return checked, recorded
