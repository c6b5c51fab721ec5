import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.environment import BASE_DIR
from portal.supervision.lifeline import end_with_parent

POLL_S = 0.05
KILL_PATIENCE_S = 5.0
LOG_KEPT_BYTES = 10 * 1024 * 1024


@dataclass
class Child:
    """One supervised program in a session of its own, so that all it starts can be found and ended.

    Attributes:
        name: for people, and the name of its log.
        log: where its output goes; None keeps the supervisor's own.
        parent_death_signal: what the program gets when the supervisor is killed.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None = None
    parent_death_signal: signal.Signals = signal.SIGTERM
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    started_at: float = 0.0

    def start(self) -> None:
        """Start the program; it must not be running."""
        output = self._open_log()
        try:
            self._process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=self._tie(),  # noqa: PLW1509 - between fork and exec only prctl and getppid are called
            )
        finally:
            if output is not None:
                os.close(output)
        self.started_at = time.monotonic()

    def _tie(self) -> Callable[[], None]:
        parent_pid, number = os.getpid(), self.parent_death_signal
        return lambda: end_with_parent(parent_pid, number)

    def _open_log(self) -> int | None:
        if self.log is None:
            return None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_KEPT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def pid(self) -> int | None:
        """The program's process id, which is also its session's; None before the first start."""
        return self._process.pid if self._process else None

    @property
    def age_s(self) -> float:
        """Seconds since the last start."""
        return time.monotonic() - self.started_at

    def exit_code(self) -> int | None:
        """None while it runs; otherwise as ``subprocess`` gives it, negative for a signal."""
        return self._process.poll() if self._process else None

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def ask_to_end(self) -> None:
        """Send SIGTERM to the program alone: qcluster drains then, and hangs when its whole group gets it."""
        if self._process is not None and self.is_running():
            self._process.send_signal(signal.SIGTERM)

    def wait(self, deadline: float) -> bool:
        """Wait until it ended or ``deadline`` (monotonic seconds) has passed; True when it ended."""
        while self.is_running():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        return True

    def kill_all(self) -> None:
        """Kill the program and whatever is left of its session."""
        if self._process is None:
            return
        if self._process.poll() is None:
            kill_group(self._process.pid)
            self._process.wait(KILL_PATIENCE_S)
        kill_session(self._process.pid)

    def log_size(self) -> int:
        """Bytes in its log now."""
        return self.log.stat().st_size if self.log is not None and self.log.exists() else 0

    def log_since(self, offset: int) -> bytes:
        """What its log has gained since it had ``offset`` bytes."""
        if self.log is None or not self.log.exists():
            return b""
        with self.log.open("rb") as file:
            file.seek(offset if offset <= self.log_size() else 0)
            return file.read()

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, for people."""
        if self.log is None or not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 16 * 1024))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def describe_exit(code: int | None) -> str:
    """``ended with code 3`` or ``was killed by SIGKILL``."""
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def kill_group(group: int) -> None:
    """SIGKILL to a whole process group; nothing if there is none."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def session_members(session: int) -> list[int]:
    """The living processes of a session, whatever groups they have moved to."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # pid (name) state ppid pgrp session ...: the name may hold spaces and brackets (proc(5)).
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in {"Z", "X"}:
            found.append(int(entry.name))
    return found


def kill_session(session: int) -> None:
    """Kill what is left of a session, until nothing is."""
    deadline = time.monotonic() + KILL_PATIENCE_S
    while members := session_members(session):
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_S)
