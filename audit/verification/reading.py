"""Rows read ahead: PostgreSQL makes the next ones ready while this process works on those before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol


class Fetching(Protocol):
    """What is needed of a cursor in the server."""

    def fetchmany(self, size: int = 0, /) -> list[Any]:
        """The next rows; none at the end."""


def read_ahead(rows: Fetching, size: int) -> Iterator[Any]:
    """All rows, of which two times ``size`` are in memory at most; one thread of its own waits for those to come.

    Statements of the same connection wait meanwhile until those rows are there, so there should be few.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit-read-ahead") as reader:
        coming = reader.submit(rows.fetchmany, size)
        while found := coming.result():
            coming = reader.submit(rows.fetchmany, size)
            yield from found
