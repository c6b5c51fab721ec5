"""A worker that dies at any recorded step: nothing is lost, no line is applied twice, every end is true."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from changes.models import DeviceRun, Run, RunStep
from changes.services.dispatch import dispatch_once
from devices.lab.lab import LabDevice
from tests.integration.changes.conftest import Office, ends
from tests.integration.changes.runner_process import RunnerProcess

pytestmark = [pytest.mark.lab, pytest.mark.workers]

LINES = [f"logging host 10.9.0.{number}" for number in range(1, 9)]
CONTENT = "\n".join(LINES) + "\n"
ONE = {"filter": {"name": "fra-acc-01"}}


def wait_until(condition: Callable[[], bool], *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def kill(process: RunnerProcess) -> None:
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def recover(office: Office, run: Run) -> None:
    """Let the lease end, have the dispatcher hand the device on, and work until the run has ended."""
    DeviceRun.objects.filter(run=run, owner__isnull=False).update(lease_until="2000-01-01T00:00:00Z")
    dispatch_once()
    office.worked_on(run)


def applied_at_most_once(device: LabDevice) -> bool:
    lines = device.config_lines()
    return all(lines.count(line) <= 1 for line in LINES)


def test_killed_between_two_lines_the_device_is_read_back_and_backed_out(
    office: Office, process_environment: dict[str, str]
) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
    kill(worker)
    device.faults.latency_s = 0

    recover(office, run)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "LEASE_LOST")}
    assert device.running_config() == before
    assert applied_at_most_once(device)
    steps = list(RunStep.objects.filter(device_run__run=run).values_list("name", "outcome"))
    assert ("applying", "lost") in steps
    assert ("reconciling", "ok") in steps
    assert ("backing_out", "ok") in steps


@pytest.mark.parametrize("step", ["connecting", "checking", "snapshotting"])
def test_killed_before_the_first_line_the_device_run_starts_again(
    office: Office, process_environment: dict[str, str], step: str
) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: RunStep.objects.filter(device_run__run=run, name=step).exists())
    kill(worker)
    lost_after_snapshot = RunStep.objects.filter(device_run__run=run, name="applying").exists()
    device.faults.latency_s = 0

    recover(office, run)

    expected = {("succeeded", "")} | ({("rolled_back", "LEASE_LOST")} if lost_after_snapshot else set())
    assert ends(run)["fra-acc-01"] in expected
    assert applied_at_most_once(device)


@pytest.mark.parametrize("step", ["verifying", "saving"])
def test_killed_after_the_last_line_the_change_is_found_applied_and_goes_on(
    office: Office, process_environment: dict[str, str], step: str
) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.1
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: RunStep.objects.filter(device_run__run=run, name=step).exists())
    kill(worker)
    device.faults.latency_s = 0

    recover(office, run)

    assert ends(run) == {"fra-acc-01": ("succeeded", "")}
    assert all(device.config_lines().count(line) == 1 for line in LINES)
    assert all(line in device.startup_config() for line in LINES)


def test_killed_in_the_middle_of_a_backout_the_backout_is_finished(
    office: Office, process_environment: dict[str, str]
) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.reject = r"^logging host 10\.9\.0\.8$"
    device.faults.latency_s = 0.12
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: any(line.startswith("no logging host") for line in device.config_lines()))
    kill(worker)
    device.faults.latency_s = 0

    recover(office, run)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "COMMAND_REJECTED")}
    assert device.running_config() == before
    assert applied_at_most_once(device)


def test_a_device_edited_elsewhere_after_the_loss_is_left_for_people(
    office: Office, process_environment: dict[str, str]
) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
    kill(worker)
    device.faults.latency_s = 0
    device.edit_out_of_band(["interface Vlan99", "description Somebody else's work"])

    recover(office, run)

    assert ends(run) == {"fra-acc-01": ("unknown", "CONVERGENCE_AMBIGUOUS")}
    assert "Somebody else's work" in device.running_config()
    run.refresh_from_db()
    assert run.outcome == "unknown"


def test_two_runners_at_once_share_the_devices_and_send_each_line_once(
    office: Office, process_environment: dict[str, str]
) -> None:
    run = office.started(office.approved(content=CONTENT))
    workers = [RunnerProcess(run, process_environment) for _ in range(2)]
    for worker in workers:
        assert worker.wait(timeout=60) == 0
    office.worked_on(run)

    assert {state for state, _code in ends(run).values()} == {"succeeded"}
    for device in office.lab.devices:
        assert all(device.config_lines().count(line) == 1 for line in LINES)
