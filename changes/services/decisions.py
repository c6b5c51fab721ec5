"""Abstaining, and taking one's own decision back, before a change is implemented."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.policy import ChangeFacts, Person, Stage
from changes.domain.states import IN_REVIEW, ChangeEvent, ChangeState, ChangeType, next_state
from changes.models import Approval, ChangeRequest, Decision, VoidCause
from changes.services.approval_watch import approval_watch_settle
from changes.services.deciding import (
    approval_audit,
    decision_store,
    named_revision,
    refuse_on_hold,
    waiting_stage,
)
from changes.services.decision_news import tell_authors
from changes.services.open_stages import open_stages_settle
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.transitions import audit_change, move, remembering_refusal
from changes.services.voiding import lapsed_make_room


def change_abstain(*, change_id: int, approver: Actor, comment: str = "", plan_digest: str = "") -> Approval:
    """Say openly that one does not decide about a plan. It counts for nothing, and binds until it is withdrawn.

    The stage is the open one, or a later one of the plan in which the person could have approved.

    Raises:
        IllegalTransitionError: the change is not in review.
        DigestMismatchError: a digest is named and the plan has another one by now.
        PolicyDeniedError: the person could not have approved, or has decided already.
    """
    comment = parse_comment(comment, action="abstain", required=False)
    with remembering_refusal(actor=approver, attempt="abstain", change_id=change_id, plan_digest=plan_digest):
        change = lock_change(change_id)
        if ChangeState(change.state) not in IN_REVIEW:
            next_state(ChangeState(change.state), ChangeEvent.REQUEST_CHANGES, change_type=ChangeType(change.type))
        refuse_on_hold(change)
        person, facts = person_of(approver), facts_of(change)
        revision = named_revision(change, plan_digest)
        stage = _stage_of(person, facts)
        lapsed_make_room(revision, facts, person.id)
        approval = decision_store(
            change,
            revision,
            Decision.ABSTAINED,
            person,
            comment,
            stage=stage.name,
            group=policy.acting_group(person, facts, stage) or "",
        )
        approval_audit(approval, approver)
        audit_change(change, "change.abstained", actor=approver, reason=comment, details={"stage": stage.name})
        open_stages_settle(change)
        approval_watch_settle(change)
        return approval


def decision_withdraw(*, change_id: int, actor: Actor, comment: str = "") -> ChangeRequest:
    """Take back one's own approval or abstention on the present plan, or one given on one's behalf; it becomes void.

    An approved or scheduled change that then has too few approvals goes back to its authorization; the approvals of
    others go on counting. One that was started keeps them.

    Raises:
        PolicyDeniedError: the person has no decision to withdraw, or the change does not wait any more.
    """
    comment = parse_comment(comment, action="withdraw a decision", required=False)
    with remembering_refusal(actor=actor, attempt="withdraw_decision", change_id=change_id):
        change = lock_change(change_id)
        person, facts = person_of(actor), facts_of(change)
        enforce(policy.may_withdraw_decision(person, facts))
        rows = list(_own(change, person))
        Approval.objects.filter(pk__in=[row.pk for row in rows]).update(
            voided_at=timezone.now(), void_cause=VoidCause.WITHDRAWN
        )
        for row in rows:
            states = {"state_from": row.decision, "state_to": VoidCause.WITHDRAWN.value}
            approval_audit(row, actor, action="approval.withdrawn", **states, because=comment)
        details = {"stages": sorted({row.stage for row in rows})}
        if ChangeState(change.state) in {ChangeState.APPROVED, ChangeState.SCHEDULED} and _lacks_approvals(change):
            move(change, ChangeEvent.REOPEN, actor=actor, reason=comment, details=details)
        else:
            audit_change(change, "change.decision_withdrawn", actor=actor, reason=comment, details=details)
            open_stages_settle(change)
        approval_watch_settle(change)
        if any(row.decision == Decision.APPROVED for row in rows):
            tell_authors(change, actor, "approval withdrawn", comment)
        return change


def _stage_of(person: Person, facts: ChangeFacts) -> Stage:
    waiting = waiting_stage(facts)
    stages = [stage for stage in (waiting, *facts.stages) if stage is not None]
    able = next((stage for stage in stages if policy.may_abstain(person, facts, stage)), None)
    if able is None:
        enforce(policy.may_abstain(person, facts, stages[0]))
        raise AssertionError("a stage that is refused was allowed")
    return able


def _own(change: ChangeRequest, person: Person) -> list[Approval]:
    rows = Approval.objects.filter(revision=change.revision, voided_at=None).exclude(decision=Decision.REJECTED)
    own = rows.filter(Q(approver=person.id) | Q(on_behalf_of=person.id))
    return list(own.select_related("change", "revision", "on_behalf_of").order_by("pk"))


def _lacks_approvals(change: ChangeRequest) -> bool:
    facts = facts_of(change)
    return policy.stage_open(facts.stages, policy.live_approvals(facts)) is not None
