"""Recurring maintenance windows: a first time by the wall clock, a length, a rule, a zone and a scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from changes.domain.calendar.occurrences import Start, Steps, starts
from changes.domain.calendar.rules import Rule, RuleError, parse_rule, rule_text
from changes.domain.calendar.scope import Scope
from changes.domain.calendar.zones import UnknownZoneError, exists, moment, wall_clock, zone_named
from changes.domain.input import Findings, hidden_character, shown, unknown_names
from changes.domain.windows import FARTHEST, Period

MAX_NAME: Final = 100
MIN_MINUTES: Final = 15
MAX_MINUTES: Final = 7 * 24 * 60
EARLIEST: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall clock's time
CHECKED: Final = 60
"""So many occurrences of a new window are compared with their next one."""
LOOKED_AHEAD: Final = timedelta(days=10 * 366)
SLACK: Final = timedelta(days=2)
"""A wall clock is never farther than this from UTC."""
FIELDS: Final = frozenset({"name", "starts_at", "minutes", "rule", "time_zone", "scope"})


@dataclass(frozen=True, slots=True)
class RecurringWindow:
    """A maintenance window that comes again.

    Attributes:
        first: when the first one starts, by the wall clock of ``zone`` and without a time zone.
        minutes: how long each is by the wall clock: one from 22:00 to 04:00 has 360, and ends at 04:00 in the nights
            too in which the clocks change.
        rule: how it comes again; None: it happens once.
    """

    name: str
    first: datetime
    minutes: int
    zone: ZoneInfo
    rule: Rule | None = None
    scope: Scope = Scope()  # noqa: RUF009 - it is frozen

    def periods(self, after: datetime, before: datetime, *, steps: Steps | None = None) -> Iterator[Period]:
        """The windows that overlap the time from ``after`` to ``before``, in their order and in UTC.

        Raises:
            RuleError: working them out would take too many steps.
        """
        for start in self._starts(after, before, steps or Steps()):
            period = self._period(start.local)
            if start.real and period.start < before and period.end > after:
                yield period

    def skipped(self, after: datetime, before: datetime, *, steps: Steps | None = None) -> tuple[str, ...]:
        """A sentence for each time at which there is no window since the clocks skip its start."""
        return tuple(
            f"There is no window “{self.name}” on {start.local:%d %b %Y}: the clocks of {self.zone.key} skip "
            f"{start.local:%H:%M} on that day."
            for start in self._starts(after, before, steps or Steps())
            if not start.real
        )

    def _starts(self, after: datetime, before: datetime, steps: Steps) -> Iterator[Start]:
        length = timedelta(minutes=self.minutes)
        since, until = wall_clock(after, self.zone) - length - SLACK, wall_clock(before, self.zone) + SLACK
        if self.rule is None:
            return iter([Start(self.first, exists(self.first, self.zone))] if since <= self.first < until else [])
        return starts(self.rule, self.first, self.zone, after=since, before=until, steps=steps)

    def _period(self, local: datetime) -> Period:
        end = local + timedelta(minutes=self.minutes)
        return Period(moment(local, self.zone), moment(end, self.zone), self.name)

    def to_data(self) -> dict[str, object]:
        """As JSON, in the form that :func:`parse_recurring` reads."""
        return {
            "name": self.name,
            "starts_at": self.first.isoformat(timespec="minutes"),
            "minutes": self.minutes,
            "rule": rule_text(self.rule) if self.rule else "",
            "time_zone": self.zone.key,
            "scope": self.scope.to_data(),
        }


def stored_window(
    *, name: str, starts_at: str, minutes: int, rule: str, time_zone: str, scope: Mapping[str, Sequence[str]]
) -> RecurringWindow:
    """A window as :meth:`RecurringWindow.to_data` wrote it; what was judged once is not judged again."""
    zone = zone_named(time_zone)
    read = parse_rule(rule, zone) if rule else None
    return RecurringWindow(name, datetime.fromisoformat(starts_at), minutes, zone, read, Scope.stored(scope))


def parse_recurring(value: Mapping[str, object], *, now: datetime) -> RecurringWindow:
    """Read ``{name, starts_at, minutes, rule, time_zone, scope}``, and judge them.

    ``starts_at`` is a wall clock's time without a zone, ``2026-11-22T02:00``. A rule may go on without an end, since
    only the windows of the time that is asked for are ever worked out.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    for name, sentence in unknown_names(value, FIELDS, "field").items():
        findings.add(shown(name), sentence)
    name = read_name(value.get("name"), findings, "Give the window a name that people know, such as Sunday night.")
    zone = _zone(value.get("time_zone", "UTC"), findings)
    first = _first(value.get("starts_at"), findings, now)
    minutes = _minutes(value.get("minutes"), findings)
    rule = _rule(value.get("rule", ""), zone, findings)
    scope = Scope.parse(value.get("scope"), findings)
    findings.check()
    assert first  # noqa: S101 - found above
    window = RecurringWindow(name, first, minutes, zone, rule, scope)
    for field, sentence in _misfits(window):
        findings.add(field, sentence)
    findings.check()
    return window


