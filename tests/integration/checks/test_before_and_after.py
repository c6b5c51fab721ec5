"""What a comparison needs is kept with the run: over a lost session, and without secrets."""

from __future__ import annotations

import json

import pytest

from changes.models import RunStep
from tests.integration.changes.conftest import Office, ends, lab, office, story

__all__ = ["lab", "office"]

pytestmark = pytest.mark.lab

TARGET = "fra-acc-01"
COMMUNITIES = {
    "name": "Communities",
    "command": "show running-config | include ^snmp-server community",
    "parser": "regex",
    "select": r"community (\S+)",
    "expect": "same_as_before",
}
INTERFACES = {
    "name": "Interfaces",
    "command": "show ip interface brief",
    "parser": "textfsm",
    "template": "cisco_ios_show_ip_interface_brief",
    "select": "proto",
    "filter": "^up$",
    "expect": "not_fewer_than_before",
    "timeout_s": 1,
}


def test_values_from_before_outlive_a_lost_session_and_hold_no_secret(office: Office) -> None:
    device = office.lab.device(TARGET)
    device.faults.drop_after_config_lines, device.faults.drop_times = 1, 1
    change = office.approved(
        content="ntp server 10.0.0.123\nntp server 10.0.0.124\n",
        targets={"filter": {"name": [TARGET]}},
        checks={"post": [COMMUNITIES, INTERFACES]},
    )

    run = office.executed(change)

    steps = RunStep.objects.filter(device_run__run=run).order_by("sequence")
    assert "reconciling" in steps.values_list("name", flat=True), story(run)
    assert [step.name for step in steps if "before" in step.data] == ["checking"]
    [found] = [step.data for step in steps if step.name == "checking"]
    assert set(found["before"]) == {"Communities", "Interfaces"}
    secret = _community(device.running_config())
    assert secret
    assert secret not in json.dumps([step.data for step in steps])


def test_a_device_that_gets_worse_is_backed_out(office: Office) -> None:
    device = office.lab.device(TARGET)
    up = _vlans(device.running_config())[-1]
    before = device.running_config()
    change = office.approved(
        content=f"interface {up}\n shutdown\n",
        targets={"filter": {"name": [TARGET]}},
        checks={"post": [INTERFACES, COMMUNITIES]},
    )

    run = office.executed(change)

    assert ends(run) == {TARGET: ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    verified = RunStep.objects.get(device_run__run=run, name="verifying").data["checks"]
    assert [check["passed"] for check in verified] == [False, True]
    assert f"gone: {up} up" in verified[0]["evidence"]
    assert device.running_config() == before


def _community(config: str) -> str:
    return next((line.split()[2] for line in config.splitlines() if line.startswith("snmp-server community")), "")


def _vlans(config: str) -> list[str]:
    """The virtual interfaces, which the lab always shows as up."""
    return [line.removeprefix("interface ") for line in config.splitlines() if line.startswith("interface Vlan")]
