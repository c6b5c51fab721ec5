"""The waves of a run, with the rows of theirs that are on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from changes.domain.run_states import DEVICE_ENDED, WaveState
from changes.models import HealthVerdict, Run, WaveCheck
from portal.presenters.run_rows import RunRow
from portal.presenters.words import few

_NOTES = {
    WaveState.SOAKING: "soaking: left alone before it is judged",
    WaveState.WAITING: "waits for a person",
    WaveState.STOPPED: "the run went no further",
}


@dataclass(frozen=True, slots=True)
class WaveView:
    """One wave; ``state`` is pending, running or ended, ``note`` how it stands beyond that.

    ``unhealthy`` names devices that were looked at once more and were not as they should be.
    """

    number: int
    name: str
    state: str
    done: int
    total: int
    rows: tuple[RunRow, ...]
    note: str
    gated: bool
    unhealthy: str


def waves_of(run: Run, rows: Sequence[RunRow]) -> tuple[WaveView, ...]:
    """A run's waves in their order; one query, and one more where a device was found unhealthy."""
    waves = _counted(run)
    sick = _unhealthy(run) if any(wave.sick for wave in waves) else {}
    return tuple(
        WaveView(
            number=wave.number,
            name=wave.name,
            state="pending" if wave.opened_at is None else "running" if wave.ended_at is None else "ended",
            done=wave.done,
            total=wave.total,
            rows=tuple(row for row in rows if row.wave == wave.number),
            note=_note(wave),
            gated=wave.state == WaveState.WAITING,
            unhealthy=few(sick.get(wave.number, [])),
        )
        for wave in waves
    )


def _counted(run: Run) -> Sequence[Any]:
    ended = Q(device_runs__state__in=[state.value for state in DEVICE_ENDED])
    visits = {
        name: Count("device_runs", filter=Q(device_runs__health_check__verdict=verdict))
        for name, verdict in (("visits", ""), ("well", HealthVerdict.HEALTHY), ("sick", HealthVerdict.UNHEALTHY))
    }
    counted = run.waves.annotate(total=Count("device_runs"), done=Count("device_runs", filter=ended), **visits)
    return list(counted.order_by("number"))


def _note(wave: Any) -> str:  # noqa: ANN401 - a wave with its counts
    seen = wave.well + wave.sick
    if wave.state == WaveState.CHECKING:
        return f"looking at its devices once more, {seen} of {seen + wave.visits}"
    healthy = f"{wave.well} of {seen} found healthy again" if seen else ""
    return ", ".join(part for part in (healthy, _NOTES.get(WaveState(wave.state), "")) if part)


def _unhealthy(run: Run) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = WaveCheck.objects.failed().filter(wave__run=run).order_by("pk")
    for number, name, code in rows.values_list("wave__number", "device_run__device__name", "code")[:200]:
        found.setdefault(number, []).append(f"{name} ({code})")
    return found
