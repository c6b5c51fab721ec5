"""Where a maintenance window lies in the week: local days, hours, and business hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from changes.domain.approval_policy.vocabulary import Weekday
from changes.domain.windows import LONGEST, Period

WORKDAYS: Final = tuple(Weekday)[:5]


@dataclass(frozen=True, slots=True)
class BusinessTime:
    """When people work: from ``start`` on and before ``end``, on ``weekdays``, by the clock of ``time_zone``.

    The same clock tells the weekdays and hours of windows.
    """

    time_zone: str = "UTC"
    weekdays: tuple[Weekday, ...] = WORKDAYS
    start: time = time(8)
    end: time = time(18)

    def to_data(self) -> dict[str, object]:
        """As it stands in a document."""
        days = [day.value for day in Weekday if day in self.weekdays]
        return {
            "time_zone": self.time_zone,
            "weekdays": days,
            "start": f"{self.start:%H:%M}",
            "end": f"{self.end:%H:%M}",
        }


@dataclass(frozen=True, slots=True)
class WindowHours:
    """A window by the local clock: the days it touches, when it starts, its length, and whether it meets work."""

    weekdays: frozenset[Weekday]
    start: time
    minutes: int
    in_business_hours: bool


@lru_cache(maxsize=64)
def window_hours(window: Period, business: BusinessTime) -> WindowHours:
    """Look at the window by the policy's clock; a change of daylight saving time is that of the zone.

    A window that is longer than any legal one counts as touching everything.
    """
    zone = zone_of(business.time_zone)
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    length = max(window.end - window.start, timedelta(0))
    minutes = -(-int(length.total_seconds()) // 60)
    if length > LONGEST:
        return WindowHours(frozenset(Weekday), start.timetz().replace(tzinfo=None), minutes, in_business_hours=True)
    days = tuple(_days(start.date(), end.date()))
    touched = {day for day in days if _overlap(window, day, time(0), None, zone)}
    working = [day for day in days if tuple(Weekday)[day.weekday()] in business.weekdays]
    return WindowHours(
        weekdays=frozenset(tuple(Weekday)[day.weekday()] for day in touched),
        start=start.timetz().replace(tzinfo=None),
        minutes=minutes,
        in_business_hours=any(_overlap(window, day, business.start, business.end, zone) for day in working),
    )


def zone_of(name: str) -> tzinfo:
    """The time zone of this name. UTC needs no table of zones.

    Raises:
        ValueError, OSError, LookupError: there is no such zone, or its name is none.
    """
    return UTC if name == "UTC" else ZoneInfo(name)


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _overlap(window: Period, day: date, start: time, end: time | None, zone: tzinfo) -> bool:
    """Whether the window meets the hours of this day; compared in UTC, where an hour is never skipped."""
    last = datetime.combine(day if end else day + timedelta(days=1), end or time(0), tzinfo=zone).astimezone(UTC)
    first = datetime.combine(day, start, tzinfo=zone).astimezone(UTC)
    return window.start < last and first < window.end
