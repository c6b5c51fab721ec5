"""Changes on IOS with a rollback timer and replacement by SCP, through the services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from changes.models import DevicePlan, RunStep
from devices.lab import Lab, LabDevice
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.changes.test_candidates import executed_with
from tests.integration.changes.test_recovery import wait_until
from tests.integration.lab_fixtures import SMALL_CONFIG, small_device

pytestmark = pytest.mark.lab

CHECK = {"name": "NTP", "command": "show ntp status", "expect": "contains", "value": "10.0.0.123", "timeout_s": 1}
EDGE: dict[str, Any] = {
    "targets": {"filter": {"role": "edge"}},
    "content": "no ntp server 198.51.100.1\nntp server 10.0.0.123\nbanner motd #Authorised only#\n",
}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    startup = SMALL_CONFIG.format(name="sw1") + "ip scp server enable\n"
    spec = small_device("sw1", startup=startup, driver="napalm-ios", role="edge", site="FRA", minute_s=6.0)
    with Lab(tmp_path / "lab", [spec]) as running:
        yield running


@pytest.fixture
def switch(lab: Lab) -> LabDevice:
    return lab.device("sw1")


def test_lines_are_sent_under_the_timer_and_confirmed_after_the_checks(office: Office, switch: LabDevice) -> None:
    change = office.approved(**EDGE, checks={"post": [CHECK]})
    payload = DevicePlan.objects.get(revision__change=change).content
    assert (payload.driver, payload.diff_source) == ("napalm-ios", "estimate")
    assert (payload.backout_method, payload.confirm_within_s) == ("replace", 180), "whole minutes, rounded up"
    run = office.executed(change)
    assert ends(run) == {"sw1": ("succeeded", "")}, story(run)
    sent = [entry["line"] for entry in switch.commands()]
    assert (
        sent.index("configure terminal revert timer 3") < sent.index("configure confirm") < sent.index("write memory")
    )
    assert switch.startup_config() == switch.running_config()


def test_a_failed_check_reverts_at_once_and_unsaved_work_of_others_survives(office: Office, switch: LabDevice) -> None:
    switch.edit_out_of_band(["logging host 203.0.113.9"])
    before, startup = switch.running_config(), switch.startup_config()
    change = office.approved(**EDGE, checks={"post": [{**CHECK, "value": "no such word"}]})
    run = office.executed(change)
    assert ends(run) == {"sw1": ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert (switch.running_config(), switch.startup_config()) == (before, startup)


def test_what_was_confirmed_but_cannot_be_saved_is_replaced_by_scp(office: Office, switch: LabDevice) -> None:
    switch.edit_out_of_band(["logging host 203.0.113.9"])
    before = switch.running_config()
    change = office.approved(**EDGE)
    switch.faults.latency_s = 0.04

    def fill_the_disk_while_it_saves() -> None:
        switch.faults.disk_full = True
        wait_until(lambda: RunStep.objects.filter(name="backing_out").exists())
        switch.faults.disk_full = False

    run = executed_with(office, change, "saving", fill_the_disk_while_it_saves, device="sw1")

    assert ends(run) == {"sw1": ("rolled_back", "SAVE_FAILED")}, story(run)
    assert switch.running_config() == before, "unsaved work of others survives"
    step = RunStep.objects.get(device_run__run=run, name="backing_out")
    assert step.data["source"] == "replacement of the whole configuration"
    assert any(entry.get("event") == "scp" for entry in switch.log())


def test_a_refused_line_is_backed_out_by_the_timer_not_by_lines(office: Office, switch: LabDevice) -> None:
    before = switch.running_config()
    change = office.approved(**EDGE)
    switch.faults.reject = "^banner"
    run = office.executed(change)
    assert ends(run) == {"sw1": ("rolled_back", "COMMAND_REJECTED")}, story(run)
    assert switch.running_config() == before
    step = RunStep.objects.get(device_run__run=run, name="backing_out")
    assert step.data["timer"] == "the unconfirmed commit was taken back at once"


def test_a_way_back_that_the_device_has_lost_since_the_plan_stops_it_before_the_first_line(
    office: Office, switch: LabDevice
) -> None:
    change = office.approved(**EDGE)
    switch.edit_out_of_band(["no ip scp server enable"])
    before = switch.running_config()
    run = office.executed(change)
    assert ends(run) == {"sw1": ("blocked", "PLAN_STALE")}, story(run)
    assert "could replace its configuration, which is the backout" in run.device_runs.get().detail
    assert switch.running_config() == before
