"""Changes on a platform with a candidate, a commit timer and replacement: EOS over eAPI, through the services."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyeapi
import pytest
from django.db import connection

from changes.models import ChangeRequest, DevicePlan, DeviceRun, Run, RunStep
from changes.services.execution import run_devices
from devices.lab import Lab, LabDevice
from tests.integration.changes.conftest import Office, ends, problems, story
from tests.integration.changes.runner_process import RunnerProcess
from tests.integration.changes.test_recovery import kill, recover, wait_until
from tests.integration.lab_fixtures import eos_device

pytestmark = pytest.mark.lab

CONTENT = "ntp server 10.0.0.123\ninterface Ethernet1\n   description changed\nbanner motd\n  Authorised only\nEOF\n"
EDGE: dict[str, Any] = {"targets": {"filter": {"role": "edge"}}, "content": CONTENT}
NTP = {"name": "NTP", "command": "show ntp status", "expect": "contains", "value": "10.0.0.123", "timeout_s": 2}
POST: dict[str, Any] = {"post": [NTP]}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    specs = [eos_device(name, role="edge", site="FRA", minute_s=6.0) for name in ("eos1", "eos2")]
    with Lab(tmp_path / "lab", specs) as running:
        yield running


@pytest.fixture
def one(lab: Lab) -> LabDevice:
    lab.device("eos2").power_off()
    return lab.device("eos1")


def steps(run_id: int, device: str = "eos1") -> list[str]:
    rows = RunStep.objects.filter(device_run__run_id=run_id, device_run__device__name=device).order_by("sequence")
    return list(rows.values_list("name", flat=True))


def test_the_devices_own_diff_is_approved_and_the_change_is_confirmed_and_saved(office: Office) -> None:
    change = office.approved(**EDGE, checks=POST)
    plan = DevicePlan.objects.get(revision__change=change, device__name="eos1")
    payload = plan.content
    assert (plan.diff_source, payload.driver) == ("device", "napalm-eos-http")
    assert (payload.backout_method, payload.backout) == ("replace", ())
    assert payload.confirm_within_s == 122, "two minutes and the post-check's own time"
    assert "+   description changed" in payload.expected_diff
    gates = {gate["gate"]: gate for gate in plan.gates}
    assert "plain HTTP, which proves nothing" in gates["session"]["sentence"]
    assert gates["health"]["verdict"] == "passed"
    device = office.lab.device("eos1")
    assert not any(entry["line"].endswith("commit") for entry in device.commands())

    run = office.executed(change)

    assert set(ends(run).values()) == {("succeeded", "")}, story(run)
    assert steps(run.pk) == [
        "connecting", "checking", "snapshotting", "applying", "awaiting_confirm", "verifying", "saving",
    ]  # fmt: skip
    assert "description changed" in device.startup_config()
    assert device.startup_config() == device.running_config()
    sent = [entry["line"] for entry in device.commands() if "commit" in entry["line"]]
    assert [line.split()[-1] for line in sent] == ["00:02:02", "commit"], sent


def test_a_line_that_the_device_refuses_fails_the_plan_by_name(office: Office, one: LabDevice) -> None:
    before = one.running_config()
    revision = office.planned(office.draft(**{**EDGE, "content": "ntp server 10.0.0.123\nno such thing\n"}))
    code, detail = next(found for found in problems(revision) if found[0] != "PRECHECK_UNREACHABLE")
    assert code == "COMMAND_REJECTED"
    assert "no such thing" in detail
    assert one.running_config() == before


def test_a_line_refused_at_the_run_leaves_nothing_and_fails(office: Office) -> None:
    change = office.approved(**EDGE)
    one = office.lab.device("eos1")
    before = one.running_config()
    one.faults.reject = "description"
    run = office.executed(change)
    state, code = ends(run)["eos1"]
    assert (state, code) in {("failed", "COMMAND_REJECTED"), ("blocked", "COMMAND_REJECTED")}, story(run)
    assert one.running_config() == before
    assert not any(entry["line"].endswith("commit") for entry in one.commands())
    assert ends(run)["eos2"] == ("succeeded", "")


def test_a_line_refused_between_check_and_commit_ends_as_failed(office: Office) -> None:
    change = office.approved(**EDGE)
    one = office.lab.device("eos1")
    before = one.running_config()
    one.faults.latency_s = 0.02
    run = executed_with(office, change, "snapshotting", lambda: setattr(one.faults, "reject", "description"))
    assert ends(run)["eos1"] == ("failed", "COMMAND_REJECTED"), story(run)
    assert "applied nothing" in DeviceRun.objects.get(run=run, device__name="eos1").detail
    assert one.running_config() == before


def test_a_silently_ignored_line_shows_in_the_devices_own_candidate(office: Office, one: LabDevice) -> None:
    one.faults.ignore = "^ntp server"
    revision = office.planned(office.draft(**EDGE))
    plan = DevicePlan.objects.get(revision=revision, device__name="eos1")
    assert "description changed" in plan.content.expected_diff
    assert "+ntp server" not in plan.content.expected_diff, "reviewers see that the device does nothing with it"


def test_a_failed_post_check_is_taken_back_under_the_timer(office: Office) -> None:
    failing = {"post": [{**POST["post"][0], "value": "no such word", "timeout_s": 1}]}
    change = office.approved(**EDGE, checks=failing)
    baselines = {device.name: (device.running_config(), device.startup_config()) for device in office.lab.devices}
    run = office.executed(change)
    assert set(ends(run).values()) == {("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert steps(run.pk)[-2:] == ["awaiting_confirm", "backing_out"]
    for device in office.lab.devices:
        assert (device.running_config(), device.startup_config()) == baselines[device.name]
        assert not any(entry["line"] == "write memory" for entry in device.commands())


def test_what_was_saved_is_replaced_and_unsaved_work_of_others_survives(office: Office) -> None:
    one = office.lab.device("eos1")
    change = office.approved(**EDGE)
    one.edit_out_of_band(["logging host 203.0.113.9"])  # after the plan was made, in the running configuration alone
    baseline = one.running_config()
    run = executed_with(office, change, "awaiting_confirm", lambda: setattr(one.faults, "disk_full", True))
    assert ends(run)["eos1"] == ("rolled_back", "SAVE_FAILED"), story(run)
    assert one.running_config() == baseline
    assert "logging host 203.0.113.9" in one.running_config()
    assert DeviceRun.objects.get(run=run, device__name="eos1").drift == "unrelated"
    step = RunStep.objects.get(device_run__run=run, device_run__device__name="eos1", name="backing_out")
    assert step.data["source"] == "replacement of the whole configuration"


def test_a_foreign_session_is_device_busy_in_the_plan(office: Office, one: LabDevice) -> None:
    node = pyeapi.connect("http", one.host, "lab", office.lab.password, one.port)
    node.execute(["enable", "configure session somebody", "ntp server 10.9.9.9", "end"])
    revision = office.planned(office.draft(**EDGE))
    code, detail = next(found for found in problems(revision) if found[0] != "PRECHECK_UNREACHABLE")
    assert code == "DEVICE_BUSY"
    assert "somebody" in detail


def test_a_worker_lost_under_the_timer_is_confirmed_by_name_after_verification(office: Office) -> None:
    change = office.approved(**EDGE, checks=POST)
    one = office.lab.device("eos1")
    one.faults.drop_at, one.faults.drop_times = "commit timer", 1  # committed, but the answer is lost
    run = office.executed(change)
    assert ends(run)["eos1"] == ("succeeded", ""), story(run)
    assert steps(run.pk) == [
        "connecting", "checking", "snapshotting", "applying", "reconciling", "reconciling", "awaiting_confirm",
        "verifying", "saving",
    ]  # fmt: skip
    assert one.startup_config() == one.running_config()


@pytest.mark.workers
def test_killed_while_its_commit_waits_the_next_worker_verifies_and_confirms_by_name(
    office: Office, process_environment: dict[str, str]
) -> None:
    change = office.approved(**EDGE, checks=POST)
    one = office.lab.device("eos1")
    one.faults.hang_at = "^show ntp status$"  # the post-check, under the timer
    run = office.started(change)
    worker = RunnerProcess(run, process_environment)
    asked = "show ntp status"
    wait_until(lambda: any(entry["line"] == asked and entry["result"] == "hung" for entry in one.commands()))
    kill(worker)
    one.faults.hang_at = ""

    recover(office, run)

    assert ends(run)["eos1"] == ("succeeded", ""), story(run)
    assert "reconciling" in steps(run.pk)
    sent = [entry["line"] for entry in one.commands() if re.search("commit(?! timer)", entry["line"])]
    assert len(sent) == 1, sent
    assert one.startup_config() == one.running_config()


def test_a_pending_commit_of_somebody_else_is_waited_out(office: Office, settings: object) -> None:
    """The device looks like the target because of a commit that its timer will take back: that is no proof."""
    settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.4  # type: ignore[attr-defined]
    change = office.approved(**EDGE)
    one = office.lab.device("eos1")
    one.faults.drop_at, one.faults.drop_times = r"^configure session countersign-run-\S+$", 1

    def somebody_commits() -> None:
        wait_until(lambda: RunStep.objects.filter(name="applying", code="CONNECTION_LOST").exists())
        node = pyeapi.connect("http", one.host, "lab", office.lab.password, one.port)
        lines = ["ntp server 10.0.0.123", "interface Ethernet1", "description changed"]
        node.execute(["enable", "configure session other", *lines, "commit timer 00:00:12"])

    run = executed_with(office, change, "applying", somebody_commits)

    assert ends(run)["eos1"] == ("succeeded", ""), story(run)
    waited = RunStep.objects.filter(device_run__run=run, name="reconciling", code="DEVICE_BUSY").first()
    assert waited is not None
    assert "“other” waits to be confirmed" in waited.detail
    assert "description changed" in one.startup_config()


def test_an_unconfirmed_commit_that_the_device_took_back_is_rolled_back_not_done(
    office: Office, settings: object
) -> None:
    settings.DEVICE_CONFIRM_WITHIN_S = 30  # type: ignore[attr-defined]
    settings.DEVICE_READ_TIMEOUT_S = 1.0  # type: ignore[attr-defined]
    change = office.approved(**EDGE)
    one = office.lab.device("eos1")
    before = one.running_config()
    one.faults.hang_at = r"^configure session countersign-run-\S+ commit$"  # the confirmation never arrives
    run = office.started(change)
    run_devices(run.pk)
    deadline = time.monotonic() + 20
    while one.running_config() != before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    one.faults.hang_at = ""
    run = office.worked_on(run)
    assert ends(run)["eos1"] == ("rolled_back", "TIMEOUT"), story(run)
    assert "not confirmed in time" in DeviceRun.objects.get(run=run, device__name="eos1").detail
    assert one.startup_config() == before


def executed_with(
    office: Office, change: ChangeRequest, step: str, act: Callable[[], object], *, device: str = "eos1"
) -> Run:
    """Execute the change, and do something to the world once a device has entered a step."""
    done = threading.Event()

    def watch() -> None:
        try:
            while not done.wait(0.005):
                if RunStep.objects.filter(device_run__device__name=device, name=step).exists():
                    act()
                    return
        finally:
            connection.close()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return office.executed(change)
    finally:
        done.set()
        watcher.join()
