"""Activating a policy that asks more: what was approved by less does not start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit.models import Event
from changes.domain.approval_policy.reading import read_policy
from changes.domain.approval_policy.shipped_policies import BUILTIN_POLICY
from changes.errors import PlanIntegrityError
from changes.models import Approval, ApprovalPolicyVersion, ChangeRequest, Notification, OpenStage
from changes.services.approval_policies import policy_propose
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.demanding import demand_of
from changes.services.dispatch import dispatch_once
from changes.services.execution import change_start
from changes.services.policy_activation import policy_activate
from changes.services.rejudging import change_rejudge, policy_forecast, waiting_judge
from changes.services.run_control import pause
from changes.services.run_orders import run_resume
from devices.models import Device
from tests.factories import Cast, actor, approved, assessed, draft, started, submitted, wave_carried_out
from tests.integration.policies.conftest import Board, strict

Make = Callable[[str], ApprovalPolicyVersion]
PEER_APART = "  - {name: owner, when: always, ask: [{stage: security}]}"


def again(change: ChangeRequest) -> ChangeRequest:
    return ChangeRequest.objects.select_related("revision").get(pk=change.pk)


def judge_all() -> int:
    looked_at = 0
    while step := waiting_judge(limit=2):
        looked_at += step
    return looked_at


def asked(change: ChangeRequest) -> dict[str, int]:
    assert change.revision is not None
    return {each.stage.name: each.stage.quorum for each in demand_of(change.revision).stages}


def test_each_waiting_change_is_judged_once_in_bounded_steps(
    cast: Cast, devices: list[Device], activated: Make, django_assert_num_queries: Callable[..., object]
) -> None:
    waiting = [submitted(cast.author, devices), assessed(cast, devices), approved(cast, devices)]
    draft(cast.author)
    activated(strict())
    assert judge_all() == 3
    assert [again(change).state for change in waiting] == ["assessment", "authorization", "stale"]
    assert [asked(again(change)) for change in waiting[:2]] == [{"peer": 1, "cab": 2}] * 2
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        assert waiting_judge() == 0


def test_what_became_stale_says_why_and_its_people_are_told(cast: Cast, devices: list[Device], activated: Make) -> None:
    change = approved(cast, devices)
    activated(strict())
    dispatch_once()
    event = Event.objects.get(action="change.expired")
    assert event.reason == "The stage CAB asks for 2 approvals instead of 1."
    told = Notification.objects.get(topic="stale")
    assert (told.person, told.change) == (cast.author, change)


def test_in_review_only_approvals_of_stricter_stages_are_void(
    cast: Cast, devices: list[Device], activated: Make
) -> None:
    """A quorum that grew leaves the peer's approval as it was; the CAB is asked for two."""
    change = assessed(cast, devices)
    activated(strict())
    judge_all()
    assert Approval.objects.get(change=change, stage="peer").voided_at is None
    assert again(change).state == "authorization"
    assert set(OpenStage.objects.filter(change=change).values_list("group", "needed")) == {("cab", 2)}


def test_an_approval_in_a_stage_that_became_stricter_is_void(
    cast: Cast, devices: list[Device], activated: Make
) -> None:
    activated(strict())
    change = assessed(cast, devices)
    _approve(change, cast)
    activated(strict(version=2, quorum=3))
    judge_all()
    row = Approval.objects.get(change=change, stage="cab")
    assert (row.voided_at is not None, row.void_cause) == (True, "policy")
    assert Notification.objects.filter(topic="approval_void", person=cast.approver).exists()


def test_a_new_stage_of_the_assessment_is_open_during_the_authorization(
    cast: Cast, devices: list[Device], board: Board, activated: Make
) -> None:
    change = assessed(cast, devices)
    activated(strict(quorum=1, rules=PEER_APART))
    judge_all()
    assert asked(again(change)) == {"peer": 1, "security": 1, "cab": 1}
    assert set(OpenStage.objects.filter(change=change).values_list("group", flat=True)) == {"security"}
    revision = again(change).revision
    assert revision is not None
    for person in (board.security, cast.approver):
        plan_open(revision=revision, actor=actor(person))
        change_approve(change_id=change.pk, approver=actor(person), plan_digest=revision.digest)
    assert again(change).state == "approved"


