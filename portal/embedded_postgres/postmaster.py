"""What can be said about a running server from its data directory and /proc, and how to end it."""

import os
import signal
import time
from pathlib import Path

POLL_S = 0.02
FAST_STOP_S = 30.0
IMMEDIATE_STOP_S = 5.0
STATUS_LINE = 7  # 0-based line of postmaster.pid that holds starting, ready, stopping (PostgreSQL's pidfile.h)


def running_pid(data: Path) -> int | None:
    """The process id of the server that serves ``data``, or None.

    The pid file alone is not believed: after a crash its number may belong to any other process.
    """
    lines = _pid_file_lines(data)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if _serves(pid, data) else None


def is_ready(data: Path) -> bool:
    """Whether the running server says that it accepts connections."""
    lines = _pid_file_lines(data)
    return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"


def wait_until_ready(data: Path, *, timeout_s: float) -> bool:
    """Wait for a server that is starting; False when it ended or the time is over."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and running_pid(data) is not None:
        if is_ready(data):
            return True
        time.sleep(POLL_S)
    return False


def remove_stale_files(data: Path, socket_directory: Path, *, timeout_s: float = 10.0) -> None:
    """Remove the lock files that a dead server left, once none of its backends is left either.

    PostgreSQL does it itself unless the number in them belongs to some process by now, be it a dead one that
    nobody has buried. Backends of a killed postmaster end by themselves; one that does not is killed, because
    a second server on the same files would destroy them.
    """
    deadline = time.monotonic() + timeout_s
    while (data / "postmaster.pid").exists() and (orphans := _backends(data)):
        if time.monotonic() > deadline:
            for pid in orphans:
                _signal(pid, signal.SIGKILL)
        time.sleep(POLL_S)
    (data / "postmaster.pid").unlink(missing_ok=True)
    for lock in socket_directory.glob(".s.PGSQL.*"):
        lock.unlink(missing_ok=True)


def stop(data: Path) -> None:
    """End the server: a fast shutdown, an immediate one after 30 s, a kill after 5 s more."""
    for stop_signal, patience_s in (
        (signal.SIGINT, FAST_STOP_S),
        (signal.SIGQUIT, IMMEDIATE_STOP_S),
        (signal.SIGKILL, IMMEDIATE_STOP_S),
    ):
        pid = running_pid(data)
        if pid is None:
            return
        _signal(pid, stop_signal)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and _serves(pid, data):
            time.sleep(POLL_S)


def _pid_file_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _serves(pid: int, data: Path) -> bool:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return Path(os.fsdecode(arguments[0])).name == "postgres" and os.fsencode(data) in arguments


def _backends(data: Path) -> list[int]:
    """Processes of a server work in its data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            directory = (entry / "cwd").readlink()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if directory == data and command.startswith((b"postgres:", b"postgres\0")):
            found.append(int(entry.name))
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
