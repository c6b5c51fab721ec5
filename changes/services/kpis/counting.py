"""The figures of a period and of the one before, each counted in the database; six queries whatever the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.db import connection
from django.db.models import (
    Aggregate,
    Case,
    Count,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Subquery,
    Sum,
    When,
)
from django.db.models import (
    Value as Literally,
)

from changes.domain.errors import InvalidInputError
from changes.domain.kpis.definitions import BY_KEY, KPIS, ON_CHANGES, TIME_TO_APPROVE, Unit
from changes.domain.kpis.reading import Value
from changes.domain.reports.periods import Days
from changes.domain.states import ChangeState
from changes.models import Approval, ChangeQuerySet, ChangeRequest, Decision, Run
from changes.services.kpis.conditions import conditions
from changes.services.kpis.scope import Scope, closed_changes, narrowing
from devices.models import DriftRecord

Part = Literal["counted", "others", "all"]
_UNAPPROVED: Final = tuple(
    state.value
    for state in (
        ChangeState.DRAFT,
        ChangeState.ASSESSMENT,
        ChangeState.AUTHORIZATION,
        ChangeState.REJECTED,
        ChangeState.CANCELED,
    )
)
"""The states of a change that has not all of its approvals, or will not need them."""
_SHARES: Final = tuple(kpi.key for kpi in KPIS if kpi.unit is Unit.SHARE)


class Median(Aggregate):
    """The median of an expression, as PostgreSQL interpolates it."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


@dataclass(frozen=True, slots=True)
class StageTime:
    """How long one approval stage took: the median of so many."""

    stage: str
    now: Value
    before: Value


@dataclass(frozen=True, slots=True)
class Figures:
    """Every figure by its key, in this period and the one before; ``stages`` are the approval stages, by name."""

    now: Mapping[str, Value]
    before: Mapping[str, Value]
    stages: tuple[StageTime, ...]


def count_figures(scope: Scope) -> Figures:
    """All figures of a scope; six queries at most. Unauthorized changes are left out where type or template narrow."""
    now, before = _shares(scope)
    _review_times(scope, now, before)
    stages = _stages(scope, now, before)
    if not scope.change_type and not scope.template:
        _unauthorized(scope, now, before)
    return Figures(now, before, stages)


def kpi_changes(key: str, scope: Scope, part: Part) -> ChangeQuerySet:
    """The very changes behind a figure, newest first: those that count for it, those that do not, or all.

    Raises:
        InvalidInputError: no such figure, or one that is not counted over changes.
    """
    if key not in ON_CHANGES:
        known = ", ".join(sorted(ON_CHANGES))
        why = "is not counted over changes" if key in BY_KEY else "is no figure"
        raise InvalidInputError({"key": [f"“{key[:60]}” {why}. Those with a list of changes: {known}."]})
    if key == TIME_TO_APPROVE:
        rows = _approved_changes(scope).with_people().order_by("-pk")
        return rows.none() if part == "others" else rows
    counted_at_all, counted = conditions()[key]
    rows = closed_changes(scope).filter(counted_at_all).with_people().order_by("-pk")
    if part == "counted":
        rows = rows.filter(counted)
    elif part == "others":
        # Not by exclude(): where another table has no row a condition is neither true nor false; it counts as false.
        counts = Case(When(counted, then=Literally(1)), default=Literally(0), output_field=IntegerField())
        rows = rows.annotate(counts=counts).filter(counts=0)
    return rows


def _approved_changes(scope: Scope) -> ChangeQuerySet:
    """The changes behind the time to approve: those that got the last of their approvals in the scope's days."""
    given = Approval.objects.filter(
        revision=OuterRef("revision"), decision=Decision.APPROVED, voided_at=None, carried_from=""
    ).order_by()
    in_days = {"created_at__gte": scope.days.start_at, "created_at__lt": scope.days.end_at}
    later = given.filter(created_at__gte=scope.days.end_at)
    rows = ChangeRequest.objects.filter(Exists(given.filter(**in_days)), ~Exists(later)).exclude(state__in=_UNAPPROVED)
    return rows.filter(narrowing(scope))


def _which(scope: Scope, column: str) -> Case:
    return Case(When(**{f"{column}__gte": scope.days.start_at}, then=Literally(1)), default=Literally(0))


def _shares(scope: Scope) -> tuple[dict[str, Value], dict[str, Value]]:
    """The shares and the lead time; one query over the changes closed in both periods."""
    counts: dict[str, Any] = {}
    for key, (counted_at_all, counted) in conditions().items():
        if key in _SHARES:
            name = key.replace("-", "_")
            counts[f"all_{name}"] = Count("pk", filter=counted_at_all)
            counts[f"some_{name}"] = Count("pk", filter=counted_at_all & counted)
    ended = Run.objects.filter(change=OuterRef("pk")).order_by().values("change").annotate(end=Max("ended_at"))
    took = ExpressionWrapper(Subquery(ended.values("end")) - F("created_at"), output_field=DurationField())
    rows = (
        closed_changes(scope, since=scope.before.days)
        .order_by()
        .annotate(current=_which(scope, "closed_at"), took=took)
        .values("current")
        .annotate(**counts, lead=Median("took"), led=Count("took"))
    )
    found: dict[int, Mapping[str, Any]] = {row["current"]: row for row in rows}
    return _values(found.get(1, {})), _values(found.get(0, {}))


