"""The calendar as its pages draw it: days with parts, by the clock of the person's zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.http import urlencode

from changes.domain.calendar.layout import (
    DAY_MINUTES,
    Day,
    Entry,
    EntryKind,
    Part,
    days_period,
    listing,
    month,
    month_period,
    week,
)
from changes.domain.calendar.zones import wall_clock
from changes.domain.errors import InvalidInputError
from changes.domain.windows import Period
from changes.services.calendar_entries import Marked

VIEWS: Final = ("month", "week", "list")
LISTED_DAYS: Final = 31
SHOWN_IN_A_DAY: Final = 4
_SLOTS: Final = 48
_LANES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6}
"""How many columns of a day stand beside each other, of which the style sheet knows 1, 2, 3, 4 and 6."""
_MOST_LANES: Final = 6
_ICONS: Final = {
    EntryKind.FREEZE: "lock",
    EntryKind.WINDOW: "clock",
    EntryKind.CONFLICT: "alert",
    EntryKind.CHANGE: "changes",
}
_WORDS: Final = {
    EntryKind.FREEZE: "Freeze",
    EntryKind.WINDOW: "Maintenance window",
    EntryKind.CONFLICT: "Conflict",
    EntryKind.CHANGE: "Change",
}


@dataclass(frozen=True, slots=True)
class Span:
    """What a view shows: its period, its heading, and the days before and after it."""

    period: Period
    heading: str
    before: date
    after: date


@dataclass(frozen=True, slots=True)
class Item:
    """One part of an entry on one day.

    ``slot`` and ``slots`` are half hours from midnight, ``column`` and ``columns`` twelfths of the day's width.
    """

    kind: str
    icon: str
    word: str
    title: str
    url: str
    times: str
    short: str
    state: str
    tone: str
    sentence: str
    devices: tuple[str, ...]
    slot: int = 0
    slots: int = 1
    column: int = 1
    columns: int = 12


@dataclass(frozen=True, slots=True)
class DayCell:
    """A day of a view; ``more`` parts are only in the list. ``above``: what a week shows above its hours."""

    date: date
    inside: bool
    today: bool
    items: tuple[Item, ...]
    above: tuple[Item, ...]
    more: int
    url: str


def day_of(text: str, zone: ZoneInfo, now: datetime) -> date:
    """The day that ``day=2026-11-21`` means; today without one.

    Raises:
        InvalidInputError: it is no day from 2000 to 2100.
    """
    if not text:
        return wall_clock(now, zone).date()
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 2000 <= found.year <= 2100:
        raise InvalidInputError({"day": ["Give a day such as 2026-11-21, from the year 2000 to 2100."]})
    return found


def span_of(view: str, day: date, zone: ZoneInfo) -> Span:
    """The time that a view of this day shows."""
    if view == "month":
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        period = month_period(day.year, day.month, zone)
        return Span(period, f"{day:%B %Y}", (first - timedelta(days=1)).replace(day=1), after)
    count = 7 if view == "week" else LISTED_DAYS
    first = day - timedelta(days=day.weekday()) if view == "week" else day
    last, step = first + timedelta(days=count - 1), timedelta(days=count)
    return Span(days_period(first, count, zone), f"{first:%d %b} to {last:%d %b %Y}", first - step, first + step)


def month_cells(day: date, marked: Iterable[Marked], zone: ZoneInfo, now: datetime) -> tuple[tuple[DayCell, ...], ...]:
    """The weeks of a month, each day with its first parts."""
    by_entry = {each.entry: each for each in marked}
    weeks = month(day.year, day.month, by_entry, zone)
    return tuple(tuple(_cell(each, by_entry, zone, now, SHOWN_IN_A_DAY) for each in days) for days in weeks)


def week_cells(day: date, marked: Iterable[Marked], zone: ZoneInfo, now: datetime) -> tuple[DayCell, ...]:
    """The seven days of a week: changes in columns beside each other, and everything else above the hours."""
    by_entry = {each.entry: each for each in marked}
    timed = [entry for entry in by_entry if entry.kind is EntryKind.CHANGE]
    others = week(day, [entry for entry in by_entry if entry.kind is not EntryKind.CHANGE], zone)
    days = zip(week(day, timed, zone), others, strict=True)
    return tuple(_cell(each, by_entry, zone, now, None, above=beside.parts) for each, beside in days)


def list_cells(day: date, marked: Iterable[Marked], zone: ZoneInfo, now: datetime) -> tuple[DayCell, ...]:
    """The days that have something."""
    by_entry = {each.entry: each for each in marked}
    return tuple(_cell(each, by_entry, zone, now, None) for each in listing(day, LISTED_DAYS, by_entry, zone))


def calendar_url(view: str, day: date, asked: Mapping[str, str]) -> str:
    """The address of a view of a day with the same filters."""
    kept = {name: value for name, value in asked.items() if value and name not in {"view", "day"}}
    return f"{reverse('calendar')}?{urlencode({'view': view, 'day': day.isoformat(), **kept})}"


def _cell(
    day: Day,
    by_entry: Mapping[Entry, Marked],
    zone: ZoneInfo,
    now: datetime,
    most: int | None,
    *,
    above: tuple[Part, ...] = (),
) -> DayCell:
    # In a week more columns than fit are left to the list.
    parts = [part for part in day.parts if part.lane < _MOST_LANES]
    shown = parts[:most] if most else parts
    return DayCell(
        date=day.date,
        inside=day.inside,
        today=day.date == wall_clock(now, zone).date(),
        items=tuple(_item(part, by_entry[part.entry], zone) for part in shown),
        above=tuple(_item(part, by_entry[part.entry], zone) for part in above),
        more=len(day.parts) - len(shown),
        url=calendar_url("list", day.date, {}),
    )


def _item(part: Part, marked: Marked, zone: ZoneInfo) -> Item:
    entry = part.entry
    first = part.start_minute * _SLOTS // DAY_MINUTES
    last = max(-(-part.end_minute * _SLOTS // DAY_MINUTES), first + 1)
    lanes = _LANES.get(part.lanes, _MOST_LANES)
    return Item(
        kind=entry.kind.value,
        icon=_ICONS[entry.kind],
        word=_WORDS[entry.kind],
        title=entry.title,
        url=entry_url(marked),
        times=_times(part, zone),
        short=f"{wall_clock(entry.period.start, zone):%H:%M}" if part.starts else "",
        state=entry.state,
        tone=marked.tone,
        sentence=marked.sentence,
        devices=marked.devices,
        slot=min(first, _SLOTS - 1) + 1,
        slots=min(last, _SLOTS) - min(first, _SLOTS - 1),
        column=part.lane * (12 // lanes) + 1,
        columns=12 // lanes,
    )


def entry_url(marked: Marked) -> str:
    """Where the page of an entry is."""
    entry = marked.entry
    if entry.kind is EntryKind.FREEZE:
        return reverse("freeze-lift", args=[entry.key])
    if entry.kind is EntryKind.WINDOW:
        return reverse("calendar-window", args=[entry.key])
    name = "change-schedule" if entry.kind is EntryKind.CONFLICT else "change-detail"
    return reverse(name, args=[entry.key])


def _times(part: Part, zone: ZoneInfo) -> str:
    """``22:00 to 02:00``; ``from 22:00`` or ``until 02:00`` where it goes on after this day or began before."""
    start, end = (f"{wall_clock(at, zone):%H:%M}" for at in (part.entry.period.start, part.entry.period.end))
    if part.starts and part.ends:
        return f"{start} to {end}"
    if part.starts:
        return f"from {start}"
    return f"until {end}" if part.ends else "all day"
