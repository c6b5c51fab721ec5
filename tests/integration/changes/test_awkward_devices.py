"""Devices that restart, hang, stay away, or keep what they were told to forget."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable

import pytest
from django.conf import settings as django_settings
from django.db import connection

from changes.domain.run_states import DeviceRunState
from changes.models import DeviceRun, Run, RunStep
from changes.services.dispatch import dispatch_once
from changes.services.execution import claimable_device_runs, run_devices
from changes.services.journal import Journal
from devices.lab.lab import LabDevice
from devices.models import Device, SnapshotPurpose
from devices.services.claims import abandon, claim_next
from devices.services.snapshots import snapshot_store
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.changes.runner_process import RunnerProcess
from tests.integration.changes.test_recovery import kill, recover, wait_until
from tests.integration.changes.test_unforeseen_errors import carried_on

pytestmark = pytest.mark.lab

ONE = {"filter": {"name": "fra-acc-01"}}
LINES = [f"logging host 10.9.0.{number}" for number in range(1, 9)]
CONTENT = "\n".join(LINES) + "\n"


def in_background(run: Run) -> threading.Thread:
    """A runner on a thread of its own."""

    def work() -> None:
        try:
            run_devices(run.pk)
        finally:
            connection.close()

    runner = threading.Thread(target=work)
    runner.start()
    return runner


def has_step(run: Run, name: str, **also: object) -> Callable[[], bool]:
    return lambda: RunStep.objects.filter(device_run__run=run, name=name, **also).exists()


def until(run: Run, condition: Callable[[], bool]) -> None:
    """Let runners work, one after the other, until something has happened."""

    def work() -> bool:
        if not condition():
            run_devices(run.pk)
        return condition()

    wait_until(work)


def stop_while_saving(run: Run, device: LabDevice, environment: dict[str, str]) -> None:
    """Lose the worker after the device has saved and before it could say so."""
    device.faults.latency_s = 0.15  # each step lasts long enough to be met
    worker = RunnerProcess(run, environment)
    wait_until(has_step(run, "verifying"))
    device.faults.latency_s = 2.0  # long enough to be seen and stopped in, on a busy machine too
    wait_until(has_step(run, "saving"))
    time.sleep(0.2)
    os.kill(worker.pid, signal.SIGSTOP)
    wait_until(lambda: any(entry["line"] == "write memory" for entry in device.commands()))
    kill(worker)
    device.faults.latency_s = 0


def test_a_backout_after_a_save_that_may_have_held_is_saved_too(
    office: Office, process_environment: dict[str, str]
) -> None:
    device = office.lab.device("fra-acc-01")
    startup = device.startup_config()
    check = {
        "name": "Not saved by somebody else", "command": "show startup-config | include ntp server",
        "expect": "not_contains", "value": "ntp server 10.0.0.123", "timeout_s": 5,
    }  # fmt: skip
    run = office.started(office.approved(targets=ONE, checks={"post": [check]}))
    stop_while_saving(run, device, process_environment)
    assert "10.0.0.123" in device.startup_config()

    recover(office, run)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert device.startup_config() == startup, "a restart must not bring the change back"


def test_a_backout_that_cannot_be_saved_after_a_save_that_may_have_held_is_no_success(
    office: Office, process_environment: dict[str, str]
) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(targets=ONE))
    stop_while_saving(run, device, process_environment)
    device.faults.disk_full = True

    recover(office, run)

    assert ends(run) == {"fra-acc-01": ("rollback_failed", "ROLLBACK_UNVERIFIED")}, story(run)
    assert device.running_config() == before
    assert "restart" in DeviceRun.objects.get(run=run).detail


def test_a_device_that_restarts_after_the_last_line_does_not_get_the_lines_again(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    runner = in_background(run)
    wait_until(has_step(run, "verifying"))
    device.reboot()
    device.faults.latency_s = 0
    runner.join(timeout=30)

    carried_on(run)

    assert ends(run)["fra-acc-01"][0] == "rolled_back", story(run)
    assert "lost" in DeviceRun.objects.get(run=run).detail
    assert device.running_config() == before
    assert all(device.config_lines().count(line) == 1 for line in LINES)


def test_a_device_that_comes_back_late_is_read_back(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    runner = in_background(run)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
    device.power_off()
    device.faults.latency_s = 0
    runner.join(timeout=30)
    until(run, has_step(run, "reconciling", outcome="failed"))
    waiting = DeviceRun.objects.get(run=run)
    assert (waiting.state, waiting.code) == ("reconciling", "PRECHECK_UNREACHABLE")
    Device.objects.filter(name=device.name).update(status="maintenance")
    device.power_on()

    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "CONNECTION_LOST")}, story(run)
    assert device.running_config() == before


def test_a_device_that_stays_away_ends_as_unknown(office: Office, settings: object) -> None:
    settings.COUNTERSIGN_RECONCILE_ATTEMPTS = 3  # type: ignore[attr-defined]
    settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.05  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    runner = in_background(run)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
    device.power_off()
    runner.join(timeout=30)

    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("unknown", "PRECHECK_UNREACHABLE")}, story(run)
    assert RunStep.objects.filter(device_run__run=run, name="reconciling").count() == 3


def test_a_login_refused_while_reading_back_is_not_tried_again(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    offered = len(device.auth_attempts())
    device.faults.drop_after_config_lines = 3
    device.faults.drop_times = 1
    device.faults.latency_s = 0.05
    runner = in_background(run)
    wait_until(has_step(run, "applying"))
    device.faults.refuse_login = True
    runner.join(timeout=30)

    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("unknown", "PRECHECK_AUTH_FAILED")}, story(run)
    assert len(device.auth_attempts()) == offered + 2, "one that was taken, one that was refused"


def test_a_refused_line_of_which_nothing_is_there_is_not_sent_again(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(targets=ONE))
    claim = claim_next(claimable_device_runs(run.pk), owner=uuid.uuid4())
    assert claim is not None
    journal = Journal(claim)
    row = DeviceRun.objects.select_related("device_plan__baseline__blob", "device").get(pk=claim.row_id)
    assert row.device_plan.baseline is not None
    before = snapshot_store(device=row.device, text=row.device_plan.baseline.blob.text, purpose=SnapshotPurpose.BEFORE)
    for state in (DeviceRunState.CONNECTING, DeviceRunState.CHECKING, DeviceRunState.SNAPSHOTTING):
        with journal.step(state):
            journal.note(before=before)
    with journal.step(DeviceRunState.APPLYING) as notes:
        journal.line(sent=1, applied=0)
        notes.fail("COMMAND_REJECTED", "The device refused line 1.")
    abandon(DeviceRun, claim)

    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("failed", "COMMAND_REJECTED")}, story(run)
    assert device.config_lines() == []


def test_the_reason_is_that_of_the_last_attempt(
    office: Office, process_environment: dict[str, str], settings: object
) -> None:
    settings.DEVICE_READ_TIMEOUT_S = 1.0  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.hang_at = LINES[0]
    run_devices(run.pk)
    device.faults.hang_at = ""
    assert has_step(run, "applying", outcome="failed", code="TIMEOUT")()
    until(run, lambda: DeviceRun.objects.get(run=run).state == "pending")
    time.sleep(0.3)
    device.faults.latency_s = 0.15
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 4)
    kill(worker)
    device.faults.latency_s = 0

    recover(office, run)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "LEASE_LOST")}, story(run)


@pytest.mark.parametrize("repaired", [True, False])
def test_a_cut_output_before_the_first_line_is_read_again(office: Office, repaired: bool) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(targets=ONE))
    device.faults.cut_output_after_lines = 30
    runner = in_background(run)
    if repaired:
        wait_until(has_step(run, "checking", outcome="failed"))
        device.faults.cut_output_after_lines = 0
    runner.join(timeout=30)

    carried_on(run)

    expected = ("succeeded", "") if repaired else ("failed", "OUTPUT_TRUNCATED")
    assert ends(run) == {"fra-acc-01": expected}, story(run)
    if not repaired:
        assert (
            RunStep.objects.filter(device_run__run=run, name="checking").count()
            == django_settings.DEVICE_CONNECT_ATTEMPTS
        )


def test_a_device_that_is_away_for_a_moment_is_planned(office: Office, settings: object) -> None:
    settings.DEVICE_RETRY_BASE_S = 0.4  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    device.power_off()
    threading.Timer(0.3, device.power_on).start()

    revision = office.planned(office.draft(targets=ONE))

    assert revision.state == "ready", revision.detail


def test_an_edit_elsewhere_between_apply_and_read_back_is_named(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    runner = in_background(run)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
    device.edit_out_of_band(["interface Vlan99", "description Somebody else"])
    device.faults.latency_s = 0
    runner.join(timeout=30)

    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("rollback_failed", "ROLLBACK_CONFLICT")}, story(run)
    assert "interface Vlan99" in DeviceRun.objects.get(run=run).detail
    assert "description Somebody else" in device.running_config()


def test_characters_that_the_database_cannot_hold_do_not_stop_a_run(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    device.edit_out_of_band(["snmp-server location Hall\x004"])
    check = {
        "name": "Location", "command": "show running-config | include snmp-server location",
        "expect": "contains", "value": "Hall", "timeout_s": 1,
    }  # fmt: skip

    run = office.executed(office.approved(targets=ONE, checks={"pre": [check], "post": [check]}))

    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)


def test_a_stopped_worker_that_wakes_after_its_lease_sends_nothing_more(
    office: Office, process_environment: dict[str, str], settings: object
) -> None:
    settings.COUNTERSIGN_BUSY_WAIT_S = 0.05  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.15
    worker = RunnerProcess(run, process_environment)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
    os.kill(worker.pid, signal.SIGSTOP)
    DeviceRun.objects.filter(run=run).update(lease_until="2000-01-01T00:00:00Z")
    for _ in range(8):
        dispatch_once()
        run_devices(run.pk)
        time.sleep(0.06)
    waiting = DeviceRun.objects.get(run=run)
    assert (waiting.state, waiting.code, waiting.attempts) == ("reconciling", "DEVICE_BUSY", 1)

    os.kill(worker.pid, signal.SIGCONT)
    assert worker.wait(timeout=30) == 0
    device.faults.latency_s = 0
    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "LEASE_LOST")}, story(run)
    assert device.running_config() == before
    assert all(device.config_lines().count(line) <= 1 for line in LINES)


def test_two_changes_on_one_device_take_turns(office: Office, settings: object) -> None:
    settings.COUNTERSIGN_BUSY_WAIT_S = 0.1  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    first = office.approved(content=CONTENT, targets=ONE)
    second = office.approved(content="ntp server 10.0.0.123\n", targets=ONE)
    runs = [office.started(first), office.started(second)]
    device.faults.latency_s = 0.02

    runners = [in_background(run) for run in runs]
    for runner in runners:
        runner.join(timeout=60)
    for run in runs:
        carried_on(run)

    assert [ends(run) for run in runs] == [{"fra-acc-01": ("succeeded", "")}] * 2, "\n".join(map(story, runs))
    assert all(device.config_lines().count(line) == 1 for line in [*LINES, "ntp server 10.0.0.123"])


@pytest.mark.parametrize("cuts", [1, 0], ids=["once", "every time"])
def test_a_backout_that_is_cut_is_finished_or_left_to_people(office: Office, settings: object, cuts: int) -> None:
    settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.05  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.reject = r"^logging host 10\.9\.0\.8$"
    # Eight lines and "end", then some of the backout; later sessions are cut at their first line, if at all.
    device.faults.drop_after_config_lines, device.faults.drop_times = 12, cuts
    runner = in_background(run)
    wait_until(has_step(run, "backing_out"))
    if not cuts:
        device.faults.drop_after_config_lines = 1
    runner.join(timeout=60)

    carried_on(run)

    state, code = ends(run)["fra-acc-01"]
    if cuts:
        assert (state, code) == ("rolled_back", "COMMAND_REJECTED"), story(run)
        assert device.running_config() == before
    else:
        assert state in {"unknown", "rollback_failed"}, story(run)
        assert has_step(run, "backing_out", outcome="failed")()
    assert all(device.config_lines().count(line) == 1 for line in LINES)


def test_a_check_that_never_answers_is_no_reason_to_keep_the_change(office: Office, settings: object) -> None:
    settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.05  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    check = {"name": "Time", "command": "show clock", "expect": "contains", "value": "2026", "timeout_s": 1}
    run = office.started(office.approved(content=CONTENT, targets=ONE, checks={"post": [check]}))
    device.faults.hang_at = "^show clock"

    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("rolled_back", "TIMEOUT")}, story(run)
    assert device.running_config() == before
    assert all(device.config_lines().count(line) == 1 for line in LINES)
