"""The periods of reports: whole weeks, months and quarters in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from changes.domain.labels import Labelled

FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2200, 1, 1)
"""Whoever asks about a day before or after these has mistyped it."""


class ReportKind(Labelled):
    """Which review of the process a report is made for."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"

    @property
    def heading(self) -> str:
        """The report's name."""
        return _TITLES[self]


_TITLES: Final = {
    ReportKind.WEEKLY: "Weekly control review",
    ReportKind.MONTHLY: "Monthly quality review",
    ReportKind.QUARTERLY: "Quarterly governance review",
}


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days in UTC: from ``first`` on and before ``end``."""

    first: date
    end: date

    @property
    def start_at(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time.min, UTC)

    @property
    def end_at(self) -> datetime:
        """The moment after the last one."""
        return datetime.combine(self.end, time.min, UTC)

    @property
    def last(self) -> date:
        """The last day."""
        return self.end - timedelta(days=1)

    @property
    def words(self) -> str:
        """``16 to 22 Nov 2026``; months and years are named where they differ."""
        first, last = self.first, self.last
        if first == last:
            return f"{last:%-d %b %Y}"
        if (first.year, first.month) == (last.year, last.month):
            return f"{first:%-d} to {last:%-d %b %Y}"
        if first.year == last.year:
            return f"{first:%-d %b} to {last:%-d %b %Y}"
        return f"{first:%-d %b %Y} to {last:%-d %b %Y}"

    @property
    def before(self) -> Days:
        """As many days that end where these begin."""
        return Days(self.first - (self.end - self.first), self.first)


def days_of(kind: ReportKind, day: date) -> Days:
    """The week (from Monday), month or quarter in which a day lies."""
    if kind is ReportKind.WEEKLY:
        monday = day - timedelta(days=day.weekday())
        return Days(monday, monday + timedelta(weeks=1))
    if kind is ReportKind.MONTHLY:
        return Days(day.replace(day=1), _month_after(day.replace(day=1), 1))
    first = date(day.year, day.month - (day.month - 1) % 3, 1)
    return Days(first, _month_after(first, 3))


def last_days(kind: ReportKind, today: date) -> Days:
    """The last week, month or quarter that is over."""
    return previous(kind, days_of(kind, today))


def previous(kind: ReportKind, days: Days) -> Days:
    """The week, month or quarter before."""
    return days_of(kind, days.first - timedelta(days=1))


def series_of(kind: ReportKind, days: Days, count: int) -> tuple[Days, ...]:
    """``count`` periods of a kind, oldest first, of which the last is ``days``."""
    return tuple(reversed(list(_backwards(kind, days, count))))


def name_of(kind: ReportKind, days: Days) -> str:
    """``week 47 of 2026``, ``November 2026``, ``quarter 4 of 2026``."""
    if kind is ReportKind.WEEKLY:
        year, week, _day = days.first.isocalendar()
        return f"week {week} of {year}"
    if kind is ReportKind.MONTHLY:
        return f"{days.first:%B %Y}"
    return f"quarter {(days.first.month + 2) // 3} of {days.first.year}"


def short_name(kind: ReportKind, days: Days) -> str:
    """As the foot of a column: ``W47``, ``Nov``, ``Q4 26``; no two of a course are alike."""
    if kind is ReportKind.WEEKLY:
        return f"W{days.first.isocalendar()[1]}"
    return f"{days.first:%b}" if kind is ReportKind.MONTHLY else f"Q{(days.first.month + 2) // 3} {days.first:%y}"


def _backwards(kind: ReportKind, days: Days, count: int) -> Iterator[Days]:
    for _number in range(count):
        yield days
        days = previous(kind, days)


def _month_after(first: date, months: int) -> date:
    month = first.month - 1 + months
    return date(first.year + month // 12, month % 12 + 1, 1)
