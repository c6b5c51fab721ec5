"""The course of the figures over several periods, and their shares by type, site and template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Count, F, Q
from django.db.models.functions import TruncMonth, TruncQuarter, TruncWeek

from changes.domain.reports.periods import Days, ReportKind, series_of
from changes.domain.states import ChangeType, CloseCode
from changes.services.kpis.scope import Scope, closed_changes

SHOWN: Final = 12
"""So many weeks or months make a course; so many sites or templates are told one by one."""
QUARTERS: Final = 8
_TRUNC: Final = {
    ReportKind.WEEKLY: TruncWeek,
    ReportKind.MONTHLY: TruncMonth,
    ReportKind.QUARTERLY: TruncQuarter,
}
_COUNTS: Final = {
    "closed": Count("pk"),
    "successful": Count("pk", filter=Q(close_code=CloseCode.SUCCESSFUL)),
    "ended_badly": Count("pk", filter=Q(close_code__in=[CloseCode.FAILED, CloseCode.ROLLED_BACK, CloseCode.ABORTED])),
    "emergencies": Count("pk", filter=Q(type=ChangeType.EMERGENCY)),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """Closed changes of one period, or of one value; the others are partly successful."""

    closed: int = 0
    successful: int = 0
    ended_badly: int = 0
    emergencies: int = 0

    @property
    def with_issues(self) -> int:
        """Closed as successful with issues."""
        return self.closed - self.successful - self.ended_badly


@dataclass(frozen=True, slots=True)
class Point:
    """One period of a course."""

    days: Days
    tally: Tally


def course_of(scope: Scope) -> tuple[Point, ...]:
    """The scope's period and those before it, oldest first, also those without a change; one query."""
    periods = series_of(scope.kind, scope.days, QUARTERS if scope.kind is ReportKind.QUARTERLY else SHOWN)
    rows = (
        closed_changes(scope, since=periods[0])
        .order_by()
        .annotate(bucket=_TRUNC[scope.kind]("closed_at"))
        .values("bucket")
        .annotate(**_COUNTS)
    )
    found = {_day(row["bucket"]): _tally(row) for row in rows}
    return tuple(Point(days, found.get(days.first, Tally())) for days in periods)


def by_type(scope: Scope) -> tuple[tuple[str, Tally], ...]:
    """The tally of each change type that occurs; one query."""
    rows = closed_changes(scope).order_by().values("type").annotate(**_COUNTS)
    found = {row["type"]: _tally(row) for row in rows}
    return tuple((kind.label, found[kind.value]) for kind in ChangeType if kind.value in found)


def by_site(scope: Scope) -> tuple[tuple[str, Tally], ...]:
    """The tally of the sites with most changes; a change at two sites counts at both. One query."""
    counts = {name: Count("pk", filter=count.filter, distinct=True) for name, count in _COUNTS.items()}
    rows = (
        closed_changes(scope)
        .order_by()
        .values(name=F("revision__device_plans__device__site"))
        .annotate(**counts)
        .order_by(F("closed").desc(), F("name"))[:SHOWN]
    )
    return tuple((row["name"] or "No site", _tally(row)) for row in rows)


def by_template(scope: Scope) -> tuple[tuple[str, Tally], ...]:
    """The tally of the templates with most changes, and of changes without one; one query."""
    rows = (
        closed_changes(scope)
        .order_by()
        .values(name=F("template_version__template__name"))
        .annotate(**_COUNTS)
        .order_by(F("closed").desc(), F("name"))[:SHOWN]
    )
    return tuple((row["name"] or "Without a template", _tally(row)) for row in rows)


def _tally(row: Mapping[str, Any]) -> Tally:
    return Tally(row["closed"], row["successful"], row["ended_badly"], row["emergencies"])


def _day(bucket: datetime) -> date:
    return bucket.date()
