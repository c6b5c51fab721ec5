"""Assess, approve, reject, ask for changes: what reviewers do, bound to the digest that they saw."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.policy import ChangeFacts, Person, Stage, Verdict
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, PlanState, next_state
from changes.errors import ConflictError, DigestMismatchError, PlanNotReadyError
from changes.models import (
    Approval,
    ChangeRequest,
    Decision,
    DevicePlan,
    PlanOpening,
    PlanRevision,
    ViewedMark,
)
from changes.services.integrity import verify_revision
from changes.services.open_stages import open_stages_settle
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.transitions import audit_change, move, remembering_refusal


def change_assess(*, change_id: int, approver: Actor, plan_digest: str, comment: str = "") -> Approval:
    """Approve as a technical peer exactly the plan whose digest the peer saw, and audit it.

    The row is locked first, so two peers cannot both act on the state that they saw. Nothing is sent to a device.

    Raises:
        IllegalTransitionError: the change is not in assessment.
        DigestMismatchError: the plan was rebuilt after the peer's page was drawn.
        PlanIntegrityError: the stored plan does not have the digest that it claims.
        PolicyDeniedError: a rule forbids it to this person; ``reasons`` says which.
    """
    return _decide(
        change_id=change_id,
        approver=approver,
        plan_digest=plan_digest,
        comment=comment,
        event=ChangeEvent.ASSESS,
        may=policy.may_assess,
        attempt="assess",
    )


def change_approve(*, change_id: int, approver: Actor, plan_digest: str, comment: str = "") -> Approval:
    """Approve as the change authority exactly the plan whose digest the approver saw, and audit it.

    The last approval that the policy asks for moves the change to *approved*; earlier ones leave it in
    *authorization*. Nothing is sent to a device here.

    Raises:
        IllegalTransitionError: the change is not waiting for approval.
        DigestMismatchError: the plan was rebuilt after the approver's page was drawn.
        PlanIntegrityError: the stored plan does not have the digest that it claims.
        PolicyDeniedError: a rule forbids it to this person; ``reasons`` says which.
    """
    return _decide(
        change_id=change_id,
        approver=approver,
        plan_digest=plan_digest,
        comment=comment,
        event=ChangeEvent.AUTHORIZE,
        may=policy.may_approve,
        attempt="approve",
    )


def change_reject(*, change_id: int, approver: Actor, comment: str, plan_digest: str = "") -> Approval:
    """End a change in review for good, with a reason.

    Raises:
        InvalidInputError: the reason is missing.
        IllegalTransitionError: the change is not in review.
        DigestMismatchError: a digest is named and the plan has another one by now.
        PolicyDeniedError: a rule forbids it to this person.
    """
    comment = parse_comment(comment, action="reject a change")
    with remembering_refusal(actor=approver, attempt="reject", change_id=change_id, plan_digest=plan_digest):
        change, person, facts = _review(change_id, approver, ChangeEvent.REJECT)
        enforce(policy.may_reject(person, facts))
        revision = _named_revision(change, plan_digest)
        approval = _store(change, revision, _stage_name(change), Decision.REJECTED, person, revision.digest, comment)
        move(
            change,
            ChangeEvent.REJECT,
            actor=approver,
            reason=comment,
            details={"plan_digest": revision.digest},
        )
        _audit_approval(approval, approver)
        return approval


def change_request_changes(*, change_id: int, approver: Actor, comment: str, plan_digest: str = "") -> Approval:
    """Send a change back to its author with a comment; approvals given so far are void.

    Raises:
        InvalidInputError: the comment is missing.
        IllegalTransitionError: the change is not in review.
        DigestMismatchError: a digest is named and the plan has another one by now.
        PolicyDeniedError: a rule forbids it to this person.
    """
    comment = parse_comment(comment, action="ask for changes")
    with remembering_refusal(actor=approver, attempt="request_changes", change_id=change_id, plan_digest=plan_digest):
        change, person, facts = _review(change_id, approver, ChangeEvent.REQUEST_CHANGES)
        enforce(policy.may_request_changes(person, facts))
        revision = _named_revision(change, plan_digest)
        void_approvals(revision)
        approval = _store(
            change,
            revision,
            _stage_name(change),
            Decision.CHANGES_REQUESTED,
            person,
            revision.digest,
            comment,
            void=True,
        )
        move(change, ChangeEvent.REQUEST_CHANGES, actor=approver, reason=comment)
        _audit_approval(approval, approver)
        return approval


def void_approvals(revision: PlanRevision) -> int:
    """Make every standing decision on a revision void; the rows stay. Returns how many there were."""
    return revision.approvals.filter(voided_at=None).update(voided_at=timezone.now())


def plan_open(*, revision: PlanRevision, actor: Actor) -> None:
    """Remember that a person opened a ready plan; nobody approves a plan that they have not opened. Idempotent."""
    if actor.user_id is None or revision.state != PlanState.READY:
        return
    PlanOpening.objects.bulk_create([PlanOpening(revision=revision, person_id=actor.user_id)], ignore_conflicts=True)


def device_mark_viewed(*, device_plan: DevicePlan, actor: Actor, viewed: bool) -> None:
    """Set or clear a reviewer's own "viewed" mark on one device's plan; it lapses when that plan's digest changes."""
    marks = ViewedMark.objects.filter(
        change_id=device_plan.revision.change_id, device_id=device_plan.device_id, person_id=actor.user_id
    )
    if not viewed:
        marks.delete()
        return
    ViewedMark.objects.update_or_create(
        change_id=device_plan.revision.change_id,
        device_id=device_plan.device_id,
        person_id=actor.user_id,
        defaults={"digest": device_plan.digest, "viewed_at": timezone.now()},
    )


