"""Which ports the demo's devices listen on: always the same, since a device's port is part of what people approve."""

import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADDRESS = "127.0.0.1"
LAB_DEVICES = 12
USUAL_FIRST = 22001
STEP = 100
LAST_TRIED = 28001


class NoPortsError(Exception):
    """No range of ports is free for the lab."""


def first_lab_port(lab_home: Path) -> int:
    """The first port of the range that this installation's lab used before, or of a free one.

    Raises:
        NoPortsError: none is free.
    """
    kept = lab_home / "first-port"
    text = kept.read_text().strip() if kept.exists() else ""
    candidates: list[int] = [*([int(text)] if text.isdecimal() else []), *range(USUAL_FIRST, LAST_TRIED, STEP)]
    for first in candidates:
        if all(is_free(port) for port in range(first, first + LAB_DEVICES)):
            lab_home.mkdir(parents=True, exist_ok=True)
            kept.write_text(f"{first}\n")
            return first
    raise NoPortsError(
        f"No {LAB_DEVICES} ports in a row are free between {USUAL_FIRST} and {LAST_TRIED}: "
        "end programs that use them (`ss -ltn` shows which)."
    )


@contextmanager
def choosing() -> Iterator[None]:
    """Let nobody else of this user choose ports until the body ends, when they are in use or given up.

    Two demos that start at the same moment would find the same range free.
    """
    path = Path(tempfile.gettempdir()) / f"countersign-lab-ports-{os.getuid()}"
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
