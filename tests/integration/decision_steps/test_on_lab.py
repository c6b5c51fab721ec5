"""A manual step between two waves on real SSH devices."""

import pytest

from changes.domain.decision_steps import SEAL, StepState
from changes.models import DevicePlan, PlanRevision
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.decision_steps import steps_frozen
from changes.services.execution import run_devices
from changes.services.planning import plan_devices, plan_request
from changes.services.requests import change_submit
from changes.services.step_answers import step_confirm
from tests.integration.changes.conftest import Office, ends, lab, office  # noqa: F401 - fixtures

pytestmark = pytest.mark.lab
STEP = {
    "title": "Look at the clock",
    "instruction": "Compare it with the wall.",
    "place": "after_wave",
    "wave": 1,
    "person": "maria",
}


def test_devices_after_a_step_are_written_only_when_it_is_confirmed(office: Office) -> None:  # noqa: F811
    change = office.draft(strategy={"canary": 1})
    revision = plan_request(change_id=change.pk, actor=office.people["olivia"])
    # As a template's steps are frozen with the other inputs.
    PlanRevision.objects.filter(pk=revision.pk).update(inputs={**revision.inputs, "steps": steps_frozen([STEP])})
    plan_devices(revision.pk)
    revision.refresh_from_db()
    assert all(SEAL in plan.content.strategy for plan in DevicePlan.objects.filter(revision=revision))
    change_submit(change_id=change.pk, requester=office.people["olivia"])
    for name, decide in (("pete", change_assess), ("ana", change_approve)):
        plan_open(revision=revision, actor=office.people[name])
        decide(change_id=change.pk, approver=office.people[name], plan_digest=revision.digest)

    run = office.started(change)
    run_devices(run.pk)
    run_devices(run.pk)
    step = run.decision_steps.get()
    assert step.state == StepState.WAITING
    written = [device.name for device in office.lab.devices if "ntp server 10.0.0.123" in device.running_config()]
    assert written == ["fra-acc-01"]

    step_confirm(change_id=change.pk, step_id=step.pk, actor=office.people["maria"], note="Right to the second.")
    office.worked_on(run)
    assert {state for state, _code in ends(run).values()} == {"succeeded"}
    assert all("ntp server 10.0.0.123" in device.running_config() for device in office.lab.devices)
