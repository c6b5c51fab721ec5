"""Worker processes for chaos: real ones, which tell the conductor each recorded step and wait there for its word.

One process sets Django up and then forks a worker for each line on its standard input: a fork takes milliseconds, a
start takes a second. A worker is killed, stopped and woken by its process id like any other.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from typing import Final

import django
from django.conf import settings

SOCKET: Final = "COUNTERSIGN_CHAOS_SOCKET"
LEASE_S: Final = 5
"""Of the workers: as short as a busy machine allows, since a stopped worker is waited for."""
_local = threading.local()


def tell(device_run: int, fence: int, point: str) -> None:
    """Report a point to the conductor and wait until it says go; without a conductor there is nothing left to do."""
    try:
        if not hasattr(_local, "file"):
            line = socket.socket(socket.AF_UNIX)
            line.connect(os.environ[SOCKET])
            _local.file = line.makefile("rw")
        report = {"pid": os.getpid(), "device_run": device_run, "fence": fence, "point": point}
        _local.file.write(json.dumps(report) + "\n")
        _local.file.flush()
        if not _local.file.readline():
            os._exit(3)
    except OSError:
        os._exit(3)


def watch_the_journal() -> None:  # noqa: C901 - one small method for each write
    """Have device runs use a journal that reports before and after each of its writes."""
    from django.db import connection

    from changes.domain.run_states import DeviceRunState
    from changes.services import device_run
    from changes.services.journal import Journal, StepNotes

    class WatchedJournal(Journal):
        """The product's journal; its writes are the same, with a point before and after each."""

        _leaving = ""

        def _tell(self, point: str) -> None:
            # Inside a transaction the row is locked, and its outcome is not decided: the points around it count.
            if not connection.in_atomic_block:
                tell(self.claim.row_id, self.claim.fence, point)

        def _enter(self, state: DeviceRunState) -> int:
            self._tell(f"{state.value}: before its intent")
            step = super()._enter(state)
            self._tell(f"{state.value}: intent written")
            return step

        def _end(self, step_id: int, notes: StepNotes) -> None:
            name = self.state.value if self.state else "step"
            self._tell(f"{name}: before its outcome")
            super()._end(step_id, notes)
            self._tell(f"{name}: outcome known")

        def before_line(self, *, sent: int, applied: int, first: bool) -> None:
            self._tell(f"line {sent}: before its intent")
            self._leaving = f"line {sent}"
            super().before_line(sent=sent, applied=applied, first=first)

        def line(self, *, sent: int, applied: int) -> None:
            self._tell(f"line {sent}: taken")
            super().line(sent=sent, applied=applied)
            self._tell(f"line {sent}: outcome written")

        def intend(self, notes: StepNotes) -> None:
            self._tell("way back: before it is on record")
            self._leaving = "way back: on record"
            super().intend(notes)

        def before_backout_line(self, *, sent: int, applied: int, begins: bool) -> None:
            self._tell(f"line back {sent}: before its intent")
            self._leaving = f"line back {sent}"
            super().before_backout_line(sent=sent, applied=applied, begins=begins)

        def backout_line(self, *, sent: int, applied: int) -> None:
            self._tell(f"line back {sent}: taken")
            super().backout_line(sent=sent, applied=applied)
            self._tell(f"line back {sent}: outcome written")

        def assert_held(self) -> None:
            self._tell("way back: before the lease is extended")
            self._leaving = "way back"
            super().assert_held()

        def refuse_late(self, began: float) -> None:
            self._tell(f"{self._leaving}: intent written")
            super().refuse_late(began)

        def end(self, state: DeviceRunState, *, code: str = "", detail: str = "") -> None:
            self._tell(f"{state.value}: before the end")
            super().end(state, code=code, detail=detail)
            self._tell(f"{state.value}: end written")

    device_run.Journal = WatchedJournal  # type: ignore[attr-defined]


def work(run_id: int) -> None:
    """What a worker does all day: pull devices of a run until the run has ended, whatever becomes of the database."""
    from django.db import Error, connection

    from changes.models import Run
    from changes.services.execution import run_devices

    parent = os.getppid()
    while os.getppid() == parent:  # else the conductor and who forked it are gone
        try:
            run_devices(run_id)
            if Run.objects.filter(pk=run_id, state="ended").exists():
                return
        except Error:
            connection.close()
        time.sleep(0.1)


def main() -> None:
    """Fork a worker for each run id and number of threads that is read, and print its process id."""
    django.setup()
    settings.COUNTERSIGN_LEASE_S = LEASE_S
    watch_the_journal()
    from devices.drivers import napalm_eos, netmiko_cli  # noqa: F401 - imported once, for all that are forked

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            sys.stdin.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 1
            try:
                run_id, threads = map(int, line.split())
                settings.COUNTERSIGN_THREADS = threads
                work(run_id)
                code = 0
            except Exception:  # noqa: BLE001 - the outermost frame of a process: os._exit would swallow it
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
