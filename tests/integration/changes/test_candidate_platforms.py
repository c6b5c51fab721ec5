"""Changes on IOS XR and Junos by their candidates, over the command line, through the services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from changes.models import DevicePlan
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
