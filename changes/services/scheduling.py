"""Giving an approved change its maintenance window, or another one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from audit.actor import Actor
from changes.domain import policy
from changes.domain.calendar.slots import FreeSlot, next_free_slot
from changes.domain.errors import InvalidInputError
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, next_state
from changes.domain.windows import FARTHEST, LONGEST, Period, parse_window
from changes.errors import ConflictError
from changes.models import ChangeRequest
from changes.services.calendar import booked_with, calendar_between, calendar_lock, devices_of
from changes.services.conflicts import refuse_bad_window
from changes.services.demanding import POLICY_ASKS_MORE, what_is_more
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.risk import risk_assess
from changes.services.schedule_problems import problem_settle
from changes.services.scheduled_starts import start_order
from changes.services.start_orders import start_drop
from changes.services.transitions import audit_change, move, remembering_refusal
from changes.services.windows import database_now, window_of

MOVABLE: Final = frozenset({ChangeState.SCHEDULED, ChangeState.PAUSED, ChangeState.REVIEW})
"""Where a window may be set without a step of the change: something may still be started, and nothing is right now."""
NAMES: Final = frozenset({"window_start", "window_end", "start_by_itself"})
HORIZON: Final = timedelta(days=90)
"""So far ahead a free period is looked for."""


def change_schedule(*, change_id: int, actor: Actor, data: Mapping[str, object]) -> ChangeRequest:
    """Set the window of an approved change, or move that of one that is scheduled, paused or in review.

    The window has to be legal for every device that the plan writes to, and free of conflicts that nobody waived.
    Unless ``start_by_itself`` is given nothing starts by itself: a person starts it in the window. An order to start by
    itself that was given for another window ends.

    ``data``: ``{window_start, window_end, start_by_itself}``, times in ISO 8601; without a zone they mean UTC.

    Raises:
        IllegalTransitionError: the change is in none of these states.
        PolicyDeniedError: neither a change manager nor who wrote or edited it; or, to start by itself, no implementer.
        InvalidInputError: with a sentence under each name.
        ConflictError: the change is on hold, or the window is not legal, or in conflict with other changes.
    """
    with remembering_refusal(actor=actor, attempt="schedule", change_id=change_id):
        change = lock_change(change_id)
        again = change.state in MOVABLE
        if not again:
            next_state(ChangeState(change.state), ChangeEvent.SCHEDULE, change_type=ChangeType(change.type))
        enforce(policy.may_schedule(person_of(actor), facts_of(change)))
        if change.on_hold:
            raise ConflictError(f"{change.number} is on hold; release the hold first.", code="on_hold")
        by_itself = _flag(data)
        before, window = window_of(change), _window(data)
        calendar_lock()
        refuse_bad_window(change, window)
        change.window_start, change.window_end = window.start, window.end
        if change.revision:
            risk_assess(change, change.revision, actor=actor)
        _refuse_more_approvals(change, window)
        if again:
            change.save(update_fields=["window_start", "window_end", "updated_at"])
            audit_change(change, "change.rescheduled", actor=actor, before=_said(before), after=_said(window))
        else:
            move(change, ChangeEvent.SCHEDULE, actor=actor, details=_said(window))
        problem_settle(change)
        if before != window or by_itself:
            start_drop(change, actor=actor, why=f"{actor.username} set another window, {window.words}.")
        if by_itself:
            start_order(change, actor=actor)
        return change


def _refuse_more_approvals(change: ChangeRequest, window: Period) -> None:
    """A window for which the policy asks more than was approved needs those approvals first."""
    more = what_is_more(change, change.revision) if change.revision else ()
    if more:
        raise ConflictError(
            f"In the window {window.words} the approval policy asks for more than was approved. {' '.join(more)}"
            " Choose another window, or make a new revision and have it approved for this one.",
            code=POLICY_ASKS_MORE,
        )


def slot_next(change: ChangeRequest, *, minutes: int, after: datetime | None = None) -> FreeSlot:
    """Find the next period that is legal for all devices of a change and free of conflicts; at most ten queries.

    It looks 90 days ahead, from ``after`` on or from now.

    Raises:
        InvalidInputError: no length from 5 minutes to 31 days, or a time that is too far ahead.
    """
    longest = int(LONGEST.total_seconds()) // 60
    if not 5 <= minutes <= longest:
        raise InvalidInputError({"minutes": [f"Give a length from 5 to {longest} minutes."]})
    now = database_now()
    begin = max(after or now, now)
    if begin - now > FARTHEST:
        raise InvalidInputError({"after": [f"A window starts within {FARTHEST.days} days. Give an earlier time."]})
    devices = devices_of(change)
    return next_free_slot(
        timedelta(minutes=minutes),
        devices,
        after=begin,
        horizon=HORIZON,
        calendar=calendar_between(begin, begin + HORIZON),
        booked=booked_with(devices, Period(begin, begin + HORIZON), but=change.pk),
        change_type=ChangeType(change.type),
        key=change.pk,
    )


def _window(data: Mapping[str, object]) -> Period:
    return parse_window({name: value for name, value in data.items() if name != "start_by_itself"}, now=database_now())


def _flag(data: Mapping[str, object]) -> bool:
    value = data.get("start_by_itself", False)
    if not isinstance(value, bool):
        raise InvalidInputError({"start_by_itself": ["Give true or false."]})
    return value


def _said(window: Period | None) -> dict[str, object]:
    return {"window_start": window.start, "window_end": window.end} if window else {}
