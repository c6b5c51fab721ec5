"""The installation-wide lock on a device: held by PostgreSQL for as long as the process that took it lives.

All device locks of a process stand on one database session of its own. A session for each would cost PostgreSQL a
process for each device that is worked on.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

DEVICE_LOCK_CLASS: Final = 0x0C5D
"""First key of the session advisory locks that guard devices; the second is the device's id."""

# A host that vanished closes nothing: PostgreSQL has to ask whether it is still there (TCP only).
_KEEPALIVE: Final = (
    "SELECT set_config('tcp_keepalives_idle', '10', false),"
    " set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)"
)


class _LockSession:
    """The one session of this process for device locks. It is open while somebody uses it; any thread may."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._users = 0
        self._connection: BaseDatabaseWrapper | None = None
        self._held: dict[int, BaseDatabaseWrapper] = {}
        """Each device that a thread of this process works on, with the connection on which it was locked. A device
        stays in it when that connection is lost: PostgreSQL lets a session take a lock of its own again, so that two
        threads of one process are kept apart here."""

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep the session open until the body ends."""
        with self._guard:
            self._users += 1
        try:
            yield
        finally:
            with self._guard:
                self._users -= 1
                if not self._users:
                    self._drop()

    def take(self, device_id: int) -> bool:
        """Try to lock a device; False where somebody else, or another thread, has it. One query, or three at first."""
        with self._guard:
            if device_id in self._held:
                return False
            connection = self._lock_on_any(device_id)
            if connection is None:
                return False
            self._held[device_id] = connection
            return True

    def give_back(self, device_id: int) -> None:
        """Free a device that :meth:`take` locked. Where its session was lost, PostgreSQL has freed it already."""
        with self._guard:
            connection = self._held.pop(device_id)
            if connection is not self._connection:
                return
            try:
                _ask(connection, "SELECT pg_advisory_unlock(%s, %s)", device_id)
            except DatabaseError:
                self._drop()  # to close the session frees the lock too

    def _lock_on_any(self, device_id: int) -> BaseDatabaseWrapper | None:
        """The connection on which the device is locked now; None where it is somebody else's."""
        if self._connection is not None:
            try:
                return self._connection if _try_lock(self._connection, device_id) else None
            except DatabaseError:
                self._drop()  # lost while nobody looked: the next one finds out whose the devices are
        self._connection = _open()
        try:
            return self._connection if _try_lock(self._connection, device_id) else None
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _open() -> BaseDatabaseWrapper:
    connection = connections.create_connection("default")
    connection.inc_thread_sharing()
    try:
        with connection.cursor() as cursor:
            cursor.execute(_KEEPALIVE)
    except BaseException:
        connection.close()
        raise
    return connection


def _try_lock(connection: BaseDatabaseWrapper, device_id: int) -> bool:
    return _ask(connection, "SELECT pg_try_advisory_lock(%s, %s)", device_id)


def _ask(connection: BaseDatabaseWrapper, statement: str, device_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [DEVICE_LOCK_CLASS, device_id])
        return bool(cursor.fetchone()[0])


_session = _LockSession()


def _after_fork() -> None:
    """A child process holds no lock of its parent's."""
    global _session  # noqa: PLW0603
    _session = _LockSession()


os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def kept_lock_session() -> Iterator[None]:
    """Keep this process's session for device locks open from one device to the next until the body ends."""
    with _session.used():
        yield


@contextmanager
def device_lock(device_id: int) -> Iterator[bool]:
    """Try to take the installation-wide lock on a device. Yields whether it was taken; it never waits for it.

    PostgreSQL frees it when the body ends or the holder's process dies, never earlier, so a worker that is slow but
    alive cannot be overtaken on the device. Within the process another thread is refused as another process is.
    """
    session = _session
    with session.used():
        locked = session.take(device_id)
        try:
            yield locked
        finally:
            if locked:
                session.give_back(device_id)
