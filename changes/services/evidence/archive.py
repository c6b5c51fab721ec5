"""Writing a zip archive to something that can only be written to, and remembering what each file was."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol, cast

LEVEL = 6
_EPOCH_YEAR = 1980
"""The first year that a zip archive can name."""


class Sink(Protocol):
    """Takes the archive's bytes in their order."""

    def write(self, data: bytes, /) -> int:
        """Take them; how many they were."""

    def flush(self) -> None:
        """Nothing has to happen yet."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the archive as the manifest lists it."""

    path: str
    size: int
    sha256: str


class Archive:
    """A zip archive that is written as a stream: memory grows with the number of files alone, some 500 bytes each.

    Everything is dated with ``at``, and large files are allowed from the first one (ZIP64).
    """

    def __init__(self, sink: Sink, at: datetime) -> None:
        self._zip = zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self._date = (max(at.year, _EPOCH_YEAR), at.month, at.day, at.hour, at.minute, at.second)

    def add(self, path: str, data: bytes) -> Written:
        """Write a small file."""
        return self.stream(path, (data,))

    def stream(self, path: str, chunks: Iterable[bytes]) -> Written:
        """Write a file of which only a piece is in memory at a time."""
        size, hashed = 0, hashlib.sha256()
        with self._open(path) as file:
            for chunk in chunks:
                size += len(chunk)
                hashed.update(chunk)
                file.write(chunk)
        return Written(path, size, hashed.hexdigest())

    def close(self) -> None:
        """Write the list of files; before that it is no archive."""
        self._zip.close()

    @contextmanager
    def _open(self, path: str) -> Iterator[IO[bytes]]:
        entry = zipfile.ZipInfo(path, self._date)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        with self._zip.open(entry, "w", force_zip64=True) as file:
            yield file
