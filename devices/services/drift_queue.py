"""Reading drift: the review queue by filters, how much waits, and what came in week by week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncWeek
from django.utils import timezone

from devices.domain.drift_review import DriftState
from devices.domain.drift_rules import DriftClass
from devices.errors import BadFieldsError, UnknownDeviceFilterError
from devices.models import DriftRecord
from devices.models.drift import DriftQuerySet

DRIFT_FILTERS = ("device", "site", "state", "drift_class", "unauthorized", "owner", "found_from", "found_until")
OPEN_ALL = "open_all"
WEEKS = 12
FIRST_YEAR, LAST_YEAR = 2000, 2200


def drifts_matching(filters: Mapping[str, str]) -> DriftQuerySet:
    """The drift records that fit all filters, newest first, with what a list shows.

    ``device`` is a name or a part of one, ``state`` a state or ``open_all``, ``unauthorized`` is yes or no;
    ``found_from`` and ``found_until`` are the first and the last day (UTC) on which it was first seen.

    Raises:
        UnknownDeviceFilterError: a filter that does not exist.
        BadFieldsError: a value that a filter cannot have.
    """
    for name in filters:
        if name not in DRIFT_FILTERS:
            known = ", ".join(DRIFT_FILTERS)
            raise UnknownDeviceFilterError(f"There is no drift filter “{name}”. Known filters: {known}.")
    rows: DriftQuerySet = DriftRecord.objects.select_related("device", "owner").order_by("-pk")
    if device := filters.get("device"):
        rows = rows.filter(device__name__icontains=device)
    if site := filters.get("site"):
        rows = rows.filter(device__site=site)
    if state := filters.get("state"):
        _one_of("state", state, [*DriftState, OPEN_ALL])
        rows = rows.open() if state == OPEN_ALL else rows.filter(state=state)
    if drift_class := filters.get("drift_class"):
        rows = rows.filter(drift_class=_one_of("drift_class", drift_class, list(DriftClass)))
    if unauthorized := filters.get("unauthorized"):
        rows = rows.filter(unauthorized=_one_of("unauthorized", unauthorized, ["yes", "no"]) == "yes")
    if owner := filters.get("owner"):
        rows = rows.filter(owner__username=owner)
    return _found_in(rows, filters)


def _found_in(rows: DriftQuerySet, filters: Mapping[str, str]) -> DriftQuerySet:
    if first := filters.get("found_from"):
        rows = rows.filter(first_seen_at__gte=_start_of("found_from", first))
    if last := filters.get("found_until"):
        rows = rows.filter(first_seen_at__lt=_start_of("found_until", last) + timedelta(days=1))
    return rows


def _start_of(name: str, value: str) -> datetime:
    try:
        day: date | None = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadFieldsError({name: [f"Write the day as 2026-12-31, between {FIRST_YEAR} and {LAST_YEAR}."]})
    return datetime.combine(day, time.min, UTC)


def _one_of(name: str, value: str, known: list[str]) -> str:
    if value not in known:
        raise BadFieldsError({name: [f"“{value}” is no {name.replace('_', ' ')}. Use one of: {', '.join(known)}."]})
    return value


def drift_to_review() -> int:
    """How many records wait for a decision; one query on an index."""
    return DriftRecord.objects.to_review().count()


@dataclass(frozen=True, slots=True)
class Week:
    """What was found in the week that begins on ``monday`` (UTC), by class."""

    monday: date
    critical: int
    functional: int
    cosmetic: int

    @property
    def total(self) -> int:
        """All classes."""
        return self.critical + self.functional + self.cosmetic


def drift_trend(now: datetime | None = None) -> list[Week]:
    """The last twelve weeks, oldest first, also those without drift; one query."""
    today = (now or timezone.now()).date()
    this_monday = today - timedelta(days=today.weekday())
    first = this_monday - timedelta(weeks=WEEKS - 1)
    counted = (
        DriftRecord.objects.filter(first_seen_at__date__gte=first)
        .order_by()
        .annotate(week=TruncWeek("first_seen_at"))
        .values("week")
        .annotate(**{item.value: Count("pk", filter=Q(drift_class=item)) for item in DriftClass})
    )
    by_week: dict[date, Mapping[str, Any]] = {row["week"].date(): row for row in counted}
    weeks = []
    for number in range(WEEKS):
        monday = first + timedelta(weeks=number)
        row: Mapping[str, Any] = by_week.get(monday, {})
        weeks.append(Week(monday, *(int(row.get(item.value, 0)) for item in DriftClass)))
    return weeks
