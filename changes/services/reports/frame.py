"""What every section of a report is made from: the period, the figures, and a mask for what people wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import QuerySet

from changes.domain.kpis.definitions import Kpi
from changes.domain.reports.document import Block, figures
from changes.domain.reports.periods import Days, ReportKind
from changes.services.kpis.counting import Figures, count_figures
from changes.services.kpis.scope import Scope
from changes.services.kpis.targets import judged_kpis
from devices.services.scrubbing import Scrubber

Row = TypeVar("Row")
ROWS = 50
"""So many rows of a table are told one by one; the others are counted."""


@dataclass(frozen=True)
class Frame:
    """One report that is being made."""

    kind: ReportKind
    days: Days
    scrub: Scrubber

    @cached_property
    def scope(self) -> Scope:
        """The report's period, narrowed to nothing."""
        return Scope(self.kind, self.days)

    @cached_property
    def figures(self) -> Figures:
        """The key figures of the period and of the one before."""
        return count_figures(self.scope)

    @cached_property
    def kpis(self) -> dict[str, Kpi]:
        """The figures by key, with the targets of this installation."""
        return judged_kpis()

    def told(self, *keys: str) -> Block:
        """Some key figures, or all."""
        chosen = [self.kpis[key] for key in keys] if keys else list(self.kpis.values())
        return figures(chosen, self.figures.now, self.figures.before)


def capped(rows: QuerySet[Any, Row]) -> tuple[list[Row], int]:
    """The rows that are told one by one, and how many more there are; a second query only where there are more."""
    found = list(rows[: ROWS + 1])
    return found[:ROWS], rows.count() - ROWS if len(found) > ROWS else 0


def spoken(day: date) -> str:
    """``21 Nov 2026``."""
    return f"{day:%-d %b %Y}"


def words(value: str) -> str:
    """A stored name as people read it."""
    return value.replace("_", " ").replace("-", " ").capitalize()
