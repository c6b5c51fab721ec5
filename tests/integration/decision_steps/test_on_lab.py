"""A decision step on real SSH devices: from the template that holds it to the end of the run that waited for it."""

from __future__ import annotations

import pytest

from changes.domain.decision_steps import SEAL, StepState
from changes.models import ChangeRequest, DevicePlan
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.execution import run_devices
from changes.services.requests import change_create, change_submit
from changes.services.step_answers import step_confirm
from changes.services.template_reviews import version_approve
from changes.services.templates import template_create, version_propose
from tests.integration.changes.conftest import Office, ends, lab, office  # noqa: F401 - fixtures
from tests.integration.templates.conftest import NTP

pytestmark = pytest.mark.lab
STEP = {
    "title": "Look at the clock",
    "instruction": "Compare it with the wall.",
    "place": "after_wave",
    "wave": 1,
    "person": "maria",
}
SERVER = "10.0.0.123"


def made_from_a_template(office: Office) -> ChangeRequest:  # noqa: F811
    """Oscar writes the runbook, Pete reviews it, Olivia makes a change from it."""
    data = {**NTP, "envelope": None, "strategy": {"canary": 1}, "steps": [STEP]}
    oscar, pete = office.people["oscar"], office.people["pete"]
    version = template_create(data=data, author=oscar)
    version = version_propose(template_id=version.template_id, number=1, author=oscar)
    version_approve(template_id=version.template_id, number=1, reviewer=pete, digest=version.digest)
    asked = {
        "title": "A time server",
        "reason": "The old one goes.",
        "template": version.template_id,
        "variables": {"server": SERVER},
        "targets": {"filter": {"role": "access"}},
    }
    return change_create(data=asked, author=office.people["olivia"])


def test_devices_after_a_template_s_step_are_written_only_when_it_is_confirmed(office: Office) -> None:  # noqa: F811
    change = made_from_a_template(office)
    revision = office.planned(change)
    assert revision.state == "ready"
    assert all(SEAL in plan.content.strategy for plan in DevicePlan.objects.filter(revision=revision))
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    for name, decide in (("pete", change_assess), ("ana", change_approve)):
        plan_open(revision=revision, actor=office.people[name])
        decide(change_id=change.pk, approver=office.people[name], plan_digest=revision.digest)

    run = office.started(ChangeRequest.objects.get(pk=change.pk))
    run_devices(run.pk)
    run_devices(run.pk)
    step = run.decision_steps.get()
    assert (step.title, step.state) == ("Look at the clock", StepState.WAITING)
    written = [device.name for device in office.lab.devices if f"ntp server {SERVER}" in device.running_config()]
    assert written == ["fra-acc-01"]

    step_confirm(change_id=change.pk, step_id=step.pk, actor=office.people["maria"], note="Right to the second.")
    office.worked_on(run)
    assert {state for state, _code in ends(run).values()} == {"succeeded"}
    assert all(f"ntp server {SERVER}" in device.running_config() for device in office.lab.devices)
    change.refresh_from_db()
    assert (run.outcome, change.state) == ("succeeded", "review")
