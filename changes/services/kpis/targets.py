"""The figures with the targets of this installation."""

from __future__ import annotations

from django.conf import settings

from changes.domain.kpis.definitions import Kpi
from changes.domain.kpis.targets import with_targets


def judged_kpis() -> dict[str, Kpi]:
    """Every figure by its key, in the order of pages, with the targets of ``COUNTERSIGN_KPI_TARGETS``; no query."""
    return {kpi.key: kpi for kpi in with_targets(settings.COUNTERSIGN_KPI_TARGETS)}
