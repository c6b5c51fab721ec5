"""A change without a window: only its start says when it is carried out, and its risk is computed with that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from changes.errors import PlanIntegrityError
from changes.models import ApprovalPolicyVersion, ChangeRequest, RiskAssessment, Run
from changes.services import execution
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.execution import change_start
from changes.services.requests import change_submit
from changes.services.risk import risk_assess
from changes.services.risk_decisions import risk_answer
from devices.models import Device
from tests.factories import Cast, actor, draft, ready_plan
from tests.integration.policies.conftest import strict

Make = Callable[[str], ApprovalPolicyVersion]
GRAVE = "  - {name: grave, when: {risk: {at_least: high}}, ask: [{stage: security}]}"
MONDAY_MORNING = datetime(2027, 3, 1, 10, tzinfo=UTC)
MONDAY_NIGHT = datetime(2027, 3, 1, 23, tzinfo=UTC)


@pytest.fixture
def answered(cast: Cast, devices: list[Device], activated: Make) -> ChangeRequest:
    """Approved as of medium risk, since its author said that it is carried out in a maintenance window."""
    activated(strict(quorum=1, rules=GRAVE))
    change = draft(cast.author)
    revision = ready_plan(change, devices, found={})
    risk_assess(change, revision)
    said = {"fact": "timing", "answer": "maintenance_window", "plan_digest": revision.digest}
    row = risk_answer(change_id=change.pk, actor=actor(cast.author), **said)
    assert (row.level, row.score + 8 >= 60, row.score + 3 < 60) == ("medium", True, True)
    change_submit(change_id=change.pk, requester=actor(cast.author))
    for decide, person in ((change_assess, cast.peer), (change_approve, cast.approver)):
        plan_open(revision=revision, actor=actor(person))
        decide(change_id=change.pk, approver=actor(person), plan_digest=revision.digest)
    return change


def start_at(monkeypatch: pytest.MonkeyPatch, now: datetime, change: ChangeRequest, cast: Cast) -> Run:
    monkeypatch.setattr(execution, "database_now", lambda: now)
    return change_start(change_id=change.pk, implementer=actor(cast.author))


def test_an_answer_that_was_not_true_does_not_start_a_change(
    answered: ChangeRequest, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PlanIntegrityError) as refused:
        start_at(monkeypatch, MONDAY_MORNING, answered, cast)
    assert refused.value.code == "POLICY_ASKS_MORE"
    assert not Run.objects.exists()


def test_what_a_start_measures_stands_in_place_of_the_answer(
    answered: ChangeRequest, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_at(monkeypatch, MONDAY_NIGHT, answered, cast)
    newest = RiskAssessment.objects.filter(change=answered).order_by("-pk")[0]
    assert (newest.facts["timing"], newest.facts["answered"]) == ("out_of_hours", [])
