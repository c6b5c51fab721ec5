"""How long work stands still when a part of a worker is killed: `python -m tests.bench.hang_bench [--rounds N]`.

A real worker with two processes on an installation of its own; each part is killed when it has been idle for a while,
and the seconds are counted until the next task is done. Prints a table, and exits with 1 if one took over 15 s.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BASE = Path(__file__).resolve().parents[2]
LIMIT_S = 15.0
IDLE_S = 31.0
"""A group that dies young is started again after pauses that grow, which is not what is measured."""


class Measurement:
    """A worker whose parts are killed one after the other."""

    def __init__(self, home: Path) -> None:
        from tests.integration.supervision.conftest import Worker

        self._worker = Worker(dict(os.environ), home / "worker.log", drain_s=5)
        self._notes = home / "notes"
        self._count = 0

    def close(self) -> None:
        """End the worker."""
        self._worker.stop(seconds=60)

    def kill(self, pids: Callable[[], list[int]]) -> tuple[float, float]:
        """Seconds until the next task was done, and until one was taken out of the queue again."""
        from django_q.models import OrmQ

        self._worker.cluster()
        time.sleep(IDLE_S)
        OrmQ.objects.all().delete()
        began = time.monotonic()
        for pid in pids():
            os.kill(pid, signal.SIGKILL)
        while not self._rings_through():
            pass
        done_s = time.monotonic() - began
        while OrmQ.objects.exists():
            # Those that the killed group had taken are delivered again after minutes only.
            OrmQ.objects.all().delete()
            self._rings_through()
            time.sleep(0.5)
        return done_s, time.monotonic() - began

    def _rings_through(self) -> bool:
        """Ring once and wait a second: what a killed group had fetched already is lost with it, until the next ring."""
        from django_q.tasks import async_task

        from tests.integration.supervision import jobs

        self._count += 1
        async_task("tests.integration.supervision.jobs.note", str(self._notes), str(self._count))
        deadline = time.monotonic() + 1
        before = len(jobs.lines(self._notes))
        while time.monotonic() < deadline:
            if len(jobs.lines(self._notes)) > before:
                return True
            time.sleep(0.02)
        return False

    def parts(self) -> dict[str, Callable[[], list[int]]]:
        """What is killed."""
        from portal.supervision.child import session_members

        worker = self._worker
        return {
            "both idle workers, one of which holds the queue's lock": worker.idle_workers,
            "the monitor, which takes tasks that are done out of the queue": lambda: [worker.monitor()],
            "the pusher, which takes tasks from the queue": lambda: [worker.pusher()],
            "the sentinel, which guards the others": lambda: [worker.sentinel()],
            "qcluster's parent": lambda: [worker.cluster()],
            "the whole group": lambda: session_members(worker.cluster()),
        }


def main() -> int:
    """Measure each part so many times."""
    parser = argparse.ArgumentParser(description="Kill the parts of a worker and see how long work stands still.")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    root = Path(os.environ.get("COUNTERSIGN_HOME") or BASE / "var") / "bench"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="home-") as folder:
        Path(folder).chmod(0o755)
        os.environ.pop("DATABASE_URL", None)
        os.environ |= {
            "COUNTERSIGN_TEST_HOME": folder,
            "COUNTERSIGN_WORKERS": "2",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        return _measured(Path(folder), rounds)


def _measured(home: Path, rounds: int) -> int:
    from portal.start import prepare

    prepare(attach_database=True)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    measurement = Measurement(home)
    longest = 0.0
    sys.stdout.write(
        "| killed | next task done after, s | tasks leave the queue again after, s |\n| --- | --- | --- |\n"
    )
    try:
        for name, pids in measurement.parts().items():
            found = [measurement.kill(pids) for _ in range(rounds)]
            done, left = (", ".join(f"{each:.1f}" for each in column) for column in zip(*found, strict=True))
            longest = max(longest, *(done_s for done_s, _left_s in found))
            sys.stdout.write(f"| {name} | {done} | {left} |\n")
            sys.stdout.flush()
    finally:
        measurement.close()
    return int(longest > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
