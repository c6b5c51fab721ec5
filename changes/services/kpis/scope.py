"""Which changes a figure is counted over: those closed in some days, of a type, a site or a template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self

from django.db.models import Exists, OuterRef, Q

from changes.domain.input import Findings, one_of, shown
from changes.domain.reports.periods import FIRST_DAY, LAST_DAY, Days, ReportKind, days_of, previous
from changes.domain.states import ChangeState, ChangeType
from changes.models import ChangeQuerySet, ChangeRequest, DevicePlan

SCOPE_FILTERS: Final = ("kind", "day", "type", "site", "template")
"""What the figures can be narrowed by; an unknown name is refused."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A week, month or quarter, and what it is narrowed to; empty values narrow nothing. ``template`` is its id."""

    kind: ReportKind
    days: Days
    change_type: str = ""
    site: str = ""
    template: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, str], today: date) -> Self:
        """From query parameters: ``kind`` (weekly, monthly, quarterly; without it monthly), ``day``, and the filters.

        Raises:
            InvalidInputError: with a sentence under each name.
        """
        findings = Findings()
        for name in set(given) - set(SCOPE_FILTERS):
            findings.add(shown(name), f"There is no filter “{shown(name)}”. Allowed: {one_of(SCOPE_FILTERS)}.")
        kind = _kind(given.get("kind", ""), findings)
        day = _day(given.get("day", ""), today, findings)
        change_type = given.get("type", "")
        if change_type and change_type not in set(ChangeType):
            findings.add("type", f"“{shown(change_type)}” is no change type. Allowed: {one_of(ChangeType)}.")
        template = given.get("template", "")
        if template and not (template.isascii() and template.isdigit() and len(template) < 19):
            findings.add("template", "Give the id of a template, a whole number.")
        findings.check()
        number = int(template) if template else None
        return cls(kind, days_of(kind, day), change_type, given.get("site", ""), number)

    @property
    def before(self) -> Self:
        """The same for the period before."""
        return replace(self, days=previous(self.kind, self.days))

    @property
    def is_narrowed(self) -> bool:
        """Whether something but the period narrows it."""
        return bool(self.change_type or self.site or self.template)

    def query(self) -> dict[str, str]:
        """As query parameters."""
        found = {"kind": self.kind.value, "day": self.days.first.isoformat()}
        for name, value in (("type", self.change_type), ("site", self.site), ("template", self.template)):
            if value:
                found[name] = str(value)
        return found


def closed_changes(scope: Scope, *, since: Days | None = None) -> ChangeQuerySet:
    """The changes closed in the scope's days; with ``since`` from its first day on. By the index on ``closed_at``."""
    first = (since or scope.days).start_at
    rows = ChangeRequest.objects.filter(state=ChangeState.CLOSED, closed_at__gte=first, closed_at__lt=scope.days.end_at)
    return rows.filter(narrowing(scope))


def narrowing(scope: Scope) -> Q:
    """What the scope asks of a change besides its days."""
    found = Q()
    if scope.change_type:
        found &= Q(type=scope.change_type)
    if scope.template:
        found &= Q(template_version__template_id=scope.template)
    if scope.site:
        found &= Q(Exists(DevicePlan.objects.filter(revision=OuterRef("revision"), device__site=scope.site)))
    return found


def _kind(value: str, findings: Findings) -> ReportKind:
    if value and value not in set(ReportKind):
        findings.add("kind", f"“{shown(value)}” is no period. Allowed: {one_of(ReportKind)}.")
        return ReportKind.MONTHLY
    return ReportKind(value) if value else ReportKind.MONTHLY


def _day(value: str, today: date, findings: Findings) -> date:
    if not value:
        return today
    try:
        day = date.fromisoformat(value)
    except ValueError:
        findings.add("day", "Write the day as 2026-12-31.")
        return today
    if not FIRST_DAY <= day <= LAST_DAY:
        findings.add("day", f"Give a day between {FIRST_DAY.year} and {LAST_DAY.year}.")
        return today
    return day
