"""Closing a change after its run has ended."""

from __future__ import annotations

from django.utils import timezone

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.errors import InvalidInputError
from changes.domain.run_states import RunOutcome
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, CloseCode, next_state
from changes.models import ChangeRequest
from changes.services.outcomes import change_outcome
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.reviews import refuse_without_review
from changes.services.transitions import move, remembering_refusal


def change_close(*, change_id: int, manager: Actor, close_code: str, comment: str = "") -> ChangeRequest:
    """Close a reviewed change with a close code; a note is required unless everything succeeded.

    Raises:
        InvalidInputError: no such close code, one that the run's outcome contradicts, or no note where one is needed.
        IllegalTransitionError: the change is not in review.
        PolicyDeniedError: no change manager, or one who wrote or implemented it.
        ConflictError: ``REVIEW_MISSING``; it needs a review that was submitted, and has none.
    """
    with remembering_refusal(actor=manager, attempt="close", change_id=change_id):
        change = lock_change(change_id)
        next_state(ChangeState(change.state), ChangeEvent.CLOSE, change_type=ChangeType(change.type))
        enforce(policy.may_close(person_of(manager), facts_of(change)))
        outcome = change_outcome(change)
        change.close_code = _close_code(close_code, outcome)
        needs_note = change.close_code != CloseCode.SUCCESSFUL
        change.close_note = parse_comment(
            comment, action="close a change that did not fully succeed", required=needs_note
        )
        refuse_without_review(change)
        change.closed_at = timezone.now()
        move(
            change,
            ChangeEvent.CLOSE,
            actor=manager,
            reason=change.close_note,
            details={"close_code": change.close_code, "outcome": outcome},
        )
        return change


def _close_code(given: str, outcome: str) -> CloseCode:
    try:
        code = CloseCode(given)
    except ValueError:
        known = ", ".join(CloseCode)
        raise InvalidInputError({"close_code": [f"“{given}” is not a close code. Use one of: {known}."]}) from None
    if code is CloseCode.SUCCESSFUL and outcome != RunOutcome.SUCCEEDED:
        sentence = f"The run ended as {outcome}, so the change cannot be closed as successful."
        raise InvalidInputError({"close_code": [sentence]})
    return code
