"""The waves of a run, with the rows of theirs that are on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from changes.domain.states import DEVICE_ENDED
from changes.models import Run
from portal.presenters.run_rows import RunRow


@dataclass(frozen=True, slots=True)
class WaveView:
    """One wave; ``state`` is pending, running or ended."""

    number: int
    name: str
    state: str
    done: int
    total: int
    rows: tuple[RunRow, ...]


def waves_of(run: Run, rows: Sequence[RunRow]) -> tuple[WaveView, ...]:
    """A run's waves in their order; one query."""
    ended = Q(device_runs__state__in=[state.value for state in DEVICE_ENDED])
    waves = run.waves.annotate(total=Count("device_runs"), done=Count("device_runs", filter=ended)).order_by("number")
    return tuple(
        WaveView(
            number=wave.number,
            name=wave.name,
            state="pending" if wave.opened_at is None else "running" if wave.ended_at is None else "ended",
            done=wave.done,
            total=wave.total,
            rows=tuple(row for row in rows if row.wave == wave.number),
        )
        for wave in waves
    )
