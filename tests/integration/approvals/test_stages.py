"""Deciding by stages: what moves the change, abstaining, withdrawing, acting for somebody, expiry, carrying over."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.run_states import Goal
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import Approval, ApprovalWatch, ChangeRequest, Delegation, Notification
from changes.services.approval_watch import approvals_look
from changes.services.approvals import change_reject, change_request_changes
from changes.services.carrying_over import devices_seen_before, review_begun
from changes.services.decisions import change_abstain, decision_withdraw
from changes.services.delegations import delegation_revoke
from changes.services.device_work import gather
from changes.services.execution import change_start, claimable_device_runs
from changes.services.integrity import PlanSeal
from changes.services.journal import BlockedError, Journal
from changes.services.people import facts_of
from changes.services.requests import change_submit, change_withdraw
from changes.services.revising import change_revise
from changes.services.scheduling import change_schedule
from changes.services.stage_standings import stage_standings
from devices.models import Device
from devices.services.claims import claim_next
from devices.services.scrubbing import Scrubber
from portal.access import person_access_change
from tests.factories import TESTER, Cast, actor, joins, leaves_all, ready_plan
from tests.integration.approvals.office import (
    again,
    asked,
    decide,
    delegates,
    guard_off,
    in_review,
    opened,
    risk,
    stage,
)

PEER = stage("peer", step="assessment")
SECURITY = stage("security", step="assessment")
CAB = stage("cab", delegates=["peer"])


def backdated(approval: Approval, hours: float) -> None:
    """As if it had been given so long ago; the guard that keeps decisions as they are is off for this one statement."""
    with guard_off("changes_approval", "changes_approval_stays"):
        Approval.objects.filter(pk=approval.pk).update(created_at=F("created_at") - timedelta(hours=hours))


def test_an_event_moves_the_change_only_when_each_of_its_stages_has_its_quorum(
    cast: Cast, devices: list[Device]
) -> None:
    change = in_review(cast.author, devices, PEER, SECURITY, stage("cab", quorum=2))
    security = joins(cast.outsider, "security")
    first = decide(change, cast.peer)
    assert (again(change).state, first.stage, first.group) == ("assessment", "peer", "peer")
    decide(change, security)
    assert again(change).state == "authorization"
    decide(change, cast.approver)
    assert again(change).state == "authorization"
    decide(change, cast.second_approver)
    assert again(change).state == "approved"
    assert list(Approval.objects.order_by("pk").values_list("stage", "group")) == [
        ("peer", "peer"), ("security", "security"), ("cab", "cab"), ("cab", "cab"),
    ]  # fmt: skip


def test_each_group_gives_an_approval_where_the_stage_asks_for_it(cast: Cast, devices: list[Device]) -> None:
    both = stage("owners", "cab", "service-owner", quorum=2, from_each_group=True)
    change = in_review(cast.author, devices, PEER, both)
    owner = joins(cast.outsider, "service-owner", "cab")
    decide(change, cast.peer)
    assert decide(change, cast.approver).group == "cab"
    assert stage_standings(again(change), facts_of(again(change)))[1].quorum.groups_lacking == ("service-owner",)
    assert decide(change, owner).group == "service-owner", "the group that lacks one goes first"
    assert again(change).state == "approved"


def test_an_abstention_counts_for_nothing_binds_and_can_be_taken_back(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices)
    row = change_abstain(change_id=change.pk, approver=actor(cast.peer), comment="I know the site too well.")
    assert (row.decision, row.stage, again(change).state) == ("abstained", "peer", "assessment")
    with pytest.raises(PolicyDeniedError) as refusal:
        decide(change, cast.peer)
    assert refusal.value.code == "GATE_DUPLICATE"
    decision_withdraw(change_id=change.pk, actor=actor(cast.peer))
    decide(change, cast.peer)
    assert again(change).state == "authorization"


@pytest.mark.parametrize("who", ["author", "colleague", "superuser", "outsider", "auditor"])
def test_who_could_not_approve_cannot_abstain(cast: Cast, devices: list[Device], who: str) -> None:
    change = in_review(cast.author, devices)
    change.editors.add(cast.colleague)
    with pytest.raises(PolicyDeniedError):
        change_abstain(change_id=change.pk, approver=actor(getattr(cast, who)))
    assert not Approval.objects.exists()


def test_a_withdrawn_approval_sends_an_approved_change_back_and_the_others_go_on_counting(
    cast: Cast, devices: list[Device]
) -> None:
    change = in_review(cast.author, devices)
    decide(change, cast.peer)
    decide(change, cast.approver)
    window = {"window_start": timezone.now() + timedelta(hours=1), "window_end": timezone.now() + timedelta(hours=3)}
    change_schedule(
        change_id=change.pk, actor=actor(cast.manager), data={name: at.isoformat() for name, at in window.items()}
    )

    decision_withdraw(change_id=change.pk, actor=actor(cast.peer), comment="I missed the uplink.")

    assert again(change).state == "authorization"
    assert Event.objects.filter(change_id=change.pk, action="change.reopened").exists()
    assert Event.objects.filter(change_id=change.pk, action="approval.withdrawn").exists()
    assert Notification.objects.filter(person=cast.author, topic="approval_void").exists()
    with pytest.raises(PolicyDeniedError):
        decide(change, cast.second_approver)  # the stage of the assessment is the open one
    decide(change, joins(cast.outsider, "peer"))
    assert again(change).state == "approved", "the CAB's approval still counts"


def test_nobody_withdraws_what_others_decided_or_what_was_started(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices)
    decide(change, cast.peer)
    with pytest.raises(PolicyDeniedError):
        decision_withdraw(change_id=change.pk, actor=actor(cast.approver))
    decide(change, cast.approver)
    change_start(change_id=change.pk, implementer=actor(cast.implementer))
    with pytest.raises(PolicyDeniedError):
        decision_withdraw(change_id=change.pk, actor=actor(cast.peer))
    assert Approval.objects.filter(voided_at=None).count() == 2


def test_a_delegate_approves_for_an_absent_member_and_both_are_bound(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices, PEER, CAB)
    deputy = joins(cast.outsider, "peer")
    decide(change, cast.peer)
    delegates(cast.approver, deputy)

    row = decide(change, deputy, on_behalf_of=cast.approver)

    assert (row.approver, row.on_behalf_of, row.group) == (deputy, cast.approver, "cab")
    assert again(change).state == "approved"
    joins(cast.approver, "implementer")
    with pytest.raises(PolicyDeniedError):
        change_start(change_id=change.pk, implementer=actor(cast.approver))
    decision_withdraw(change_id=change.pk, actor=actor(cast.approver))
    assert again(change).state == "authorization", "who was acted for may take it back"


def test_a_delegation_gives_no_second_voice_and_passes_nothing_on(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices, PEER, stage("cab", quorum=2, delegates=["cab", "peer"]))
    deputy = joins(cast.outsider, "peer")
    decide(change, cast.peer)
    delegates(cast.approver, cast.second_approver)
    decide(change, cast.second_approver, on_behalf_of=cast.approver)
    for person, absent in ((cast.second_approver, None), (cast.approver, None), (cast.peer, cast.approver)):
        with pytest.raises(PolicyDeniedError):
            decide(change, person, on_behalf_of=absent)
    delegates(cast.second_approver, deputy)
    with pytest.raises(PolicyDeniedError, match="hold no delegation"):
        decide(change, deputy, on_behalf_of=cast.approver)
    with pytest.raises(PolicyDeniedError):
        decide(change, deputy, on_behalf_of=cast.second_approver)
    assert again(change).state == "authorization"


@pytest.mark.parametrize("case", ["revoked", "other stage", "author absent", "author deputy", "nobody asked"])
def test_when_a_delegate_may_not_act(cast: Cast, devices: list[Device], case: str) -> None:
    deputy = joins(cast.outsider, "peer")
    author = {"author absent": joins(cast.approver, "requester"), "author deputy": joins(deputy, "requester")}.get(case)
    allowed = [] if case == "other stage" else ["peer"]
    change = in_review(author or cast.author, devices, PEER, stage("cab", delegates=allowed))
    decide(change, cast.peer)
    if case != "nobody asked":
        row = delegates(cast.approver, deputy)
        if case == "revoked":
            delegation_revoke(delegation_id=row.pk, actor=actor(cast.manager))
    with pytest.raises(PolicyDeniedError):
        decide(change, deputy, on_behalf_of=cast.approver)
    assert again(change).state == "authorization"


def test_who_gives_and_who_ends_a_delegation(cast: Cast) -> None:
    row = delegates(cast.approver, cast.peer, groups=["cab"], reason="Holiday.", out_of_office=True)
    with pytest.raises(InvalidInputError, match="Another delegation of yours"):
        delegates(cast.approver, cast.colleague)
    for bad in ({"days": 93}, {"days": -1}, {"groups": ["peer"]}, {"odd": 1}):
        with pytest.raises(InvalidInputError):
            delegates(cast.second_approver, cast.peer, **bad)
    with pytest.raises(InvalidInputError):
        delegates(cast.second_approver, cast.second_approver)
    with pytest.raises(InvalidInputError):
        delegates(cast.second_approver, None)
    with pytest.raises(PolicyDeniedError):
        delegates(cast.auditor, cast.peer)
    with pytest.raises(PolicyDeniedError):
        delegation_revoke(delegation_id=row.pk, actor=actor(cast.superuser))
    delegation_revoke(delegation_id=row.pk, actor=actor(cast.peer))
    with pytest.raises(ConflictError):
        delegation_revoke(delegation_id=row.pk, actor=actor(cast.approver))
    assert not Delegation.objects.in_force().exists()
    assert list(Event.objects.filter(object_type="delegation").order_by("id").values_list("action", flat=True)) == [
        "delegation.created", "delegation.revoked",
    ]  # fmt: skip


def told(topic: str) -> set[str]:
    return set(Notification.objects.filter(topic=topic).values_list("person__username", flat=True))


def due_now(change: ChangeRequest, **moved: timedelta) -> None:
    """Let the watch of a change have begun earlier."""
    watch = ApprovalWatch.objects.get(change=change)
    for name, by in moved.items():
        setattr(watch, name, (getattr(watch, name) or timezone.now()) - by)
    watch.look_at = timezone.now()
    watch.save()


def test_reviewers_are_told_reminded_and_escalated_and_nothing_is_approved(cast: Cast, devices: list[Device]) -> None:
    nagging = stage("peer", step="assessment", remind_every_h=4, escalate={"after_h": 8, "to": ["change-manager"]},
                    delegates=["cab"])  # fmt: skip
    change = in_review(cast.author, devices, nagging, CAB)
    ApprovalWatch.objects.all().delete()
    Notification.objects.all().delete()
    delegates(cast.peer, cast.approver, out_of_office=True)
    approvals_look()
    assert told("approval_waits") == {"colleague", "approver"}, "who is away is told through the delegate"
    due_now(change, opened_at=timedelta(hours=5))
    approvals_look()
    assert told("reminder") == {"colleague", "approver"}
    assert told("escalation") == set()
    due_now(change, opened_at=timedelta(days=400), reminded_at=timedelta(days=400))
    for _ in range(3):
        approvals_look()
    assert told("escalation") == {"manager"}
    assert Notification.objects.filter(topic="reminder", person=cast.approver).count() == 2, "once, not for each hour"
    assert again(change).state == "assessment"
    assert not Approval.objects.exists()
    actions = Event.objects.filter(change_id=change.pk, actor_name="approval-clock").values_list("action", flat=True)
    assert set(actions) == {"change.approval_reminded", "change.approval_escalated"}


def test_an_expired_approval_makes_an_approved_change_stale_and_opens_its_stage_in_review(
    cast: Cast, devices: list[Device]
) -> None:
    short = [{**PEER, "expires_after_h": 24}, CAB]
    waiting, ready, refused = (in_review(cast.author, devices, *short) for _ in range(3))
    for change in (waiting, ready, refused):
        backdated(decide(change, cast.peer), 23)
    decide(ready, cast.approver)
    approvals_look()
    assert again(ready).state == "approved"
    assert ApprovalWatch.objects.get(change=ready).look_at is not None, "its expiry is waited for"

    for row in Approval.objects.filter(stage="peer"):
        backdated(row, 2)
    with pytest.raises(ConflictError) as refusal:
        change_start(change_id=ready.pk, implementer=actor(cast.implementer))
    assert refusal.value.code == "PLAN_NOT_APPROVED"
    for change in (waiting, ready):
        due_now(change)
    approvals_look()

    assert again(ready).state == "stale"
    assert told("stale") == {"author"}
    assert again(waiting).state == "authorization"
    assert stage_standings(again(waiting), facts_of(again(waiting)))[0].open
    change_reject(change_id=refused.pk, approver=actor(cast.peer), comment="Too late by now.")
    assert again(refused).state == "rejected"
    approvals_look()
    assert not ApprovalWatch.objects.filter(change__in=[refused, ready]).exists(), "nothing is waited for any more"
    decide(waiting, cast.peer)
    decide(waiting, cast.approver)
    assert again(waiting).state == "approved", "who approved before may do so again"
    change_revise(change_id=ready.pk, requester=actor(cast.author))
    assert (again(ready).state, again(ready).revision) == ("draft", None)


@pytest.mark.parametrize(("goal", "state", "held_back"), [
    (Goal.APPLY, "pending", True), (Goal.APPLY, "reconciling", False), (Goal.ROLL_BACK, "rollback_pending", False),
    (Goal.ROLL_BACK, "reconciling", False),
])  # fmt: skip
def test_expired_approvals_let_no_device_begin_and_keep_none_from_being_taken_back(
    cast: Cast, devices: list[Device], goal: Goal, state: str, held_back: bool
) -> None:
    change = in_review(cast.author, devices, {**PEER, "expires_after_h": 24}, stage("cab"))
    given = decide(change, cast.peer)
    decide(change, cast.approver)
    run = change_start(change_id=change.pk, implementer=actor(cast.implementer))
    backdated(given, 25)
    row = run.device_runs.select_related("device", "device_plan__baseline__blob", "run__change__revision", "wave")[0]
    row.goal, row.state = goal, state
    claim = claim_next(claimable_device_runs(run.pk).filter(pk=row.pk), owner=uuid.uuid4())
    assert claim
    scrub = Scrubber.load()
    journal = Journal(claim, scrub)
    with pytest.raises(BlockedError) if held_back else nullcontext() as refused:
        gather(row, seal=PlanSeal(run), journal=journal, scrub=scrub, on_driver=lambda _driver: None)
    assert (refused.value.code if refused else "") == ("PLAN_NOT_APPROVED" if held_back else "")


def revised(change: ChangeRequest, author: User, devices: list[Device]) -> ChangeRequest:
    """Withdraw, plan these devices, and submit again."""
    change_withdraw(change_id=change.pk, requester=actor(author))
    ready_plan(again(change), devices)
    return again(change)


def submitted_again(change: ChangeRequest, author: User, level: str) -> ChangeRequest:
    """Submitted anew, as if its risk were judged so; what follows a submission is then asked once more."""
    change_submit(change_id=change.pk, requester=actor(author))
    risk(change, level)
    review_begun(again(change))
    return again(change)


@pytest.mark.parametrize(("level", "state"), [("low", "authorization"), ("high", "assessment"), ("", "assessment")])
def test_approvals_are_carried_over_where_every_device_was_seen_and_the_risk_is_not_high(
    cast: Cast, devices: list[Device], level: str, state: str
) -> None:
    change = in_review(cast.author, devices)
    given = decide(change, cast.peer)
    change = revised(change, cast.author, devices[:1])
    change = submitted_again(change, cast.author, level)

    carried = Approval.objects.filter(revision=change.revision, voided_at=None)
    if level == "low":
        row = carried.get()
        assert (row.approver, row.carried_from, row.created_at) == (cast.peer, given.plan_digest, given.created_at)
        assert row.plan_digest == change.revision.digest != given.plan_digest  # type: ignore[union-attr]
        assert Event.objects.filter(object_type="approval", object_id=str(row.pk), actor_name="carry-over").exists()
    else:
        assert not carried.exists()
        assert change.revision
        assert devices_seen_before(change.revision) == {devices[0].pk}, "they are still told apart for reviewers"
    assert change.state == state


@pytest.mark.parametrize("case", ["left the group of the approval", "became an auditor"])
def test_an_approval_whose_right_is_gone_is_left_behind_and_the_change_goes_on(
    cast: Cast, devices: list[Device], case: str
) -> None:
    both = stage("peer", "peer", "security", step="assessment", delegates=["peer"])
    change = in_review(cast.author, devices, both, CAB)
    joins(cast.peer, "security")
    absent = None
    if case == "became an auditor":
        absent = joins(cast.colleague, "peer")
        delegates(absent, cast.peer)
    assert decide(change, cast.peer, on_behalf_of=absent).group == "peer"
    change = revised(change, cast.author, devices)
    if case == "became an auditor":
        joins(cast.peer, "auditor")
    else:
        person_access_change(user=cast.peer, actor=TESTER, remove=["peer"])
    change_submit(change_id=change.pk, requester=actor(cast.author))
    asked(change, both, CAB)
    risk(change, "low")
    review_begun(again(change))
    assert not Approval.objects.filter(revision=again(change).revision).exists()
    assert again(change).state == "assessment"


@pytest.mark.parametrize("case", ["another device", "withdrawn", "asked for changes", "edited since", "left the group"])
def test_what_is_not_carried_over(cast: Cast, devices: list[Device], case: str) -> None:
    change = in_review(cast.author, devices[:1], stage("peer", step="assessment", quorum=2), CAB)
    decide(change, cast.peer)
    if case == "withdrawn":
        decision_withdraw(change_id=change.pk, actor=actor(cast.peer))
    if case == "asked for changes":
        change_request_changes(change_id=change.pk, approver=actor(cast.peer), comment="Not at this site.")
    else:
        change_withdraw(change_id=change.pk, requester=actor(cast.author))
    if case == "edited since":
        change.editors.add(cast.peer)
    if case == "left the group":
        leaves_all(cast.peer)
    ready_plan(again(change), devices if case == "another device" else devices[:1])
    change = submitted_again(change, cast.author, "low")
    assert not Approval.objects.filter(revision=change.revision).exists()
    assert change.state == "assessment"


def test_an_unresolved_thread_blocks_approvals_where_the_policy_says_so(cast: Cast, devices: list[Device]) -> None:
    from changes.services.threads import thread_open

    change = in_review(cast.author, devices, PEER, CAB, duties=["resolve_threads"])
    opened(change, cast.peer)
    thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why this server?")
    with pytest.raises(PolicyDeniedError) as refusal:
        decide(change, cast.peer)
    assert refusal.value.code == "THREADS_UNRESOLVED"
    asked(change, PEER, CAB)
    decide(change, cast.peer)
    assert again(change).state == "authorization"


def test_authors_do_not_implement_where_the_policy_says_so(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices, PEER, CAB, duties=["implementer_apart"])
    decide(change, cast.peer)
    decide(change, cast.approver)
    with pytest.raises(PolicyDeniedError, match="somebody else implements it"):
        change_start(change_id=change.pk, implementer=actor(cast.author))
