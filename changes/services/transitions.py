"""The one way in which a change request's state moves, and the one way in which a refusal is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from audit.actor import Actor
from audit.body import clip
from audit.recorder import record
from changes.domain.errors import ChangeError
from changes.domain.states import IN_REVIEW, ChangeEvent, ChangeState, ChangeType, next_state
from changes.errors import ChangeNotFoundError, PlanIntegrityError
from changes.models import ChangeRequest
from changes.services.open_stages import open_stages_settle
from changes.services.start_orders import start_drop

_PAST_TENSE = {
    ChangeEvent.SUBMIT: "change.submitted",
    ChangeEvent.ASSESS: "change.assessed",
    ChangeEvent.REQUEST_CHANGES: "change.changes_requested",
    ChangeEvent.WITHDRAW: "change.withdrawn",
    ChangeEvent.REJECT: "change.rejected",
    ChangeEvent.AUTHORIZE: "change.authorized",
    ChangeEvent.REOPEN: "change.reopened",
    ChangeEvent.SCHEDULE: "change.scheduled",
    ChangeEvent.EXPIRE: "change.expired",
    ChangeEvent.REVISE: "change.revised",
    ChangeEvent.START: "change.started",
    ChangeEvent.PAUSE: "change.paused",
    ChangeEvent.RESUME: "change.resumed",
    ChangeEvent.ROLL_BACK: "change.rollback_started",
    ChangeEvent.FINISH: "change.finished",
    ChangeEvent.RETRY: "change.retried",
    ChangeEvent.CLOSE: "change.closed",
    ChangeEvent.CANCEL: "change.canceled",
}


def move(
    change: ChangeRequest,
    event: ChangeEvent,
    *,
    actor: Actor,
    reason: str = "",
    details: Mapping[str, object] | None = None,
    pre_approved: bool = False,
) -> None:
    """Move a locked change along the transition table and write the audit event; other changed fields are saved too.

    Into, within and out of the review the table of open stages follows. A change that is scheduled no more does not
    start by itself either.
    Call it inside the transaction that locked the row. People's rights are the caller's business.

    Raises:
        IllegalTransitionError: the table has no such step. Nothing is written.
        PlanIntegrityError: ``PLAN_NOT_APPROVED``; the database counts fewer approvals than the plan's policy asks for.
    """
    before = ChangeState(change.state)
    change.state = next_state(before, event, change_type=ChangeType(change.type), pre_approved=pre_approved)
    try:
        change.save()
    except IntegrityError as error:
        raise _unapproved(error) from error
    audit_change(
        change,
        _PAST_TENSE[event],
        actor=actor,
        reason=reason,
        details=details,
        state_from=before,
        state_to=change.state,
    )
    if not IN_REVIEW.isdisjoint({before, change.state}):
        open_stages_settle(change)
    if before is ChangeState.SCHEDULED and event is not ChangeEvent.START:
        start_drop(change, actor=actor, why=f"The change is {ChangeState(change.state).label.lower()} now.")


def _unapproved(error: IntegrityError) -> Exception:
    """The database's own word that approvals are missing, as the services say it; any other error as it is."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if getattr(diagnosis, "constraint_name", "") != "approval_quorum":
        return error
    return PlanIntegrityError(
        "The plan lacks approvals that its policy asks for, or their time is over. Have it approved first.",
        code="PLAN_NOT_APPROVED",
    )


def audit_change(
    change: ChangeRequest,
    action: str,
    *,
    actor: Actor,
    reason: str = "",
    code: str = "",
    state_from: str = "",
    state_to: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write an audit event about a change, in the caller's transaction."""
    record(
        actor=actor,
        action=action,
        object_type="change",
        object_id=change.pk,
        object_label=str(change),
        change_id=change.pk,
        state_from=state_from,
        state_to=state_to,
        code=code,
        reason=reason,
        before=before,
        after=after,
        details=details,
    )


@contextmanager
def remembering_refusal(*, actor: Actor, attempt: str, change_id: int, **details: object) -> Iterator[None]:
    """Run one attempt in its own transaction; when it is refused, roll it back and audit the refusal.

    ``attempt`` is a verb such as ``approve``; the event's action is ``change.approve_refused``. The error goes on to
    the caller. Nothing is kept of attempts on changes that do not exist: there is no object that the event were about.
    """
    try:
        with transaction.atomic():
            yield
    except ChangeNotFoundError:
        raise
    except ChangeError as refusal:
        with transaction.atomic():
            record(
                actor=actor,
                action=f"change.{attempt}_refused",
                object_type="change",
                object_id=change_id,
                object_label=f"CHG-{change_id:05d}",
                change_id=change_id,
                code=refusal.code,
                reason=str(refusal),
                details={name: clip(str(value), 200) for name, value in details.items()} or None,
            )
        raise
