import os
import signal
import sys
import time
from pathlib import Path

import pytest

from portal.supervision.child import Child, describe_exit, session_members


def child(code: str, log: Path) -> Child:
    return Child(name="part", command=[sys.executable, "-c", code], environment=dict(os.environ), log=log)


def wait_for_words(part: Child, words: str) -> None:
    deadline = time.monotonic() + 10
    while words not in part.last_words() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert words in part.last_words()


def test_program_its_log_and_its_end(tmp_path: Path) -> None:
    part = child("print('first'); print('last'); raise SystemExit(3)", tmp_path / "log" / "part.log")
    assert part.pid is None
    assert not part.is_running()
    part.start()
    assert part.wait(time.monotonic() + 10)
    assert part.exit_code() == 3
    assert part.last_words(1) == "last"
    assert part.log_since(len("first\n")) == b"last\n"
    assert oct((tmp_path / "log" / "part.log").stat().st_mode & 0o777) == "0o600"


def test_killing_takes_along_what_left_the_group(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "if os.fork() == 0: os.setpgid(0, 0)\n"
        "os.write(1, b'started\\n'); time.sleep(60)"  # at once: two processes write it
    )
    part = child(code, tmp_path / "part.log")
    part.start()
    wait_for_words(part, "started\nstarted")
    assert part.pid is not None
    assert len(session_members(part.pid)) == 2
    part.kill_all()
    assert session_members(part.pid) == []
    assert part.exit_code() == -signal.SIGKILL


def test_only_the_program_itself_is_asked_to_end(tmp_path: Path) -> None:
    code = (
        "import os, signal, time\n"
        "pid = os.fork()\n"
        "name = 'child' if pid == 0 else 'parent'\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print(name, 'asked', flush=True), os._exit(0)))\n"
        "os.write(1, b'started\\n'); time.sleep(60)"  # at once: two processes write it
    )
    part = child(code, tmp_path / "part.log")
    part.start()
    wait_for_words(part, "started\nstarted")
    part.ask_to_end()
    assert part.wait(time.monotonic() + 10)
    assert "parent asked" in part.last_words()
    assert "child asked" not in part.last_words()
    part.kill_all()


@pytest.mark.parametrize(
    ("code", "words"), [(0, "ended with code 0"), (3, "ended with code 3"), (-9, "was killed by SIGKILL")]
)
def test_exits_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words


def test_large_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    with log.open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    part = child("print('new')", log)
    part.start()
    assert part.wait(time.monotonic() + 10)
    assert log.read_text() == "new\n"
    assert (tmp_path / "part.log.1").stat().st_size == 11 * 1024 * 1024
