"""Changes on IOS XR and Junos by their candidates, over the command line, through the services."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from changes.models import DevicePlan
from changes.services.rollback import Wish, change_rollback
from changes.services.rollback_preview import rollback_preview
from devices.lab import Hardware, Lab, LabDeviceSpec
from tests.integration.changes.conftest import Office, ends, story

pytestmark = pytest.mark.lab

XR = "hostname r1\ninterface Loopback0\n description old\n ipv4 address 10.0.0.1 255.255.255.255\n!\nend\n"
JUNOS = "set version 21.4R3.15\nset system host-name r1\nset interfaces ge-0/0/0 description old\n"
CASES = {
    "cisco_xr": (XR, Hardware("FOX1", "ASR-9006-AC", ()), "interface Loopback0\n description new\n"),
    "juniper_junos": (JUNOS, Hardware("JN1", "QFX5100", ()), "set interfaces ge-0/0/0 description new\n"),
}


@pytest.fixture(params=CASES)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lab(tmp_path: Path, platform: str) -> Iterator[Lab]:
    startup, hardware, _ = CASES[platform]
    spec = LabDeviceSpec("r1", startup, hardware, platform=platform, role="edge", site="FRA", minute_s=1.0)
    with Lab(tmp_path / "lab", [spec]) as running:
        yield running


def draft(platform: str) -> dict[str, object]:
    return {"targets": {"filter": {"role": "edge"}}, "content": CASES[platform][2]}


def test_the_candidate_is_planned_committed_under_the_timer_and_confirmed(office: Office, platform: str) -> None:
    change = office.approved(**draft(platform))
    payload = DevicePlan.objects.get(revision__change=change).content
    assert (payload.diff_source, payload.backout_method) == ("device", "replace")
    assert payload.confirm_within_s == 120
    run = office.executed(change)
    assert ends(run) == {"r1": ("succeeded", "")}, story(run)
    assert "description new" in office.lab.device("r1").running_config()


def test_a_failed_check_leaves_the_device_as_before(office: Office, platform: str) -> None:
    before = office.lab.device("r1").running_config()
    check = {"name": "no", "command": "show version", "expect": "contains", "value": "no such word", "timeout_s": 1}
    change = office.approved(**draft(platform), checks={"post": [check]})
    run = office.executed(change)
    assert ends(run) == {"r1": ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert office.lab.device("r1").running_config() == before


THEIRS = {
    "cisco_xr": ["interface Loopback1", "description theirs"],
    "juniper_junos": ["set interfaces ge-0/0/1 description theirs"],
}


@pytest.mark.parametrize("platform", ["juniper_junos"], indirect=True)  # XR would wait for the end of the first timer
def test_beside_others_work_the_text_without_the_change_is_confirmed_by_a_person_and_replaces(
    office: Office, platform: str
) -> None:
    """Nothing predicts these platforms, so no lines can be computed: both edits are brought together as text."""
    change = office.approved(**draft(platform))
    office.executed(change)
    device = office.lab.device("r1")
    device.edit_out_of_band(THEIRS[platform])
    moved = device.running_config()
    order = partial(change_rollback, change_id=change.pk, implementer=office.people["olivia"])
    run = office.worked_on(order(wish=Wish()))
    assert ends(run) == {"r1": ("rollback_failed", "ROLLBACK_UNCONFIRMED")}, story(run)
    assert device.running_config() == moved
    (shown,) = rollback_preview(change).devices
    changed = [line for line in shown.lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert (shown.kind, len(changed)) == ("recomputed", 2), shown.lines
    assert "replaces its whole configuration" in shown.note
    run = office.worked_on(order(wish=Wish(confirmed={shown.device_id: shown.digest})))
    assert ends(run) == {"r1": ("rolled_back", "ROLLBACK_ORDERED")}, story(run)
    found = device.running_config()
    assert ("description old" in found, "description new" in found, "theirs" in found) == (True, False, True)


def test_an_answer_lost_on_a_device_that_had_drifted_elsewhere_is_read_back(office: Office, platform: str) -> None:
    """The target is not the plan's, and after the loss the device can be asked no more what it would be."""
    change = office.approved(**draft(platform))
    device = office.lab.device("r1")
    device.edit_out_of_band(THEIRS[platform])
    device.faults.drop_at, device.faults.drop_times = "^commit .*confirmed", 1
    run = office.executed(change)
    assert ends(run)["r1"][0] in ("succeeded", "rolled_back"), story(run)
    assert device.faults.drop_at == "" or not device.faults.drop_times, "the session was cut"
    assert "theirs" in device.running_config()
    assert ("description new" in device.running_config()) == (ends(run)["r1"][0] == "succeeded")
