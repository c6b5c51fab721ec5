"""Which ports the demo's devices listen on: always the same, since a device's port is part of what people approve."""

import socket
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


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True
