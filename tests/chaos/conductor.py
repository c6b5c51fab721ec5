"""The conductor: hears each point of each worker, lets it go on, or does there what the schedule says."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import Error, connection
from django.db.models import Q
from django.db.models.functions import Now

from changes.models import DeviceRun, Run
from changes.services.dispatch import dispatch_once
from tests.chaos.schedules import Fault, Schedule
from tests.chaos.stage import Simulated, database_kill, patiently
from tests.chaos.worker import LEASE_S, SOCKET

PATIENCE_S = 20.0
LONGEST_S = 150.0


class Zygote:
    """The process that forks workers, and those that it forked."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        environment = {
            **environment, SOCKET: str(home / "conductor"), "DEVICE_CREDENTIALS": settings.DEVICE_CREDENTIALS,
        }  # fmt: skip
        self._log = (home / "workers.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker"],
            env=environment, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True,
        )  # fmt: skip
        self._guard = threading.Lock()
        self.pids: set[int] = set()

    def spawn(self, run_id: int, threads: int) -> int:
        """Start a worker."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._guard:
            self._process.stdin.write(f"{run_id} {threads}\n")
            self._process.stdin.flush()
            pid = int(self._process.stdout.readline())
            self.pids.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        """Kill a worker and see it gone."""
        self.pids.discard(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.005)

    def kill_all(self) -> None:
        """Kill those of the last schedule that are left."""
        for pid in list(self.pids):
            self.kill(pid)

    def close(self) -> None:
        """End every worker and the process itself."""
        self.kill_all()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()


@dataclass
class Course:
    """What happened in one schedule."""

    schedule: Schedule
    run: Run
    places: dict[int, int]
    """The place of each device run in the change."""
    devices: dict[int, Simulated]
    """The device of each place."""
    points: dict[int, list[str]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    in_time: bool = True


class Conductor:
    """Runs one schedule after the other."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.zygote = Zygote(home, environment)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(home / "conductor"))
        self._listener.listen(64)
        self._course: Course | None = None
        self._guard = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.zygote.close()
        self._listener.close()

    def play(self, course: Course) -> Course:
        """Start the workers, disturb them as scheduled, and return when the run has ended or the time is over."""
        self._course = course
        for _ in range(course.schedule.workers):
            self.zygote.spawn(course.run.pk, course.schedule.threads)
        deadline = time.monotonic() + LONGEST_S
        while not self._look(course):
            if time.monotonic() > deadline:
                course.in_time = False
                break
            time.sleep(0.05)
        self._course = None
        self.zygote.kill_all()
        return course

    def _look(self, course: Course) -> bool:
        """One round of the dispatcher; workers that ended or died are replaced. Tells whether the run has ended."""
        try:
            dispatch_once()
            if Run.objects.filter(pk=course.run.pk, state="ended").exists():
                return True
        except Error:
            connection.close()
        dead = {pid for pid in list(self.zygote.pids) if not Path(f"/proc/{pid}").exists()}
        self.zygote.pids.difference_update(dead)
        for _ in range(course.schedule.workers - len(self.zygote.pids)):
            self.zygote.spawn(course.run.pk, course.schedule.threads)
        return False

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        # A worker that was killed at its point gets no answer any more.
        with contextlib.suppress(OSError, ValueError), line, line.makefile("rw") as file:
            for report in file:
                said = json.loads(report)
                try:
                    self._at_point(said)
                    # A stopped worker finds the word when it wakes: it goes on at once, before its other threads.
                    file.write("go\n")
                    file.flush()
                finally:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(said["pid"], signal.SIGCONT)

    def _at_point(self, report: dict[str, Any]) -> None:
        course = self._course
        place = course.places.get(report["device_run"]) if course else None
        if course is None or place is None:
            return
        faults = course.schedule.faults.get(place, {})
        with self._guard:
            seen = course.points.setdefault(place, [])
            named = None if report["point"] in seen else faults.get(report["point"])
            seen.append(report["point"])
            number = len(seen)
        fault = faults.get(number, named)
        if fault is None:
            return
        course.events.append(f"{course.devices[place].name} at {number}, {report['point']}: {fault}")
        try:
            self._do(fault, course.devices[place], report)
        finally:
            connection.close()

    def _do(self, fault: Fault, device: Simulated, report: dict[str, Any]) -> None:
        if fault in (Fault.STOP, Fault.STOP_AND_DATABASE):
            self._stop(fault, report)
            return
        if fault in (Fault.REBOOT, Fault.KILL_AND_REBOOT):
            device.reboot()
        if fault is Fault.CUT:
            device.cut()
        if fault is Fault.DISK:
            device.fill_disk()
        if fault in (Fault.KILL, Fault.KILL_AND_DATABASE, Fault.KILL_AND_REBOOT):
            self._kill(report)
        if fault in (Fault.DATABASE, Fault.KILL_AND_DATABASE):
            with self._guard:
                database_kill()

    def _kill(self, report: dict[str, Any]) -> None:
        """Kill the worker, and let the leases that it held end now instead of in some seconds."""
        self.zygote.kill(report["pid"])

        def expire() -> None:
            held = DeviceRun.objects.filter(pk=report["device_run"], fence=report["fence"], owner__isnull=False).first()
            if held is not None:
                DeviceRun.objects.filter(owner=held.owner).update(lease_until=Now())

        patiently(expire)

    def _stop(self, fault: Fault, report: dict[str, Any]) -> None:
        """Stop the worker for longer than its lease, until the dispatcher has handed its device on.

        With the database killed too, the session lock on the device is lost, and others really work on it meanwhile.
        """
        pid = report["pid"]
        os.kill(pid, signal.SIGSTOP)
        if fault is Fault.STOP_AND_DATABASE:
            with self._guard:
                database_kill()
        time.sleep(LEASE_S + 0.5)
        rows = DeviceRun.objects.filter(pk=report["device_run"])
        gone = rows.exclude(fence=report["fence"])
        if fault is Fault.STOP_AND_DATABASE:
            gone = gone.filter(~Q(ended_at=None) | Q(fence__gte=report["fence"] + 3))
        deadline = time.monotonic() + PATIENCE_S
        while not patiently(gone.exists) and time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
            time.sleep(0.1)
