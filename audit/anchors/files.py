"""The anchor that is a file."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from audit.errors import AnchorError
from audit.notes import NOTE_LIMIT, SIGNATURES_LIMIT

_TEXT_LINES = 64


@dataclass(frozen=True)
class FileAnchor:
    """A file that only grows: one note after the other, an empty line behind each.

    It is worth what its place is worth: a write-once volume, or a share of other people.
    """

    path: Path

    def publish(self, checkpoint: str) -> None:
        """Append the note and wait until it is on disk. A line that was cut short is ended first.

        Raises:
            AnchorError: the file cannot be written, or is something else than a file of its own.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Who else may write to the folder must not lead the sealer to a file of its own, such as its key.
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(self.path, flags, 0o644)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                refuse_what_is_no_file(self.path, file.fileno())
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 2))
                whole = file.read() == b"\n\n" or size == 0
                write_all(file.fileno(), (b"" if whole else b"\n\n") + f"{checkpoint}\n".encode())
                os.fsync(file.fileno())
        except OSError as error:
            raise AnchorError(f"{self.path} cannot be written ({reason_of(error)}).") from None

    def checkpoints(self) -> Iterator[str]:
        """The notes in the file; a piece that was cut short is passed over.

        Raises:
            AnchorError: the file cannot be read.
        """
        try:
            with self._opened() as file:
                paragraphs = _paragraphs(_lines(file))
                yield from (f"{text}\n\n{signatures}\n" for text, signatures in _pairs(paragraphs))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else "it is no text"
            raise AnchorError(f"{self.path} cannot be read ({reason}).") from None

    def newest(self) -> str:
        """The last whole note of the file; empty where there is none.

        Raises:
            AnchorError: the file cannot be read.
        """
        try:
            with self._opened() as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - NOTE_LIMIT))
                tail = io.StringIO(file.read(NOTE_LIMIT).decode("utf-8", "replace"))
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise AnchorError(f"{self.path} cannot be read ({reason_of(error)}).") from None
        last = ""
        for text, signatures in _pairs(_paragraphs(iter(tail))):
            last = f"{text}\n\n{signatures}\n"
        return last

    def _opened(self) -> BinaryIO:
        file = os.fdopen(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
        try:
            refuse_what_is_no_file(self.path, file.fileno())
        except BaseException:
            file.close()
            raise
        return file


def refuse_what_is_no_file(path: Path, descriptor: int) -> None:
    """Raise an AnchorError where a pipe, a device or a folder stands in the place of a file."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise AnchorError(f"{path} cannot be read or written: it is no plain file.")


def write_all(descriptor: int, content: bytes) -> None:
    """A disk that fills up takes a part of it, and says so at the next attempt only."""
    while content:
        content = content[os.write(descriptor, content) :]


def reason_of(error: OSError) -> str:
    """Why a file cannot be used, in words."""
    return "it is a link" if error.errno == errno.ELOOP else str(error.strerror)


def _lines(file: BinaryIO) -> Iterator[str]:
    """The lines of a text, none of them longer than a note can be: a longer one is no part of one."""
    while line := file.readline(NOTE_LIMIT + 1):
        if len(line) > NOTE_LIMIT:
            raise OSError(errno.EFBIG, "a line is too long for a checkpoint")
        yield line.decode("utf-8")


def _paragraphs(lines: Iterator[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in lines:
        text = line.rstrip("\n")
        if text and len(paragraph) > SIGNATURES_LIMIT + _TEXT_LINES:
            raise OSError(errno.EFBIG, "a paragraph is too long for a checkpoint")
        if text:
            paragraph.append(text)
        elif paragraph:
            yield "\n".join(paragraph)
            paragraph = []
    if paragraph:
        yield "\n".join(paragraph)


def _pairs(paragraphs: Iterator[str]) -> Iterator[tuple[str, str]]:
    """A text followed by its signatures."""
    text = ""
    for paragraph in paragraphs:
        if text and paragraph.startswith("\u2014 "):
            yield text, paragraph
            text = ""
        else:
            text = paragraph
