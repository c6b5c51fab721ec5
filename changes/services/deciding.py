"""What every decision has in common: how it begins, how it is stored, and how far it carries the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from changes.domain import policy
from changes.domain.policy import ChangeFacts, Person, Stage
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, PlanState, next_state
from changes.errors import ConflictError, DigestMismatchError, PlanNotReadyError
from changes.models import Approval, ChangeRequest, Decision, PlanRevision, VoidCause
from changes.services.people import facts_of, lock_change, person_of
from changes.services.transitions import move

_DECIDED_BY: Final = {
    ChangeState.ASSESSMENT: ChangeEvent.ASSESS,
    ChangeState.AUTHORIZATION: ChangeEvent.AUTHORIZE,
}


def review_begin(change_id: int, approver: Actor, event: ChangeEvent) -> tuple[ChangeRequest, Person, ChangeFacts]:
    """Lock the change, refuse an event that its state does not know, and gather the facts.

    Raises:
        IllegalTransitionError: the table has no such step in this state.
        ConflictError: the change is on hold.
    """
    change = lock_change(change_id)
    next_state(ChangeState(change.state), event, change_type=ChangeType(change.type))
    refuse_on_hold(change)
    return change, person_of(approver), facts_of(change)


def refuse_on_hold(change: ChangeRequest) -> None:
    """Nothing is decided about a change while it is held.

    Raises:
        ConflictError: ``on_hold``.
    """
    if change.on_hold:
        raise ConflictError(f"{change.number} is on hold; release the hold before deciding.", code="on_hold")


def ready_revision(change: ChangeRequest) -> PlanRevision:
    """The plan that is decided on.

    Raises:
        PlanNotReadyError: there is none.
    """
    revision = change.revision
    if revision is None or revision.state != PlanState.READY:
        raise PlanNotReadyError("There is no ready plan to decide on. Ask the author to plan the change.")
    return revision


def named_revision(change: ChangeRequest, plan_digest: str) -> PlanRevision:
    """The plan that is decided on, which is the one that the caller saw if they named one.

    Raises:
        PlanNotReadyError: there is none.
        DigestMismatchError: it has another digest by now.
    """
    revision = ready_revision(change)
    if plan_digest and plan_digest != revision.digest:
        raise DigestMismatchError(given=plan_digest, current=revision.digest)
    return revision


def waiting_stage(facts: ChangeFacts) -> Stage | None:
    """The stage in which a decision counts now; None outside of the review."""
    event = _DECIDED_BY.get(facts.state)
    return None if event is None else policy.deciding_stage(facts, event)


def decision_store(
    change: ChangeRequest,
    revision: PlanRevision,
    decision: Decision,
    person: Person,
    comment: str,
    *,
    stage: str,
    group: str = "",
    on_behalf_of: int | None = None,
    void: bool = False,
) -> Approval:
    """Write a decision. Whether the person may is the caller's business; the database asks it again."""
    return Approval.objects.create(
        change=change,
        revision=revision,
        stage=stage,
        decision=decision,
        approver_id=person.id,
        group=group,
        on_behalf_of_id=on_behalf_of,
        plan_digest=revision.digest,
        comment=comment,
        voided_at=timezone.now() if void else None,
        void_cause=VoidCause.RETURNED if void else "",
    )


def advance(
    change: ChangeRequest, *, actor: Actor, reason: str = "", details: Mapping[str, object] | None = None
) -> bool:
    """Move a locked change as far as its approvals carry it: by an event only when every stage of it has its quorum.

    The authorization also needs those of the assessment, which may have expired or been withdrawn since. Returns
    whether it was moved. Nothing is moved by time: who calls this has just written an approval.
    """
    moved = False
    while (event := _DECIDED_BY.get(ChangeState(change.state))) is not None:
        facts = facts_of(change)
        asked = [stage for stage in facts.stages if stage.event is event or event is ChangeEvent.AUTHORIZE]
        if not facts.stages or policy.stage_open(asked, policy.live_approvals(facts)) is not None:
            break
        move(change, event, actor=actor, reason=reason, details=details)
        moved = True
    return moved


def approval_audit(
    approval: Approval, actor: Actor, *, action: str = "", state_from: str = "", state_to: str = "", **details: object
) -> None:
    """Write the event of a decision, in the caller's transaction; the database demands it of a new one.

    With another ``action`` the states are those that are given; none where the decision stays what it was.
    """
    if approval.on_behalf_of is not None:
        details["on_behalf_of"] = approval.on_behalf_of.get_username()
        details["on_behalf_of_id"] = approval.on_behalf_of_id
    if approval.group:
        details["group"] = approval.group
    record(
        actor=actor,
        action=action or f"approval.{approval.decision}",
        object_type="approval",
        object_id=approval.pk,
        object_label=f"{approval.stage} on {approval.change.number} r{approval.revision.number}",
        change_id=approval.change_id,
        state_from=state_from,
        state_to=state_to if action else approval.decision,
        reason=approval.comment if not action else "",
        details={
            "plan_digest": approval.plan_digest,
            "stage": approval.stage,
            "approver_id": approval.approver_id,
            "revision": approval.revision.number,
            "demand_digest": approval.revision.demand_digest,
            **details,
        },
    )
