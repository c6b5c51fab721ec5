"""Simulated switches over real SSH whose configurations are backed up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from audit.actor import Actor, Origin
from devices.lab import Lab
from devices.models import BackupRun, ConfigSnapshot, Device, DeviceBackup, DriftRecord
from devices.services.backups import backup_start, backup_work
from tests.integration.changes.conftest import enrol
from tests.integration.lab_fixtures import LAB_PASSWORD, LabFactory, small_device

COMMAND = Actor(user_id=None, username="config_backup", origin=Origin.COMMAND)


@dataclass
class Network:
    """The lab, its devices in the inventory, and backups of them."""

    lab: Lab

    def back_up(self, **filters: str) -> BackupRun:
        """A whole run in this process; bounded by pytest's time limit."""
        run = backup_start(filters=filters, actor=COMMAND)
        while run.state != "ended":
            backup_work(run.pk)
            run.refresh_from_db()
            time.sleep(0.02)
        return run

    def row(self, run: BackupRun, name: str = "sw1") -> DeviceBackup:
        return DeviceBackup.objects.select_related("snapshot__blob").get(run=run, device__name=name)

    def device(self, name: str = "sw1") -> Device:
        return Device.objects.get(name=name)

    def drift(self, name: str = "sw1") -> DriftRecord:
        return DriftRecord.objects.select_related("device", "baseline", "found").get(device__name=name)

    def snapshots(self, name: str = "sw1") -> list[ConfigSnapshot]:
        return list(ConfigSnapshot.objects.filter(device__name=name).order_by("pk"))

    def edit(self, *lines: str, name: str = "sw1") -> None:
        self.lab.device(name).edit_out_of_band(lines)


@pytest.fixture
def network(transactional_db: None, lab: LabFactory, tmp_path: Path, settings: Settings) -> Network:
    running = lab(small_device("sw1"), small_device("sw2"))
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(f"lab: {{username: {running.username}, password: {LAB_PASSWORD}}}\n")
    credentials.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{credentials}"
    settings.DEVICE_RETRY_BASE_S = 0.05
    settings.COUNTERSIGN_BUSY_WAIT_S = 0.05
    settings.DEVICE_READ_TIMEOUT_S = 8.0
    enrol(running)
    return Network(running)


@pytest.fixture
def sampled() -> Iterator[Callable[[Callable[[], int]], list[int]]]:
    """Call a function every few milliseconds, beside the test, and keep what it gave."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(look: Callable[[], int]) -> list[int]:
        seen: list[int] = []

        def work() -> None:
            while not stop.wait(0.01):
                seen.append(look())

        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        return seen

    yield start
    stop.set()
    for thread in threads:
        thread.join()
