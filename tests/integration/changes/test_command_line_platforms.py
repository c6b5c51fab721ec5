"""Whole changes on platforms behind a command line: candidates of IOS XR and Junos, copies of IOS and NX-OS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from changes.models import DevicePlan, DeviceRun, RunStep
from devices.lab import Lab, LabDeviceSpec
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.drivers.test_candidates import KINDS
from tests.integration.drivers.test_nxos import LEAF
from tests.integration.lab_fixtures import small_device

pytestmark = pytest.mark.lab

CONTENT = """{% if device.platform == "cisco_xr" %}interface Loopback0
 description new
{% elif device.platform == "juniper_junos" %}set interfaces ge-0/0/0 description new
{% elif device.platform == "cisco_nxos" %}interface Ethernet1/1
  description new
{% else %}interface GigabitEthernet1/0/1
 description new
{% endif %}"""
NAMES = {"xr-1", "mx-1", "leaf-1", "sw-1"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    def named(name: str, platform: str) -> LabDeviceSpec:
        spec = KINDS[platform].spec
        text = spec.startup.replace("hostname r1", f"hostname {name}").replace("host-name r1", f"host-name {name}")
        return dataclasses.replace(spec, name=name, startup=text, role="access", minute_s=60.0)

    specs = [
        named("xr-1", "cisco_xr"),
        named("mx-1", "juniper_junos"),
        # its time on trial passes quickly
        dataclasses.replace(named("xr-2", "cisco_xr"), role="spare", minute_s=2.0),
        dataclasses.replace(LEAF, driver="netmiko-replace", role="access"),
        small_device("sw-1", driver="netmiko-replace", role="access"),
    ]
    with Lab(tmp_path / "lab", specs) as running:
        yield running


def test_every_platform_takes_the_change_in_its_own_way(office: Office) -> None:
    change = office.approved(content=CONTENT)
    plans = {plan.device.name: plan for plan in DevicePlan.objects.select_related("device")}
    assert {name: plan.diff_source for name, plan in plans.items()} == {
        "xr-1": "device", "mx-1": "device", "leaf-1": "estimate", "sw-1": "estimate",
    }  # fmt: skip
    assert all('"backout_method":"replace"' in plan.payload for plan in plans.values())

    run = office.executed(change)

    assert ends(run) == dict.fromkeys(NAMES, ("succeeded", "")), story(run)
    for device in (office.lab.device(name) for name in NAMES):
        assert "description new" in device.running_config()
        assert device.startup_config() == device.running_config()
    confirmed = RunStep.objects.filter(name="awaiting_confirm", outcome="ok").values_list("device_run__device__name")
    assert {name for (name,) in confirmed} == {"xr-1", "mx-1"}


def test_a_commit_on_trial_whose_post_check_fails_is_waited_out(office: Office) -> None:
    device = office.lab.device("xr-2")
    before = device.running_config()
    check = {"name": "Impossible", "command": "show version", "expect": "contains", "value": "no such", "timeout_s": 1}
    change = office.approved(content=CONTENT, checks={"post": [check]}, targets={"filter": {"name": "xr-2"}})

    run = office.executed(change)

    assert ends(run) == {"xr-2": ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert device.running_config() == before
    assert not any(line["line"].startswith("commit replace") for line in device.commands())


def test_a_commit_whose_post_check_fails_is_taken_back_at_once(office: Office) -> None:
    before = office.lab.device("mx-1").running_config()
    check = {"name": "Impossible", "command": "show version", "expect": "contains", "value": "no such", "timeout_s": 1}
    change = office.approved(
        content=CONTENT, checks={"post": [check]}, targets={"filter": {"platform": "juniper_junos"}}
    )

    run = office.executed(change)

    assert ends(run) == {"mx-1": ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert office.lab.device("mx-1").running_config() == before


@pytest.mark.parametrize("name", ["leaf-1", "sw-1"])
def test_a_refused_line_is_taken_back_by_the_copy(office: Office, name: str) -> None:
    device = office.lab.device(name)
    before = device.running_config()
    device.faults.reject = "description new"
    content = "ntp server 203.0.113.8\n" + CONTENT
    change = office.approved(content=content, targets={"filter": {"name": name}})

    run = office.executed(change)

    assert ends(run) == {name: ("rolled_back", "COMMAND_REJECTED")}, story(run)
    assert device.running_config() == before
    assert any(line["line"].startswith(("configure replace", "rollback")) for line in device.commands())
    assert DeviceRun.objects.get(run=run).lines_applied == 2
