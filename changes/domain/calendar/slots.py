"""The next period that is free for a change: legal for all its devices, and in conflict with no other change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from changes.domain.calendar.conflicts import Booking, ConflictKind, conflicts
from changes.domain.calendar.legality import Calendar, allowed_spans
from changes.domain.calendar.scope import CalendarDevice
from changes.domain.calendar.spans import Spans, spans_of, without
from changes.domain.states import ChangeType
from changes.domain.windows import LONGEST, Period

MAX_HORIZON: Final = timedelta(days=400)
STEP: Final = timedelta(minutes=5)
"""A free period starts at a time of day that can be divided by this, counted in UTC."""
ALL_KINDS: Final = frozenset(ConflictKind)


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """The answer of a search: a period, or None, and a sentence that says what was looked at."""

    period: Period | None
    sentence: str


def next_free_slot(
    length: timedelta,
    devices: Sequence[CalendarDevice],
    *,
    after: datetime,
    horizon: timedelta,
    calendar: Calendar,
    booked: Iterable[Booking] = (),
    change_type: ChangeType = ChangeType.NORMAL,
    kinds: Collection[ConflictKind] = ALL_KINDS,
    key: int = 0,
) -> FreeSlot:
    """Find the first period of this length that starts at or after ``after``, and ends within the horizon.

    ``kinds`` are the conflicts to avoid, ``key`` is the change itself among ``booked``. The work grows with windows,
    freezes and bookings inside the horizon, which is at most 400 days; no clock is asked.

    Raises:
        RuleError: a window's rule would take too many steps.
    """
    before = after + min(horizon, MAX_HORIZON)
    if not timedelta(0) < length <= LONGEST:
        return FreeSlot(None, f"A change lasts more than nothing and at most {LONGEST.days} days.")
    allowed = allowed_spans(after, before, devices, calendar=calendar, change_type=change_type)
    free = without(allowed, _taken(after, before, devices, booked, kinds, key))
    for start, end in free:
        begin = _rounded_up(start)
        if begin + length <= end:
            found = Period(begin, begin + length)
            return FreeSlot(found, f"The next free period is {found.words}.")
    return FreeSlot(None, _nothing_found(length, Period(after, before), allowed, free))


def _taken(
    after: datetime,
    before: datetime,
    devices: Sequence[CalendarDevice],
    booked: Iterable[Booking],
    kinds: Collection[ConflictKind],
    key: int,
) -> Spans:
    ours = Booking(key, "", Period(after, before), tuple(devices))
    return spans_of(found.overlap for found in conflicts(ours, booked) if found.kind in kinds)


def _rounded_up(at: datetime) -> datetime:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return at + (-since % STEP)


def _nothing_found(length: timedelta, searched: Period, allowed: Spans, free: Spans) -> str:
    minutes = int(length.total_seconds()) // 60
    start = f"There is no free period of {minutes} minutes from {searched.words}: "
    if not allowed:
        return start + "no time lies in the windows of all devices and in no freeze."
    if all(end - begin < length for begin, end in allowed):
        return start + "every time that windows and freezes leave is shorter. Make the change shorter, or split it."
    if not free:
        return start + "other changes have all of it. Split the change, or ask for a waiver."
    return start + "other changes leave shorter times only. Split the change, or ask for a waiver."
