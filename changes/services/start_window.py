"""The calendar at the moment of a start: maintenance windows and freezes of its devices, and conflicts."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from changes.domain.calendar.legality import NEEDS_NO_WINDOW, allowed_spans, legal
from changes.domain.states import ChangeType
from changes.domain.windows import LONGEST, Closed, Period
from changes.errors import ConflictError
from changes.models import ChangeRequest
from changes.services.calendar import calendar_between, calendar_lock, devices_of
from changes.services.conflicts import refuse_conflicts
from changes.services.windows import database_now, refuse_outside_window, window_closed, window_of

_MOMENT: Final = timedelta(seconds=1)


def start_window(change: ChangeRequest) -> dict[str, object]:
    """Let a locked change start only inside its window, the windows of its devices, no freeze and no conflict.

    A change without a window of its own is bound to the maintenance window that is open. Starts judge the calendar one
    at a time, so that two on the members of a redundancy pair cannot overlook each other. Returns what the audit log
    says of it; empty where there is nothing to say.

    Raises:
        ConflictError: it may not be started at this moment; the code is that of the rule.
    """
    calendar_lock()
    refuse_outside_window(change)
    found: dict[str, object] = {}
    adopted = window_adopt(change)
    if adopted:
        found["window"] = adopted.words
    let_through = refuse_conflicts(change)
    if let_through:
        found["conflicts"] = [each.sentence for each in let_through[:50]]
    return found


def why_not_now(change: ChangeRequest) -> Closed | None:
    """Why the calendar lets this change not be started at this moment; None: it does. Nothing is written.

    Two queries where no window and no freeze is, four more where one is. Conflicts are not looked for.
    """
    closed = window_closed(change)
    if closed is not None:
        return closed
    now = database_now()
    calendar = calendar_between(now, now + _MOMENT)
    if not calendar.windows:
        return None
    kind = ChangeType(change.type)
    verdict = legal(now, now + _MOMENT, devices_of(change), calendar=calendar, change_type=kind)
    return None if verdict.legal else Closed(verdict.obstacles[0].code, verdict.obstacles[0].sentence)


def window_adopt(change: ChangeRequest) -> Period | None:
    """Bind a change that is started without a window of its own to the maintenance window that is open now.

    Call it with the change locked, before it is started. Each wave and device then meets the window as any other. None:
    it has one, or none is needed.

    Raises:
        ConflictError: a freeze or a maintenance window of one of its devices stands against a start at this moment.
    """
    now = database_now()
    calendar = calendar_between(now, now + LONGEST)
    if not calendar.windows and not calendar.freezes:
        return None
    devices, kind = devices_of(change), ChangeType(change.type)
    verdict = legal(now, now + _MOMENT, devices, calendar=calendar, change_type=kind)
    if not verdict.legal:
        raise ConflictError(" ".join(each.sentence for each in verdict.obstacles), code=verdict.obstacles[0].code)
    bound = any(window.scope.includes(device) for window in calendar.windows for device in devices)
    if window_of(change) is not None or kind in NEEDS_NO_WINDOW or not bound:
        return None
    [(_start, end), *_] = allowed_spans(now, now + LONGEST, devices, calendar=calendar, change_type=kind)
    change.window_start, change.window_end = now, end
    return Period(now, end)
