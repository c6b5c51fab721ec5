"""When a change is carried out, as its risk sees it: by its own window, the calendar's windows and business hours."""

from __future__ import annotations

from collections.abc import Sequence

from changes.domain.approval_policy.hours import BusinessTime, window_hours
from changes.domain.calendar.recurring import RecurringWindow
from changes.domain.calendar.scope import CalendarDevice
from changes.domain.calendar.spans import covers, spans_of
from changes.domain.risk.facts import Timing
from changes.domain.windows import Period


def timing_of(
    window: Period | None,
    devices: Sequence[CalendarDevice],
    windows: Sequence[RecurringWindow],
    business: BusinessTime,
) -> Timing | None:
    """The worst of all devices; None: no window is set, so nobody knows when.

    A device is in a maintenance window only where recurring windows hold for it and cover all of the change's window.
    """
    if window is None:
        return None
    if devices and _all_inside(window, devices, windows):
        return Timing.MAINTENANCE_WINDOW
    if window_hours(window, business).in_business_hours:
        return Timing.BUSINESS_HOURS
    return Timing.OUT_OF_HOURS


def _all_inside(window: Period, devices: Sequence[CalendarDevice], windows: Sequence[RecurringWindow]) -> bool:
    held = {tuple(at for at, each in enumerate(windows) if each.scope.includes(device)) for device in devices}
    return all(
        indexes
        and covers(
            spans_of(period for at in indexes for period in windows[at].periods(window.start, window.end)),
            window.start,
            window.end,
        )
        for indexes in held
    )
