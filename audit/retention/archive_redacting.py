"""Texts out of the files of archives: those of events that two people redacted after the events had left the table.

In the database nothing is left of such texts, so a redaction of an archived event takes all of its texts (``*``). It is
decided there, by two people; whoever keeps the files carries it out in them, in copies too. The file is written anew
under a draft's name, read back, and exchanged; then an event names the redactions, and the file's new
digest. Killed in between, the next run finds no such event and does it once more.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from audit.recorder import ObjectType
from audit.redaction.archived import ALL_TEXTS
from audit.retention.archive_file import CheckedArchive, archive_rewrite, archive_texts
from audit.retention.archive_texts import Text
from audit.retention.errors import ArchiveError
from audit.sealing.events import say

_CONCERNED: Final = """
SELECT DISTINCT archive.id, archive.file FROM audit_redaction redaction
JOIN audit_archived_event gone ON gone.event_id = redaction.event_id
JOIN audit_archive archive ON archive.id = gone.archive_id
WHERE redaction.state = 'carried_out' AND redaction.paths = ARRAY[%s] ORDER BY archive.id
"""
_REDACTED: Final = """
SELECT redaction.id, redaction.event_id, EXISTS (
    SELECT FROM audit_event event
    WHERE event.object_type = 'audit_archive' AND event.object_id = gone.archive_id::text
        AND event.action = 'audit_archive.texts_renewed'
        AND event.body::jsonb #> '{details,redactions}' @> to_jsonb(redaction.id))
FROM audit_redaction redaction JOIN audit_archived_event gone ON gone.event_id = redaction.event_id
WHERE redaction.state = 'carried_out' AND redaction.paths = ARRAY[%s] AND gone.archive_id = %s ORDER BY redaction.id
"""


@dataclass(frozen=True, slots=True)
class RedactedFile:
    """A file that was written anew: of which archive, how many texts left it, and by which redactions."""

    archive_id: int
    file: Path
    texts: int
    redactions: tuple[int, ...]


class ArchivedTexts:
    """The texts in the files of one folder. ``check`` reads a file back, against the log."""

    def __init__(
        self, connection: psycopg.Connection[Any], folder: Path, check: Callable[[Path], CheckedArchive]
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._check = check

    def concerned(self) -> list[tuple[int, Path]]:
        """The archives with an event whose texts were redacted: their numbers, and where their files should be."""
        rows = self._connection.execute(_CONCERNED, (ALL_TEXTS,)).fetchall()
        return [(archive_id, self._folder / name) for archive_id, name in rows]

    def redact(self, archive_id: int, path: Path) -> RedactedFile | None:
        """Take out of a file what was redacted; None where it holds none of it and the log says so already.

        Raises:
            ArchiveError: the file is missing, is not what was sealed, or cannot be written.
        """
        rows = self._connection.execute(_REDACTED, (ALL_TEXTS, archive_id)).fetchall()
        events = {event for _redaction, event, _said in rows}
        unsaid = tuple(redaction for redaction, _event, said in rows if not said)
        number = sum(1 for event, _opening in archive_texts(path) if event in events)
        if not number and not unsaid:
            return None
        checked = self._without(path, events) if number else self._check(path)
        self.say(archive_id, path, checked, redactions=[redaction for redaction, _event, _said in rows], taken=number)
        return RedactedFile(archive_id, path, number, unsaid)

    def say(
        self, archive_id: int, path: Path, checked: CheckedArchive, *, redactions: Sequence[int], taken: int = 0
    ) -> None:
        """Record which texts a file holds from now on, and what it is by its digest."""
        say(
            self._connection,
            action="audit_archive.texts_renewed",
            object_type=ObjectType.AUDIT_ARCHIVE,
            object_id=archive_id,
            object_label=path.name,
            details={
                "redactions": list(redactions),
                "taken_out": taken,
                "texts": checked.texts.shown,
                "lacking": checked.texts.lacking,
                "sha256": checked.sha256,
                "size": checked.size,
            },
        )

    def _without(self, path: Path, events: set[int]) -> CheckedArchive:
        before = self._check(path)
        return exchanged(path, self._check, before, (text for text in archive_texts(path) if text[0] not in events))


def exchanged(
    path: Path, check: Callable[[Path], CheckedArchive], before: CheckedArchive, texts: Iterator[Text]
) -> CheckedArchive:
    """The file with these texts in place of those that it has; written beside it, synced, read back, then exchanged.

    Raises:
        ArchiveError: it cannot be written, or does not verify. The old file is as it was.
    """
    draft = draft_of(path)
    try:
        archive_rewrite(path, draft, texts)
        synced(draft)
        checked = check(draft)
        if checked.manifest_sha256 != before.manifest_sha256:
            raise ArchiveError(f"{path.name} was exchanged while texts were taken out of it. Run it again.")
        draft.replace(path)
        synced(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ArchiveError(f"{path} cannot be written ({error.strerror}).") from None
    return checked


def draft_of(path: Path) -> Path:
    """Where a file is written before it gets its name."""
    return path.with_name(f".{path.stem}.draft")


def synced(path: Path) -> None:
    """Have a file, or a folder, on disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
