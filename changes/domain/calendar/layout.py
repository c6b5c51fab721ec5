"""Months, weeks and lists of what is in the calendar, laid out by the wall clock of a zone. No markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from changes.domain.calendar.zones import moment, wall_clock
from changes.domain.labels import Labelled
from changes.domain.windows import Period

DAY_MINUTES: Final = 24 * 60


class EntryKind(Labelled):
    """What is in the calendar, in the order in which a day shows it."""

    FREEZE = "freeze"
    WINDOW = "window"
    CONFLICT = "conflict"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in the calendar. ``key`` is its id among its kind, ``state`` that of a change."""

    kind: EntryKind
    key: int
    title: str
    period: Period
    state: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The part of an entry that lies on one day.

    Attributes:
        start_minute, end_minute: by the wall clock, from 0 to 1440. Where an hour comes twice, what starts and ends in
            it may seem to have no length; a page shows such a part at least one line high.
        starts, ends: whether the entry itself starts or ends on this day.
        lane, lanes: its column in a week, counted from 0, and how many columns stand beside each other there.
    """

    entry: Entry
    start_minute: int
    end_minute: int
    starts: bool
    ends: bool
    lane: int = 0
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class Day:
    """One day with its parts, in their order. ``inside`` tells whether it is of the month that is shown."""

    date: date
    parts: tuple[Part, ...]
    inside: bool = True


Week = tuple[Day, ...]


def month(
    year: int, number: int, entries: Iterable[Entry], zone: ZoneInfo, *, first_weekday: int = 0
) -> tuple[Week, ...]:
    """The weeks that hold a day of the month, each of seven days; ``first_weekday`` 0 is Monday.

    Raises:
        ValueError: there is no such month, or it is at the end of the calendar.
    """
    first = date(year, number, 1)
    begin = _week_begin(first, first_weekday)
    after = date(year + number // 12, number % 12 + 1, 1)
    weeks = -(-(after - begin).days // 7)
    days = _days(begin, weeks * 7, entries, zone, inside=lambda day: first <= day < after)
    return tuple(days[at : at + 7] for at in range(0, len(days), 7))


def week(day: date, entries: Iterable[Entry], zone: ZoneInfo, *, first_weekday: int = 0) -> Week:
    """The seven days of the week that holds this day; parts that overlap have lanes beside each other."""
    return tuple(
        Day(found.date, _in_lanes(found.parts), found.inside)
        for found in _days(_week_begin(day, first_weekday), 7, entries, zone)
    )


def listing(first: date, count: int, entries: Iterable[Entry], zone: ZoneInfo) -> tuple[Day, ...]:
    """The days from ``first`` on that have something, out of ``count``; what lasts for days is on each of them."""
    return tuple(day for day in _days(first, count, entries, zone) if day.parts)


def days_period(first: date, count: int, zone: ZoneInfo) -> Period:
    """From the midnight at which ``first`` begins for ``count`` days, as moments: what to load for a layout."""
    return Period(_midnight(first, zone), _midnight(first + timedelta(days=count), zone))


def month_period(year: int, number: int, zone: ZoneInfo, *, first_weekday: int = 0) -> Period:
    """The time that :func:`month` shows, with the days of the months before and after."""
    weeks = month(year, number, (), zone, first_weekday=first_weekday)
    return days_period(weeks[0][0].date, 7 * len(weeks), zone)


def _week_begin(day: date, first_weekday: int) -> date:
    return day - timedelta(days=(day.weekday() - first_weekday) % 7)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return moment(datetime.combine(day, time()), zone)


def _days(
    first: date, count: int, entries: Iterable[Entry], zone: ZoneInfo, inside: Callable[[date], bool] = lambda _: True
) -> tuple[Day, ...]:
    parts: list[list[Part]] = [[] for _ in range(count)]
    for entry in entries:
        for offset, part in _parts(entry, first, count, zone):
            parts[offset].append(part)
    dates = [first + timedelta(days=offset) for offset in range(count)]
    return tuple(Day(day, tuple(sorted(parts[at], key=_order)), inside(day)) for at, day in enumerate(dates))


def _parts(entry: Entry, first: date, count: int, zone: ZoneInfo) -> Iterator[tuple[int, Part]]:
    """The entry cut at midnights. One that ends at midnight is not on the day that then begins."""
    if entry.period.end <= entry.period.start:
        return
    start, end = wall_clock(entry.period.start, zone), wall_clock(entry.period.end, zone)
    last_day = end.date() if end.time() > time() else end.date() - timedelta(days=1)
    last_day = max(last_day, start.date())
    for offset in range(max((start.date() - first).days, 0), min((last_day - first).days + 1, count)):
        day = first + timedelta(days=offset)
        begins, ends = day == start.date(), day == last_day
        begin_minute = start.hour * 60 + start.minute if begins else 0
        end_minute = -(-(end - datetime.combine(day, time())) // timedelta(minutes=1)) if ends else DAY_MINUTES
        yield offset, Part(entry, begin_minute, max(end_minute, begin_minute), begins, ends)


def _in_lanes(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Give each part the first lane that is free; parts that overlap, also by way of others, share their lanes."""
    found: list[Part] = []
    group: list[tuple[Part, int]] = []
    ends: list[int] = []
    for part in sorted(parts, key=lambda each: (each.start_minute, -each.end_minute, *_order(each))):
        if ends and part.start_minute >= max(ends):
            found.extend(_laid(group, len(ends)))
            group, ends = [], []
        lane = next((at for at, end in enumerate(ends) if end <= part.start_minute), len(ends))
        ends[lane : lane + 1] = [max(part.end_minute, part.start_minute + 1)]
        group.append((part, lane))
    return (*found, *_laid(group, len(ends)))


def _laid(group: Iterable[tuple[Part, int]], lanes: int) -> Iterator[Part]:
    for part, lane in group:
        yield Part(part.entry, part.start_minute, part.end_minute, part.starts, part.ends, lane, lanes)


def _order(part: Part) -> tuple[object, ...]:
    rank = tuple(EntryKind).index(part.entry.kind)
    return rank, part.start_minute, part.entry.period.start, part.entry.title, part.entry.key
