"""Recurrence rules as people write them: a part of RFC 5545's RRULE that is enough for maintenance windows.

A window repeats at most once a day, and the time of day is that of its first start. So the frequencies are DAILY,
WEEKLY, MONTHLY and YEARLY, and the parts BYHOUR, BYMINUTE and BYSECOND are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from changes.domain.input import one_of, shown
from changes.domain.labels import Labelled

MAX_LENGTH: Final = 300
MAX_COUNT: Final = 1_000
MAX_INTERVAL: Final = 100
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(Labelled):
    """How often a rule repeats."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week, 0 for Monday; ``nth`` counts in its month or year, from the end if negative; 0: each."""

    day: int
    nth: int = 0

    def __str__(self) -> str:
        return f"{self.nth or ''}{DAYS[self.day]}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence rule. ``until`` is the last local time at which an occurrence may start."""

    frequency: Frequency
    interval: int = 1
    count: int = 0
    until: datetime | None = None
    by_day: tuple[Weekday, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_month: tuple[int, ...] = ()
    by_set_pos: tuple[int, ...] = ()
    week_start: int = 0


class RuleError(Exception):
    """The rule cannot be used; ``str()`` is a sentence that says what to do."""


def parse_rule(text: str, zone: ZoneInfo) -> Rule:
    """Read ``FREQ=WEEKLY;BYDAY=SU``, with or without ``RRULE:`` in front.

    UNTIL is a local date, a local date and time, or one in UTC, which is then read by the clocks of ``zone``.

    Raises:
        RuleError: with the first thing that is wrong.
    """
    parts = _parts(text)
    frequency = _frequency(parts)
    for name in parts:
        if name not in _PARTS and name != "FREQ":
            raise RuleError(_refusal(name))
    if "COUNT" in parts and "UNTIL" in parts:
        raise RuleError("Give COUNT or UNTIL, not both.")
    rule = Rule(
        frequency,
        interval=_one(parts, "INTERVAL", 1, MAX_INTERVAL, default=1),
        count=_one(parts, "COUNT", 1, MAX_COUNT, default=0),
        until=_until(parts["UNTIL"], zone) if "UNTIL" in parts else None,
        by_day=_weekdays(parts.get("BYDAY", "")),
        by_month_day=_numbers(parts, "BYMONTHDAY", 31, negative=True),
        by_month=_numbers(parts, "BYMONTH", 12),
        by_set_pos=_numbers(parts, "BYSETPOS", 31, negative=True),
        week_start=_week_start(parts.get("WKST", "MO")),
    )
    _check_together(rule)
    return rule


def rule_text(rule: Rule) -> str:
    """The rule as RFC 5545 writes it; always in the same order, UNTIL as a local time."""
    parts: dict[str, str] = {"FREQ": rule.frequency.value}
    if rule.interval > 1:
        parts["INTERVAL"] = str(rule.interval)
    if rule.count:
        parts["COUNT"] = str(rule.count)
    if rule.until:
        parts["UNTIL"] = f"{rule.until:%Y%m%dT%H%M%S}"
    lists = {
        "BYMONTH": rule.by_month,
        "BYMONTHDAY": rule.by_month_day,
        "BYDAY": rule.by_day,
        "BYSETPOS": rule.by_set_pos,
    }
    parts |= {name: ",".join(map(str, values)) for name, values in lists.items() if values}
    if rule.week_start:
        parts["WKST"] = DAYS[rule.week_start]
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _parts(text: str) -> dict[str, str]:
    line = text.strip().upper()
    if len(text) > MAX_LENGTH:
        raise RuleError(f"A rule has at most {MAX_LENGTH} characters.")
    if "\n" in line or "\r" in line:
        raise RuleError("Give one rule on one line. Exceptions are freezes.")
    line = line.removeprefix("RRULE:").rstrip(";")
    found: dict[str, str] = {}
    for part in line.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise RuleError(
                f'"{shown(part)}" is not of the form NAME=VALUE. Write a rule such as FREQ=WEEKLY;BYDAY=SU.'
            )
        if name in found:
            raise RuleError(f"{shown(name)} stands twice.")
        found[name] = value
    return found


def _frequency(parts: Mapping[str, str]) -> Frequency:
    given = parts.get("FREQ", "")
    if given in _TOO_OFTEN:
        raise RuleError("A window repeats at most once a day. For longer ones set the length of the window.")
    if given not in set(Frequency):
        raise RuleError(f"A rule needs FREQ, with one of: {one_of(tuple(Frequency))}.")
    return Frequency(given)


def _refusal(name: str) -> str:
    if name in _TIMES_OF_DAY:
        return f"{name} is not used: the time of day is that of the first window."
    return f'There is no part "{shown(name)}" in the rules for windows. Allowed: FREQ, {one_of(_PARTS)}.'


def _one(parts: Mapping[str, str], name: str, least: int, most: int, *, default: int) -> int:
    if name not in parts:
        return default
    value = _whole(parts[name])
    if value is None or not least <= value <= most:
        raise RuleError(f"{name} must be a whole number from {least} to {most}.")
    return value


def _numbers(parts: Mapping[str, str], name: str, most: int, *, negative: bool = False) -> tuple[int, ...]:
    if name not in parts:
        return ()
    found = [_whole(each) for each in parts[name].split(",")]
    if any(each is None or not (1 <= (abs(each) if negative else each) <= most) for each in found):
        below = f", or from -{most} to -1 to count from the end" if negative else ""
        raise RuleError(f"{name} must be numbers from 1 to {most}{below}, with commas between them.")
    return tuple(sorted({each for each in found if each is not None}))


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,5}", text, re.ASCII) else None


