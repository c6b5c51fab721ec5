"""Jobs for real workers: they leave their traces in a file."""

import os
import time
from pathlib import Path


def note(path: str, text: str) -> None:
    """Append one line in one write, so that lines of several workers do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


def note_around(path: str, seconds: float) -> None:
    note(path, "begun")
    time.sleep(seconds)
    note(path, "ended")


def fail(path: str) -> None:
    note(path, "failed")
    raise RuntimeError("on purpose")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
