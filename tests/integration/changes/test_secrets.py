"""Secrets of a change or of the credential store do not get into results, journals or the audit log."""

from __future__ import annotations

import json

import pytest

from audit.models import Event
from changes.models import ChangeRequest, DevicePlan, DeviceRun, RunStep
from tests.integration.changes.conftest import Office, ends, story

pytestmark = pytest.mark.lab
ONE = {"filter": {"name": "fra-acc-01"}}
SECRET = "S3cr3tOfTheTest"


def everything_kept(change: ChangeRequest) -> str:
    """All that is stored of a change besides its content and the payloads, which the devices have to get."""
    kept: list[object] = []
    for plan in DevicePlan.objects.filter(revision__change=change):
        kept += [plan.code, plan.detail, plan.warnings]
    for run in DeviceRun.objects.filter(run__change=change):
        kept += [run.code, run.detail]
    for step in RunStep.objects.filter(device_run__run__change=change):
        kept += [step.code, step.detail, step.data, step.transcript]
    kept += [event.content() for event in Event.objects.filter(change_id=change.pk)]
    return json.dumps(kept)


def test_a_forbidden_line_with_a_secret_is_named_without_it(office: Office) -> None:
    change = office.draft(content=f"do snmp-server community {SECRET} RO\n", targets=ONE)
    office.planned(change)
    plan = DevicePlan.objects.get(revision__change=change)
    assert plan.code == "COMMAND_FORBIDDEN"
    assert "do snmp-server" in plan.detail
    assert SECRET not in everything_kept(change)


def test_a_warning_about_a_line_with_a_secret_is_kept_without_it(office: Office) -> None:
    change = office.draft(content=f"username backup privilege 15 secret {SECRET}\n", targets=ONE)
    office.planned(change)
    assert DevicePlan.objects.get(revision__change=change).warnings
    assert SECRET not in everything_kept(change)


def test_a_refused_line_with_a_secret_is_reported_without_it(office: Office) -> None:
    office.lab.device("fra-acc-01").faults.reject = "^snmp-server community"
    change = office.approved(content=f"snmp-server community {SECRET} RO\n", targets=ONE)
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("rolled_back", "COMMAND_REJECTED")}, story(run)
    assert SECRET not in everything_kept(change)


def test_a_password_that_a_device_shows_is_masked_in_evidence_and_transcript(office: Office) -> None:
    office.lab.device("fra-acc-01").edit_out_of_band([f"snmp-server location {office.lab.password}"])
    check = {
        "name": "Location", "command": "show running-config | include snmp-server location",
        "expect": "contains", "value": "location", "timeout_s": 5,
    }  # fmt: skip
    change = office.approved(targets=ONE, checks={"pre": [check], "post": [check]})
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)
    assert "snmp-server location <hidden:" in everything_kept(change)
    assert office.lab.password not in everything_kept(change)


NEW_USER = f"username backup privilege 15 secret {SECRET}\n"


def test_a_secret_that_the_device_stores_hashed_is_the_approved_change(office: Office) -> None:
    change = office.approved(content=NEW_USER, targets=ONE)
    warnings = [warning["sentence"] for warning in DevicePlan.objects.get(revision__change=change).warnings]
    assert any(sentence.startswith("User backup: the device stores a coded form") for sentence in warnings)
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)
    assert "username backup privilege 15 secret 5 $1$" in office.lab.device("fra-acc-01").running_config()


def test_a_user_is_taken_back_although_the_device_asks_for_confirmation(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    check = {
        "name": "Never", "command": "show version", "expect": "contains", "value": "no such text", "timeout_s": 1,
    }  # fmt: skip
    change = office.approved(content=NEW_USER, targets=ONE, checks={"pre": [], "post": [check]})
    run = office.executed(change)
    assert ends(run) == {"fra-acc-01": ("rolled_back", "POSTCHECK_FAILED")}, story(run)
    assert device.running_config() == before