def _decide(
    *,
    change_id: int,
    approver: Actor,
    plan_digest: str,
    comment: str,
    event: ChangeEvent,
    may: Callable[..., Verdict],
    attempt: str,
) -> Approval:
    comment = parse_comment(comment, action="approve a change", required=False)
    with remembering_refusal(actor=approver, attempt=attempt, change_id=change_id, plan_digest=plan_digest):
        change, person, facts = _review(change_id, approver, event)
        revision = _ready_revision(change)
        if plan_digest != revision.digest:
            raise DigestMismatchError(given=plan_digest, current=revision.digest)
        enforce(may(person, facts, seen_digest=plan_digest))
        verify_revision(revision)
        stage = next(stage for stage in facts.stages if stage.event is event)
        approval = _store(change, revision, stage.name, Decision.APPROVED, person, plan_digest, comment)
        if _quorum(stage, change):
            move(change, event, actor=approver, reason=comment, details={"plan_digest": plan_digest})
        else:
            audit_change(change, "change.approval_added", actor=approver, details={"plan_digest": plan_digest})
            open_stages_settle(change)
        _audit_approval(approval, approver)
        return approval


def _review(change_id: int, approver: Actor, event: ChangeEvent) -> tuple[ChangeRequest, Person, ChangeFacts]:
    """Lock the change, refuse an event that its state does not know, and gather the facts."""
    change = lock_change(change_id)
    next_state(ChangeState(change.state), event, change_type=ChangeType(change.type))
    if change.on_hold:
        raise ConflictError(f"{change.number} is on hold; release the hold before deciding.", code="on_hold")
    return change, person_of(approver), facts_of(change)


def _ready_revision(change: ChangeRequest) -> PlanRevision:
    revision = change.revision
    if revision is None or revision.state != PlanState.READY:
        raise PlanNotReadyError("There is no ready plan to decide on. Ask the author to plan the change.")
    return revision


def _named_revision(change: ChangeRequest, plan_digest: str) -> PlanRevision:
    revision = _ready_revision(change)
    if plan_digest and plan_digest != revision.digest:
        raise DigestMismatchError(given=plan_digest, current=revision.digest)
    return revision


def _stage_name(change: ChangeRequest) -> str:
    event = ChangeEvent.ASSESS if ChangeState(change.state) is ChangeState.ASSESSMENT else ChangeEvent.AUTHORIZE
    return next(stage.name for stage in policy.DEFAULT_STAGES if stage.event is event)


def _quorum(stage: Stage, change: ChangeRequest) -> bool:
    return policy.quorum_met(stage, policy.live_approvals(facts_of(change)))


def _store(
    change: ChangeRequest,
    revision: PlanRevision,
    stage: str,
    decision: Decision,
    person: Person,
    plan_digest: str,
    comment: str,
    *,
    void: bool = False,
) -> Approval:
    return Approval.objects.create(
        change=change,
        revision=revision,
        stage=stage,
        decision=decision,
        approver_id=person.id,
        plan_digest=plan_digest,
        comment=comment,
        voided_at=timezone.now() if void else None,
    )


def _audit_approval(approval: Approval, actor: Actor) -> None:
    record(
        actor=actor,
        action=f"approval.{approval.decision}",
        object_type="approval",
        object_id=approval.pk,
        object_label=f"{approval.stage} on {approval.change.number} r{approval.revision.number}",
        change_id=approval.change_id,
        state_to=approval.decision,
        reason=approval.comment,
        details={"plan_digest": approval.plan_digest, "revision": approval.revision.number},
    )
