import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from portal.embedded_postgres import DATABASE, ROLE, Layout
from portal.environment import BASE_DIR
from portal.supervision.child import session_members


class Worker:
    """A real ``manage.py worker`` and a look at its processes."""

    def __init__(self, environment: dict[str, str], log: Path, *, drain_s: float) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(BASE_DIR / "manage.py"),
                    "worker",
                    "--skip-checks",
                    "--drain-seconds",
                    str(drain_s),
                ],
                env=environment,
                stdout=output,
                stderr=output,
            )

    def children(self, pid: int | None = None) -> list[int]:
        path = Path(f"/proc/{pid or self.process.pid}/task/{pid or self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]

    def cluster(self) -> int:
        """The process id of qcluster's parent, once it has forked its sentinel and that its workers."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for pid in self.children() if "qcluster" in command_of(pid)]
            return bool(found) and len(session_members(found[0])) >= 6

        wait_for(look, "the cluster with its workers", seconds=30, log=self.log)
        return found[0]

    def family(self) -> list[int]:
        """All processes below the watchdog."""
        return [member for child in self.children() for member in session_members(child)]

    def sentinel(self) -> int:
        """The process that guards the others; its parent only waits for it."""
        (sentinel,) = (pid for pid in self.children(self.cluster()) if len(self.children(pid)) >= 4)
        return sentinel

    def idle_workers(self) -> list[int]:
        """The workers of an idle cluster: the sentinel forks them first."""
        return self.children(self.sentinel())[:2]

    def monitor(self) -> int:
        """The sentinel forks the monitor and the pusher last."""
        return self.children(self.sentinel())[2]

    def pusher(self) -> int:
        """The sentinel forks the monitor and the pusher last."""
        return self.children(self.sentinel())[3]

    def stop(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], what: str, *, seconds: float = 20, log: Path | None = None) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except FileNotFoundError:
            pass  # a process went away between two looks
        time.sleep(0.05)
    words = log.read_text()[-3000:] if log and log.exists() else ""
    raise AssertionError(f"no sign of {what} after {seconds} s\n{words}")


def rows_of(home: Path, query: str) -> list[tuple[object, ...]]:
    """What the embedded server of this home answers, without a process that loads the whole product to ask."""
    with psycopg.connect(host=str(Layout.of(home).socket_directory), user=ROLE, dbname=DATABASE) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def worker(process_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start workers on this test's database; what is left of them afterwards is killed."""
    started: list[Worker] = []
    families: set[int] = set()

    def start(*, drain_s: float = 10, **settings: str) -> Worker:
        environment = {**process_environment, "COUNTERSIGN_WORKERS": "2", **settings}
        one = Worker(environment, tmp_path / f"worker-{len(started)}.log", drain_s=drain_s)
        started.append(one)
        return one

    yield start
    for one in started:
        if one.process.poll() is None:
            families.update(one.family())
            one.process.kill()
            one.process.wait(10)
    for pid in families:
        wait_for(lambda pid=pid: not is_running(pid), f"the end of process {pid}")  # type: ignore[misc]  # a default