def _weekdays(text: str) -> tuple[Weekday, ...]:
    if not text:
        return ()
    found = []
    for each in text.split(","):
        match = re.fullmatch(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", each, re.ASCII)
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise RuleError(
                f'"{shown(each)}" is no weekday. Write MO to SU, such as BYDAY=SA,SU, or 1SU for the first Sunday.'
            )
        found.append(Weekday(DAYS.index(match[2]), int(match[1] or 0)))
    return tuple(sorted(set(found), key=lambda day: (day.nth, day.day)))


def _week_start(text: str) -> int:
    if text not in DAYS:
        raise RuleError("WKST must be one of MO, TU, WE, TH, FR, SA, SU.")
    return DAYS.index(text)


def _until(text: str, zone: ZoneInfo) -> datetime:
    match = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?", text, re.ASCII)
    numbers = [int(each) for each in match.groups()[:6] if each] if match else []
    try:
        local = datetime(*(numbers if len(numbers) == 6 else [*numbers, 23, 59, 59]))  # type: ignore[arg-type]  # noqa: DTZ001
        in_utc = match is not None and match[7] == "Z"
        return local.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if in_utc else local
    except (TypeError, ValueError, OverflowError):
        raise RuleError("UNTIL must be a date such as 20271231, or a date and time such as 20271231T220000Z.") from None


def _check_together(rule: Rule) -> None:
    """Refuse what RFC 5545 (3.3.10) forbids together, and what its limits would leave without sense."""
    longer = rule.frequency in {Frequency.MONTHLY, Frequency.YEARLY}
    if any(day.nth for day in rule.by_day) and not longer:
        raise RuleError("Numbered weekdays such as 1SU need FREQ=MONTHLY or FREQ=YEARLY.")
    if any(abs(day.nth) > 5 for day in rule.by_day) and (rule.frequency is Frequency.MONTHLY or rule.by_month):
        raise RuleError("A month has at most five of each weekday; number them from 1 to 5, or from -5 to -1.")
    if rule.frequency is Frequency.WEEKLY and rule.by_month_day:
        raise RuleError("BYMONTHDAY needs FREQ=DAILY, FREQ=MONTHLY or FREQ=YEARLY.")
    if rule.by_set_pos and not (longer and (rule.by_day or rule.by_month_day)):
        raise RuleError("BYSETPOS needs FREQ=MONTHLY or FREQ=YEARLY, with BYDAY or BYMONTHDAY.")


_TOO_OFTEN: Final = frozenset({"HOURLY", "MINUTELY", "SECONDLY"})
_TIMES_OF_DAY: Final = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
_PARTS: Final = frozenset({"INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"})
