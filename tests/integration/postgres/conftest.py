import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portal.embedded_postgres import Layout, postmaster
from portal.embedded_postgres.layout import ServerUser, is_reachable
from portal.embedded_postgres.locks import is_held_by_anyone

PROGRAM = Path(__file__).with_name("attached_process.py")
SITE_PACKAGES = Path(pytest.__file__).resolve().parents[1]


class AttachedProcess:
    """A process of its own that holds on to the server."""

    def __init__(self, home: Path, *, user: str | None = None, packages: Path = SITE_PACKAGES) -> None:
        environment = {**os.environ, "PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(
            [interpreter_for(user), str(PROGRAM), str(home)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
        )
        self._first: dict[str, Any] | None = None

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process ended without an answer"
        value: dict[str, Any] = json.loads(line)
        return value

    @property
    def first(self) -> dict[str, Any]:
        if self._first is None:
            self._first = self.answer()
        return self._first

    @property
    def server(self) -> int:
        assert "server" in self.first, self.first
        pid: int = self.first["server"]
        return pid

    def tell(self, word: str) -> dict[str, Any]:
        assert self.first
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.answer()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._bury()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self._bury()

    def _bury(self) -> None:
        self.process.wait(30)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def interpreter_for(user: str | None) -> str:
    """An interpreter that ``user`` can run; the one of the tests may stand in a closed home."""
    if user is None:
        return sys.executable
    account = ServerUser.of_uid(pwd.getpwnam(user).pw_uid)
    for candidate in (sys.executable, "/usr/bin/python3.13", "/usr/bin/python3.12", "/usr/bin/python3.11"):
        path = Path(candidate)
        if path.exists() and is_reachable(path.resolve().parent, account):
            return candidate
    reason = "no Python 3.11 or newer that an unprivileged user can run"
    if os.environ.get("CI") == "true":
        raise AssertionError(reason)
    raise pytest.skip.Exception(reason)


def is_alive(pid: int) -> bool:
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def _is_quiet(layout: Layout) -> bool:
    return postmaster.running_pid(layout.data) is None and not is_held_by_anyone(layout.guardian_lock)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that every user of the machine can reach; whatever serves it is stopped afterwards."""
    base = Path(tempfile.mkdtemp(prefix="cs-pg-", dir="/tmp"))
    base.chmod(0o777)
    yield base / "var"
    for marker in base.rglob("control.lock"):
        layout = Layout.of(marker.parents[1])
        assert wait_until(partial(_is_quiet, layout)), "the test left a server or a guardian behind"
        if layout.place != layout.locks:
            shutil.rmtree(layout.place)
        if layout.socket_directory.exists() and base not in layout.socket_directory.parents:
            shutil.rmtree(layout.socket_directory)
    shutil.rmtree(base)


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., AttachedProcess]]:
    """Start attached processes; those that a test left are killed."""
    started: list[AttachedProcess] = []

    def _start(at: Path | None = None, *, user: str | None = None, packages: Path = SITE_PACKAGES) -> AttachedProcess:
        process = AttachedProcess(at or home, user=user, packages=packages)
        started.append(process)
        return process

    yield _start
    for process in started:
        if process.process.poll() is None:
            process.kill()