def read_name(value: object, findings: Findings, missing: str) -> str:
    """A name of something of the calendar; a finding, where it is none."""
    name = value.strip() if isinstance(value, str) else ""
    if not name:
        findings.add("name", missing)
    elif len(name) > MAX_NAME:
        findings.add("name", f"A name has at most {MAX_NAME} characters.")
    elif hidden := hidden_character(name):
        findings.add("name", f"In the name {hidden}")
    return name


def _zone(value: object, findings: Findings) -> ZoneInfo:
    try:
        return zone_named(value if isinstance(value, str) else str(value))
    except UnknownZoneError as error:
        findings.add("time_zone", str(error))
        return ZoneInfo("UTC")


def _first(value: object, findings: Findings, now: datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        findings.add("starts_at", "Give the first start as the clock on the wall shows it, such as 2026-11-22T02:00.")
        return None
    if found.second or found.microsecond:
        findings.add("starts_at", "A window starts at a full minute.")
    if found < EARLIEST:
        findings.add("starts_at", f"A first window is in the year {EARLIEST.year} or later.")
    elif found > now.replace(tzinfo=None) + FARTHEST:
        findings.add("starts_at", f"A first window starts within {FARTHEST.days} days.")
    return found


def _minutes(value: object, findings: Findings) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_MINUTES <= value <= MAX_MINUTES:
        sentence = f"Give the length in minutes, from {MIN_MINUTES} to {MAX_MINUTES} (seven days)."
        findings.add("minutes", sentence)
        return MIN_MINUTES
    return value


def _rule(value: object, zone: ZoneInfo, findings: Findings) -> Rule | None:
    if not isinstance(value, str):
        findings.add("rule", "A rule is a text such as FREQ=WEEKLY;BYDAY=SU; leave it empty for a single window.")
        return None
    if not value.strip():
        return None
    try:
        return parse_rule(value, zone)
    except RuleError as error:
        findings.add("rule", str(error))
        return None


def _misfits(window: RecurringWindow) -> Iterator[tuple[str, str]]:
    """What is wrong with the parts together: the first start is not one of the rule's, or windows overlap."""
    if not exists(window.first, window.zone):
        yield "starts_at", f"The clocks of {window.zone.key} skip this time on that day. Choose another first start."
        return
    if window.rule is None:
        return
    try:
        found = _some_starts(window)
    except RuleError:
        found = []
    if not found:
        yield "rule", "The rule names no day within ten years of the first start. Check its parts against each other."
    elif found[0] != window.first:
        sentence = f"The rule does not name this day; the next one that it names is {found[0]:%a %d %b %Y %H:%M}."
        yield "starts_at", sentence
    elif any(later - start < timedelta(minutes=window.minutes) for start, later in pairwise(found)):
        yield "minutes", "Each window must end before the next one starts. Make it shorter, or repeat it less often."


def _some_starts(window: RecurringWindow) -> list[datetime]:
    assert window.rule  # noqa: S101 - asked for rules only
    end = window.first + LOOKED_AHEAD
    found = []
    for start in starts(window.rule, window.first, window.zone, after=window.first, before=end, steps=Steps()):
        found.append(start.local)
        if len(found) == CHECKED:
            break
    return found
