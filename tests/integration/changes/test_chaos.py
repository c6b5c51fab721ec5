"""Workers that are killed, stopped and cut off at random moments: every device ends true, no line is applied twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from changes.models import DeviceRun, Run
from changes.services.dispatch import dispatch_once
from devices.lab.ios.machine import IosMachine
from devices.lab.lab import Lab, LabDevice
from devices.lab.site import site_specs
from tests.integration.changes.conftest import Office, story
from tests.integration.changes.test_unforeseen_errors import carried_on, cut_database_connections

pytestmark = [pytest.mark.lab, pytest.mark.workers, pytest.mark.timeout(150)]

LINES = [f"logging host 10.9.0.{number}" for number in range(1, 13)]
DEVICES = 9
RUNNERS = 2
KILLS = 6
CHAOS_S = 40.0
LEASE_S = 3

# What a worker does all day, with a lease that a test can wait for.
RUNNER = f"""
import sys, time, django
django.setup()
from django.conf import settings
from django.db import Error, connection
settings.COUNTERSIGN_LEASE_S = {LEASE_S}
settings.COUNTERSIGN_BUSY_WAIT_S = settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.3
settings.DEVICE_RETRY_BASE_S = 0.1
from changes.models import Run
from changes.services.execution import run_devices
while True:
    try:
        run_devices(int(sys.argv[1]))
        if Run.objects.filter(pk=sys.argv[1], state="ended").exists():
            break
    except Error:
        connection.close()
    time.sleep(0.1)
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    specs = [spec for spec in site_specs(24) if spec.role == "access"][:DEVICES]
    with Lab(tmp_path / "lab", specs) as running:
        yield running


class Chaos:
    """Runner processes, and what happens to them; the seed decides what and, counted in received lines, when."""

    def __init__(self, run: Run, lab: Lab, environment: dict[str, str], seed: int) -> None:
        self._run = run
        self._lab = lab
        self._environment = {**environment, "DEVICE_CREDENTIALS": settings.DEVICE_CREDENTIALS}
        self._random = random.Random(seed)
        self._runners = [self._start() for _ in range(RUNNERS)]
        self._stopped: dict[int, float] = {}
        self.events: list[str] = []

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", RUNNER, str(self._run.pk)]
        return subprocess.Popen(command, env=self._environment, cwd=settings.BASE_DIR, stderr=subprocess.DEVNULL)

    def _lines(self) -> int:
        return sum(len(device.config_lines()) for device in self._lab.devices)

    def rage(self, deadline: float) -> None:
        """Disturb until enough has happened, the run has ended, or time is up."""
        plan = ["kill"] * KILLS + ["stop", "cut"]
        self._random.shuffle(plan)
        at = self._random.randint(3, 12)
        while plan and not self._is_ended() and time.monotonic() < deadline:
            dispatch_once()
            self._wake(time.monotonic())
            if self._lines() >= at:
                getattr(self, f"_{plan[0]}")()
                self.events.append(plan.pop(0))
                at = self._lines() + self._random.randint(2, 14)
            time.sleep(0.05)

    def _is_ended(self) -> bool:
        self._run.refresh_from_db()
        return self._run.state == "ended"

    def _kill(self) -> None:
        at = self._random.randrange(RUNNERS)
        self._runners[at].kill()
        self._runners[at].wait()
        self._runners[at] = self._start()

    def _stop(self) -> None:
        victim = self._random.choice(self._runners)
        os.kill(victim.pid, signal.SIGSTOP)
        self._stopped[victim.pid] = time.monotonic() + LEASE_S + 2

    def _cut(self) -> None:
        cut_database_connections()

    def _wake(self, now: float) -> None:
        """Let the stopped go on, in the middle of what they did, long after their leases have ended."""
        for runner in self._runners:
            if runner.pid in self._stopped and self._stopped[runner.pid] <= now:
                del self._stopped[runner.pid]
                os.kill(runner.pid, signal.SIGCONT)

    def calm(self) -> None:
        """Let everybody live; return when the run has ended, or fail."""
        self._wake(float("inf"))
        deadline = time.monotonic() + 60
        while not self._is_ended() and time.monotonic() < deadline:
            dispatch_once()
            time.sleep(0.1)

    def end(self) -> None:
        for runner in self._runners:
            runner.kill()
            runner.wait()


def truth(device: LabDevice, baseline: str) -> str:
    """Which of the two configurations a device has now, whatever the records say."""
    twin = IosMachine(
        hardware=device.spec.hardware, startup=baseline, clock=lambda: datetime.now(UTC),
        minute=timedelta(minutes=1), on_startup=lambda _text: None,
    )  # fmt: skip
    twin.edit(LINES)
    return {baseline: "baseline", twin.running_text(): "target"}.get(device.running_config(), "something else")


@pytest.mark.parametrize("seed", [20261121, 4711])
def test_whatever_happens_to_the_workers_every_device_ends_true(
    office: Office, process_environment: dict[str, str], seed: int
) -> None:
    baselines = {device.name: device.running_config() for device in office.lab.devices}
    startups = {device.name: device.startup_config() for device in office.lab.devices}
    run = office.started(office.approved(content="\n".join(LINES) + "\n", strategy={"max_parallel": 3}))
    for device in office.lab.devices:
        device.faults.latency_s = 0.08
    refusing, dropping = random.Random(seed).sample(office.lab.devices, 2)
    refusing.faults.reject = r"^logging host 10\.9\.0\.7$"
    dropping.faults.drop_after_config_lines, dropping.faults.drop_times = 5, 1

    chaos = Chaos(run, office.lab, process_environment, seed)
    try:
        chaos.rage(time.monotonic() + CHAOS_S)
        for device in office.lab.devices:
            device.faults.latency_s = 0
        chaos.calm()
    finally:
        chaos.end()
    carried_on(run)

    what = f"{chaos.events}\n{story(run)}"
    assert chaos.events.count("kill") >= 3, what
    rows = DeviceRun.objects.filter(run=run).select_related("device")
    assert rows.count() == DEVICES
    for row in rows:
        device = office.lab.device(row.device.name)
        now = truth(device, baselines[device.name])
        assert (row.state, now) in {
            ("succeeded", "target"), ("rolled_back", "baseline"), ("failed", "baseline"),
        }, f"{device.name} is at its {now}\n{what}"  # fmt: skip
        saved = device.startup_config()
        assert saved == (startups[device.name] if now == "baseline" else device.running_config()), device.name
        for line in LINES:
            assert device.config_lines().count(line) <= 1, f"{device.name}: {line}\n{what}"
        assert row.owner is None
    assert not rows.filter(device__name=refusing.name, state="succeeded").exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE locktype = 'advisory' AND classid = %s AND datname = current_database()",
            [0x0C5D],
        )
        assert cursor.fetchone() == (0,), "no device stays locked"
