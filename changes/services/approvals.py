"""Assess, approve, reject, ask for changes: what reviewers do, bound to the digest that they saw.

Nobody else writes approvals, but for those that are carried over. What each may do is in :mod:`changes.domain.policy`;
the database refuses the same once more (migration ``quorum_guards``).
"""

from __future__ import annotations

from django.utils import timezone

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.states import ChangeEvent, PlanState
from changes.errors import DigestMismatchError
from changes.models import Approval, Decision, DevicePlan, PlanOpening, PlanRevision, ViewedMark
from changes.services.approval_watch import approval_watch_settle
from changes.services.deciding import (
    advance,
    approval_audit,
    decision_store,
    named_revision,
    ready_revision,
    review_begin,
    waiting_stage,
)
from changes.services.decision_news import tell_authors
from changes.services.delegations import acting_for
from changes.services.integrity import verify_revision
from changes.services.open_stages import open_stages_settle
from changes.services.people import enforce
from changes.services.transitions import audit_change, move, remembering_refusal
from changes.services.voiding import lapsed_make_room, void_approvals


def change_assess(
    *, change_id: int, approver: Actor, plan_digest: str, comment: str = "", on_behalf_of: int | None = None
) -> Approval:
    """Approve in the assessment exactly the plan whose digest the reviewer saw, and audit it.

    The last approval that the stages of the assessment ask for moves the change on. The row is locked first, so two
    reviewers cannot both act on the state that they saw. ``on_behalf_of``: the absent member, by their id, for whom
    the approver holds a delegation. Nothing is sent to a device.

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
        on_behalf_of=on_behalf_of,
        event=ChangeEvent.ASSESS,
        attempt="assess",
    )


def change_approve(
    *, change_id: int, approver: Actor, plan_digest: str, comment: str = "", on_behalf_of: int | None = None
) -> Approval:
    """Approve in the authorization exactly the plan whose digest the approver saw, and audit it.

    The last approval that the policy asks for moves the change to *approved*; earlier ones leave it in
    *authorization*. ``on_behalf_of``: the absent member, by their id, for whom the approver holds a delegation.
    Nothing is sent to a device here.

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
        on_behalf_of=on_behalf_of,
        event=ChangeEvent.AUTHORIZE,
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
        change, person, facts = review_begin(change_id, approver, ChangeEvent.REJECT)
        enforce(policy.may_reject(person, facts))
        revision = named_revision(change, plan_digest)
        stage = waiting_stage(facts)
        lapsed_make_room(revision, facts, person.id)
        approval = decision_store(
            change, revision, Decision.REJECTED, person, comment, stage=stage.name if stage else "review"
        )
        move(
            change,
            ChangeEvent.REJECT,
            actor=approver,
            reason=comment,
            details={"plan_digest": revision.digest},
        )
        approval_audit(approval, approver)
        approval_watch_settle(change)
        tell_authors(change, approver, "rejected", comment)
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
        change, person, facts = review_begin(change_id, approver, ChangeEvent.REQUEST_CHANGES)
        enforce(policy.may_request_changes(person, facts))
        revision = named_revision(change, plan_digest)
        void_approvals(revision, actor=approver)
        stage = waiting_stage(facts)
        approval = decision_store(
            change,
            revision,
            Decision.CHANGES_REQUESTED,
            person,
            comment,
            stage=stage.name if stage else "review",
            void=True,
        )
        move(change, ChangeEvent.REQUEST_CHANGES, actor=approver, reason=comment)
        approval_audit(approval, approver)
        approval_watch_settle(change)
        tell_authors(change, approver, "sent back", comment)
        return approval


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
    on_behalf_of: int | None,
    event: ChangeEvent,
    attempt: str,
) -> Approval:
    comment = parse_comment(comment, action="approve a change", required=False)
    asked = {"plan_digest": plan_digest} if on_behalf_of is None else {
        "plan_digest": plan_digest, "on_behalf_of": on_behalf_of
    }  # fmt: skip
    with remembering_refusal(actor=approver, attempt=attempt, change_id=change_id, **asked):
        change, person, facts = review_begin(change_id, approver, event)
        revision = ready_revision(change)
        if plan_digest != revision.digest:
            raise DigestMismatchError(given=plan_digest, current=revision.digest)
        stage = policy.deciding_stage(facts, event)
        absent = None if on_behalf_of is None else acting_for(person, on_behalf_of, stage, held=True)
        may = policy.may_assess if event is ChangeEvent.ASSESS else policy.may_approve
        enforce(may(person, facts, seen_digest=plan_digest, acting_for=absent))
        if stage is None:  # what the rules have just refused
            raise AssertionError("no stage")
        verify_revision(revision)
        lapsed_make_room(revision, facts, person.id, on_behalf_of)
        approval = decision_store(
            change,
            revision,
            Decision.APPROVED,
            person,
            comment,
            stage=stage.name,
            group=policy.acting_group(person, facts, stage, acting_for=absent) or "",
            on_behalf_of=on_behalf_of,
        )
        details = {"plan_digest": plan_digest, "stage": stage.name}
        if not advance(change, actor=approver, reason=comment, details=details):
            audit_change(change, "change.approval_added", actor=approver, details=details)
            open_stages_settle(change)
        approval_audit(approval, approver)
        approval_watch_settle(change)
        return approval
