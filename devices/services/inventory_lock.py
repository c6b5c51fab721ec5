"""One synchronisation of a source at a time, over the whole installation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from zlib import crc32

from django.db import connection

from devices.errors import SyncRunningError

SYNC_LOCK_CLASS: Final = 0x0C5E
"""First key of the session advisory locks that guard sources; the second comes from the source's name."""


@contextmanager
def source_lock(source: str) -> Iterator[None]:
    """Hold the source's lock; it ends with the connection, so a worker that dies holds nobody up.

    Raises:
        SyncRunningError: another session has it.
    """
    keys = _keys(source)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)
        if not cursor.fetchone()[0]:
            raise SyncRunningError(f"The source “{source}” is being synchronised at this moment. Wait until it ended.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)


def assert_locked(source: str) -> None:
    """Make sure, inside a transaction, that nobody else got the lock while a broken connection was replaced.

    Raises:
        SyncRunningError: another session has it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", _keys(source))
        if not cursor.fetchone()[0]:
            raise SyncRunningError(f"Another process took over the source “{source}” meanwhile.")


def _keys(source: str) -> list[int]:
    return [SYNC_LOCK_CLASS, crc32(source.encode()) - 2**31]