def test_a_policy_that_asks_less_or_the_same_changes_nothing(
    cast: Cast, devices: list[Device], activated: Make
) -> None:
    change = approved(cast, devices)
    activated(strict(quorum=1))
    judge_all()
    assert (again(change).state, asked(again(change))) == ("approved", {"peer": 1, "cab": 1})
    assert change_start(change_id=change.pk, implementer=actor(cast.implementer))


def test_where_the_first_policy_waited_for_more_somebody_can_still_carry_the_change_on(
    cast: Cast, devices: list[Device], activated: Make
) -> None:
    """The security stage that was open is gone, so the only assessment left was given: it is asked again."""
    activated(strict(quorum=1, rules=PEER_APART))
    change = submitted(cast.author, devices)
    _assess(change, cast)
    activated(strict(version=2, quorum=2))
    judge_all()
    assert (again(change).state, asked(again(change))) == ("assessment", {"peer": 1, "cab": 2})
    assert set(OpenStage.objects.filter(change=change).values_list("group", flat=True)) == {"peer"}


def test_the_next_wave_is_not_opened_where_the_policy_asks_more_by_now(
    cast: Cast, devices: list[Device], activated: Make
) -> None:
    run = started(cast, devices, strategy={"batch_percent": 50})
    activated(strict())
    wave_carried_out(run)
    assert (run.state, run.code) == ("paused", "POLICY_ASKS_MORE")
    assert "was not opened: The approval policy asks more" in run.detail


def test_a_paused_run_is_not_resumed_where_the_policy_asks_more_by_now_unless_the_former_one_is_active_again(
    cast: Cast, devices: list[Device], activated: Make, board: Board
) -> None:
    run = started(cast, devices)
    activated(strict())
    pause(run.change, run, actor=actor(cast.implementer), code="RUN_PAUSED", detail="Looking.")
    with pytest.raises(PlanIntegrityError, match="asks more"):
        run_resume(change_id=run.change_id, actor=actor(cast.implementer))
    former = ApprovalPolicyVersion.objects.get(digest=BUILTIN_POLICY.digest)
    policy_propose(version_id=former.pk, actor=actor(board.writer))
    policy_activate(version_id=former.pk, actor=actor(board.second_manager), comment="To let the run end.")
    assert run_resume(change_id=run.change_id, actor=actor(cast.implementer)).state == "running"


def test_judging_a_change_twice_writes_nothing_more(cast: Cast, devices: list[Device], activated: Make) -> None:
    change = submitted(cast.author, devices)
    activated(strict())
    assert change_rejudge(change.pk)
    events = Event.objects.count()
    assert change_rejudge(change.pk) == ()
    assert Event.objects.count() == events


def test_the_forecast_says_what_an_activation_would_do_and_does_nothing(cast: Cast, devices: list[Device]) -> None:
    waiting = [submitted(cast.author, devices), approved(cast, devices)]
    found = policy_forecast(read_policy(strict()))
    assert {one.change.pk: one.stale for one in found.found} == {waiting[0].pk: False, waiting[1].pk: True}
    assert (found.stale, found.asked_again, found.looked_at, found.whole) == (1, 1, 2, True)
    assert found.found[0].more == ("The stage CAB asks for 2 approvals instead of 1.",)
    assert policy_forecast(read_policy(strict(quorum=1))).found == ()
    assert [again(change).state for change in waiting] == ["assessment", "approved"]


def _approve(change: ChangeRequest, cast: Cast) -> None:
    revision = again(change).revision
    assert revision is not None
    plan_open(revision=revision, actor=actor(cast.approver))
    change_approve(change_id=change.pk, approver=actor(cast.approver), plan_digest=revision.digest)


def _assess(change: ChangeRequest, cast: Cast) -> None:
    revision = again(change).revision
    assert revision is not None
    plan_open(revision=revision, actor=actor(cast.peer))
    change_assess(change_id=change.pk, approver=actor(cast.peer), plan_digest=revision.digest)
