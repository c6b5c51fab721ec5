"""``flock`` as this package uses it.

A lock belongs to the open file description, so a forked child that keeps the descriptor keeps the lock
too. That is wanted: gunicorn's and qcluster's children use the server for as long as they live. Hence a lock is
only ever given up by *closing* the descriptor; ``LOCK_UN`` would take it from parent and siblings as well.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.02


def open_lock(path: Path, *, make: bool = True) -> int:
    """Open a lock file, made if need be; the descriptor is not passed on to executed programs."""
    return os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)


def try_exclusive(descriptor: int) -> bool:
    """Take the exclusive lock if nobody holds any."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def exclusive(path: Path, *, timeout_s: float, make: bool = True) -> Iterator[None]:
    """Hold ``path`` exclusively.

    Raises:
        FileNotFoundError: the file or its folder is gone.
        TimeoutError: somebody else held it for longer than ``timeout_s``.
    """
    descriptor = open_lock(path, make=make)
    try:
        deadline = time.monotonic() + timeout_s
        while not try_exclusive(descriptor):
            if time.monotonic() > deadline:
                raise TimeoutError(path)
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def is_held_by_anyone(path: Path) -> bool:
    """Whether some process holds ``path``, shared or exclusively."""
    descriptor = open_lock(path)
    try:
        return not try_exclusive(descriptor)
    finally:
        os.close(descriptor)
