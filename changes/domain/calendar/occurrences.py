"""When a rule's occurrences start, worked out by dateutil in steps that are counted.

dateutil goes on to the year 9999 when a rule never matches. So it is only ever asked for what must give an answer:
plain days and weeks, which this module then narrows, or a single month or year at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dateutil import rrule

from changes.domain.calendar.rules import Frequency, Rule, RuleError
from changes.domain.calendar.zones import exists

MAX_STEPS: Final = 20_000
LATEST: Final = datetime(2200, 1, 1)  # noqa: DTZ001 - a wall clock's time
"""No occurrence is at this time or later."""
_ONE_ONLY: Final = 10_000
"""An interval in years after which dateutil is past its last year, so that it looks at one period only."""


@dataclass(slots=True)
class Steps:
    """Counts the work on rules. One step: a day, a week, a month or a year that dateutil looked at, or one result."""

    most: int = MAX_STEPS
    taken: int = 0

    def take(self) -> None:
        """Count one more.

        Raises:
            RuleError: that was one too many.
        """
        self.taken += 1
        if self.taken > self.most:
            raise RuleError("The rule needs too much work to be worked out. Begin it later, or make it simpler.")


@dataclass(frozen=True, slots=True)
class Start:
    """When an occurrence starts by the wall clock; not ``real`` where the clocks skip that time on that day."""

    local: datetime
    real: bool


def starts(
    rule: Rule, first: datetime, zone: ZoneInfo, *, after: datetime, before: datetime, steps: Steps
) -> Iterator[Start]:
    """The starts from ``after`` on and before ``before``, in their order; all are local times without a zone.

    ``first`` is when the first occurrence starts. What the clocks skip is yielded as not real, and is no occurrence:
    COUNT does not count it (RFC 5545, 3.3.10).

    Raises:
        RuleError: it would take more steps than allowed.
    """
    left = rule.count
    since = first if rule.count else max(first, after)
    end = min(before, LATEST)
    if rule.until and rule.until < end:
        end = rule.until + timedelta(seconds=1)
    for local in _candidates(rule, first, since, end, steps):
        if local >= end:
            return
        if local < first:
            continue
        real = exists(local, zone)
        if local >= after:
            yield Start(local, real)
        left -= 1 if real else 0
        if rule.count and left == 0:
            return


def _candidates(rule: Rule, first: datetime, since: datetime, end: datetime, steps: Steps) -> Iterator[datetime]:
    """Every start that the rule names, from some time before ``since`` to ``end`` or later; without COUNT."""
    if rule.frequency is Frequency.DAILY:
        return _daily(rule, first, since, end, steps)
    if rule.frequency is Frequency.WEEKLY:
        return _weekly(rule, first, since, end, steps)
    return _by_period(rule, first, since, end, steps)


def _daily(rule: Rule, first: datetime, since: datetime, end: datetime, steps: Steps) -> Iterator[datetime]:
    interval = rule.interval
    begin = first + timedelta(days=(since - first).days // interval * interval)
    weekdays = {day.day for day in rule.by_day}
    for local in rrule.rrule(rrule.DAILY, dtstart=begin, interval=interval):
        steps.take()
        if local >= end:
            return
        if (not weekdays or local.weekday() in weekdays) and _in_months(rule, local) and _in_month_days(rule, local):
            yield local


def _weekly(rule: Rule, first: datetime, since: datetime, end: datetime, steps: Steps) -> Iterator[datetime]:
    passed = max((since - first).days // (7 * rule.interval) - 1, 0)
    begin = first + timedelta(weeks=passed * rule.interval)
    weekdays = [day.day for day in rule.by_day] or [first.weekday()]
    found = rrule.rrule(rrule.WEEKLY, dtstart=begin, interval=rule.interval, byweekday=weekdays, wkst=rule.week_start)
    for local in found:
        steps.take()
        if local >= end:
            return
        if _in_months(rule, local):
            yield local


def _by_period(rule: Rule, first: datetime, since: datetime, end: datetime, steps: Steps) -> Iterator[datetime]:
    monthly = rule.frequency is Frequency.MONTHLY
    one_period = _period_rule(rule, first)
    length = rule.interval if monthly else 12 * rule.interval
    month = first.year * 12 + (first.month - 1 if monthly else 0)
    passed = since.year * 12 + since.month - 1 - month
    month += passed // length * length
    while (month // 12, month % 12 + 1) <= (end.year, end.month):
        steps.take()
        begin = datetime.combine(datetime(month // 12, month % 12 + 1, 1), first.time())  # noqa: DTZ001 - wall clock
        for local in one_period(begin):
            steps.take()
            yield local
        month += length


def _period_rule(rule: Rule, first: datetime) -> Callable[[datetime], rrule.rrule]:
    """What makes the rule for one month or year. What the rule leaves open is as ``first`` has it."""
    monthly = rule.frequency is Frequency.MONTHLY
    days, months = rule.by_month_day, rule.by_month
    if not days and not rule.by_day:
        days = (first.day,)
        months = months or (() if monthly else (first.month,))
    return lambda begin: rrule.rrule(
        rrule.MONTHLY if monthly else rrule.YEARLY,
        dtstart=begin,
        interval=_ONE_ONLY * (12 if monthly else 1),
        bymonth=months or None,
        bymonthday=days or None,
        byweekday=[rrule.weekday(day.day, day.nth or None) for day in rule.by_day] or None,
        bysetpos=rule.by_set_pos or None,
        wkst=rule.week_start,
    )


def _in_months(rule: Rule, local: datetime) -> bool:
    return not rule.by_month or local.month in rule.by_month


def _in_month_days(rule: Rule, local: datetime) -> bool:
    if not rule.by_month_day:
        return True
    last = (local.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return local.day in rule.by_month_day or local.day - last.day - 1 in rule.by_month_day
