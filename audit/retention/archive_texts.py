"""What opens the commitments of archived events: written beside them, and checked against them one by one.

``openings.jsonl`` is no part of the signed manifest. Each line proves itself against the commitment that was sealed in
its event, so a text can be taken out of a file later, and the file verifies without it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from audit.redaction.commitments import MEMBER, Opening, commitments, opens
from audit.retention.errors import ArchiveError

Lacks = Callable[[int, str], None]
"""Is told of the event and the path of each text that a file lacks."""
_COMMITTED: Final = f'{{"{MEMBER}":"hmac-sha256:'.encode()

Text = tuple[int, Opening]
"""The id of an event, and what opens one of its commitments."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What a file shows of people's texts: how many, how many it lacks, and the digest (hex) of which they are."""

    shown: int
    lacking: int
    digest: str


class WhichTexts:
    """The digest of which texts are there, by event and path, in their order; ``audit_archive_remove`` has the same.

    What they are needs no digest: each is bound by the commitment that it opens.
    """

    def __init__(self) -> None:
        self._hashed = hashlib.sha256()
        self.count = 0

    def add(self, event_id: int, path: str) -> None:
        """One more."""
        self._hashed.update(hashlib.sha256(f"{event_id} {path}".encode()).digest())
        self.count += 1

    def hexdigest(self) -> str:
        """Of all so far."""
        return self._hashed.hexdigest()


def texts_digest(texts: Iterable[Text]) -> str:
    """The digest (hex) of which texts these are."""
    which = WhichTexts()
    for event_id, opening in texts:
        which.add(event_id, opening.path)
    return which.hexdigest()


def text_lines(texts: Iterable[Text]) -> Iterator[bytes]:
    """The lines of the file, in the order of the texts: that of the events, and of the paths in each."""
    for event_id, opening in texts:
        line = {"event": event_id, "path": opening.path, "salt": opening.salt.hex(), "value": opening.value}
        yield f"{json.dumps(line, sort_keys=True, separators=(',', ':'))}\n".encode()


def parse_text(line: bytes) -> Text:
    """A line of the file.

    Raises:
        ArchiveError: it has another form.
        ValueError: it is no JSON.
    """
    said = json.loads(line)
    if type(said["event"]) is not int or not all(type(said[name]) is str for name in ("path", "salt", "value")):
        raise ArchiveError("The archive has a line in openings.jsonl that opens nothing.")
    return said["event"], Opening(said["path"], bytes.fromhex(said["salt"]), said["value"])


class TextsCheck:
    """Opens the commitments of events as they go by, with the lines of the file, in the same order."""

    def __init__(self, lines: Iterator[bytes], lacks: Lacks = lambda _event, _path: None) -> None:
        self._lines = lines
        self._lacks = lacks
        self._which = WhichTexts()
        self._lacking = 0
        self._ahead = self._read()

    def take(self, event_id: int, line: bytes) -> None:
        """Open what the file opens of this event; ``line`` is its sealed line.

        Raises:
            ArchiveError: a text is not the one that was sealed, or belongs to no commitment of the event.
        """
        promised = dict(commitments(json.loads(line)["body"])) if _COMMITTED in line else {}
        while self._ahead is not None and self._ahead[0] == event_id:
            opening = self._ahead[1]
            sealed = promised.pop(opening.path, None)
            if sealed is None or not opens(sealed, opening.salt, opening.value):
                raise ArchiveError(
                    f"The text {opening.path[:200]} of event {event_id} in the archive is not the one that was sealed:"
                    " it was exchanged, put in, or guessed."
                )
            self._which.add(event_id, opening.path)
            self._ahead = self._read()
        self._lacking += len(promised)
        for path in promised:
            self._lacks(event_id, path)

    def end(self) -> Texts:
        """What was found, once all events went by.

        Raises:
            ArchiveError: a text is left.
        """
        if self._ahead is not None:
            raise ArchiveError(
                f"The archive has a text for event {self._ahead[0]}, which is not in it, or not in this order: it was"
                " put in."
            )
        return Texts(self._which.count, self._lacking, self._which.hexdigest())

    def _read(self) -> Text | None:
        line = next(self._lines, None)
        return None if line is None else parse_text(line)