def _values(row: Mapping[str, Any]) -> dict[str, Value]:
    found = {
        key: Value(row.get(f"some_{key.replace('-', '_')}", 0), row.get(f"all_{key.replace('-', '_')}", 0))
        for key in _SHARES
    }
    found["lead-time"] = Value.median(_seconds(row.get("lead")), row.get("led", 0))
    return found


def _review_times(scope: Scope, now: dict[str, Value], before: dict[str, Value]) -> None:
    for key, first, last in (
        ("time-to-detect", "began_at", "detected_at"),
        ("time-to-restore", "detected_at", "restored_at"),
    ):
        counted, _all = conditions()[key]
        took = ExpressionWrapper(F(f"review__{last}") - F(f"review__{first}"), output_field=DurationField())
        rows = (
            closed_changes(scope, since=scope.before.days)
            .filter(counted)
            .order_by()
            .annotate(current=_which(scope, "closed_at"), took=took)
            .values("current")
            .annotate(total=Sum("took"), cases=Count("pk"))
        )
        found = {row["current"]: Value(round(_seconds(row["total"]) or 0), row["cases"]) for row in rows}
        now[key], before[key] = found.get(1, Value()), found.get(0, Value())


_STAGES: Final = """
WITH touched AS (
    SELECT DISTINCT a.revision_id FROM changes_approval a
    WHERE a.created_at >= %(from)s AND a.created_at < %(to)s AND a.decision = 'approved'
      AND a.voided_at IS NULL AND a.carried_from = ''
), stages AS (
    SELECT a.revision_id, a.stage, max(a.created_at) AS done
    FROM changes_approval a JOIN touched USING (revision_id)
    WHERE a.decision = 'approved' AND a.voided_at IS NULL AND a.carried_from = ''
    GROUP BY a.revision_id, a.stage
), timed AS (
    SELECT s.stage, max(s.done) OVER (PARTITION BY s.revision_id) AS done,
           s.done - greatest(c.submitted_at, lag(s.done) OVER (PARTITION BY s.revision_id ORDER BY s.done)) AS took
    FROM stages s JOIN changes_changerequest c ON c.revision_id = s.revision_id
    WHERE c.state <> ALL(%(unapproved)s)
      AND (%(type)s = '' OR c.type = %(type)s)
      AND (%(template)s = 0 OR c.template_version_id IN (
           SELECT v.id FROM changes_templateversion v WHERE v.template_id = %(template)s))
      AND (%(site)s = '' OR EXISTS (
           SELECT 1 FROM changes_deviceplan p JOIN devices_device d ON d.id = p.device_id
           WHERE p.revision_id = c.revision_id AND d.site = %(site)s))
)
SELECT stage, done >= %(start)s AS current,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY took)), count(*)
FROM timed WHERE done >= %(from)s AND done < %(to)s AND took >= interval '0'
GROUP BY GROUPING SETS ((stage, done >= %(start)s), (done >= %(start)s))
"""


def _stages(scope: Scope, now: dict[str, Value], before: dict[str, Value]) -> tuple[StageTime, ...]:
    """The time of each stage and of all together; one query."""
    values: dict[str, datetime | str | int | list[str]] = {
        "from": scope.before.days.start_at,
        "start": scope.days.start_at,
        "to": scope.days.end_at,
        "type": scope.change_type,
        "site": scope.site,
        "template": scope.template or 0,
        "unapproved": list(_UNAPPROVED),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STAGES, values)
        rows = cursor.fetchall()
    found = {(stage, current): Value.median(float(took), cases) for stage, current, took, cases in rows}
    now["time-to-approve"] = found.get((None, True), Value())
    before["time-to-approve"] = found.get((None, False), Value())
    names = sorted({stage for stage, _current in found if stage is not None})
    return tuple(StageTime(name, found.get((name, True), Value()), found.get((name, False), Value())) for name in names)


def _unauthorized(scope: Scope, now: dict[str, Value], before: dict[str, Value]) -> None:
    now["unauthorized-changes"] = Value(unauthorized_in(scope.days, scope.site))
    before["unauthorized-changes"] = Value(unauthorized_in(scope.before.days, scope.site))


def unauthorized_in(days: Days, site: str = "") -> int:
    """Drift records first seen in some days that no change explains; one query on an index."""
    rows = DriftRecord.objects.filter(
        unauthorized=True, first_seen_at__gte=days.start_at, first_seen_at__lt=days.end_at
    )
    return (rows.filter(device__site=site) if site else rows).count()


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()
