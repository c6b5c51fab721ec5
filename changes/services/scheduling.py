"""Giving an approved change its maintenance window, or another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from audit.actor import Actor
from changes.domain import policy
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, next_state
from changes.domain.windows import Period, parse_window
from changes.errors import ConflictError
from changes.models import ChangeRequest
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.transitions import audit_change, move, remembering_refusal
from changes.services.windows import database_now, window_of

MOVABLE: Final = frozenset({ChangeState.SCHEDULED, ChangeState.PAUSED, ChangeState.REVIEW})
"""Where a window may be set without a step of the change: something may still be started, and nothing is right now."""


def change_schedule(*, change_id: int, actor: Actor, data: Mapping[str, object]) -> ChangeRequest:
    """Set the window of an approved change, or move that of one that is scheduled, paused or in review.

    Nothing starts by itself: a paused run is resumed, and failed devices are retried, by a person and in the window.

    ``data``: ``{window_start, window_end}``, ISO 8601; without a zone they mean UTC.

    Raises:
        IllegalTransitionError: the change is in none of these states.
        PolicyDeniedError: neither a change manager nor who wrote or edited it.
        InvalidInputError: with a sentence under each name.
        ConflictError: the change is on hold.
    """
    with remembering_refusal(actor=actor, attempt="schedule", change_id=change_id):
        change = lock_change(change_id)
        again = change.state in MOVABLE
        if not again:
            next_state(ChangeState(change.state), ChangeEvent.SCHEDULE, change_type=ChangeType(change.type))
        enforce(policy.may_schedule(person_of(actor), facts_of(change)))
        if change.on_hold:
            raise ConflictError(f"{change.number} is on hold; release the hold first.", code="on_hold")
        before, window = window_of(change), parse_window(data, now=database_now())
        change.window_start, change.window_end = window.start, window.end
        if again:
            change.save(update_fields=["window_start", "window_end", "updated_at"])
            audit_change(change, "change.rescheduled", actor=actor, before=_said(before), after=_said(window))
        else:
            move(change, ChangeEvent.SCHEDULE, actor=actor, details=_said(window))
        return change


def _said(window: Period | None) -> dict[str, object]:
    return {"window_start": window.start, "window_end": window.end} if window else {}
