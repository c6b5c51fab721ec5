"""A run's waves as the API shows them: how far each is, and what became of the looks at its devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Q

from changes.domain.run_states import DEVICE_ENDED, DeviceRunState
from changes.models import HealthVerdict, Run, Wave, WaveCheck
from changes.services.wave_progress import FAILURES
from devices.services.scrubbing import Scrubber

MOST_UNHEALTHY = 200
_ENDED = sorted(state.value for state in DEVICE_ENDED)


@dataclass(frozen=True, slots=True)
class ShownUnhealthy:
    """A device that was looked at once more after its run, and was not as it should be."""

    device: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ShownWave:
    """A wave with the figures of its devices; ``unhealthy`` names the first 200 of a run."""

    wave: Wave
    devices: int
    ended: int
    succeeded: int
    failed: int
    looks_open: int
    looks_healthy: int
    unhealthy: Sequence[ShownUnhealthy] = field(default_factory=tuple)


def shown_waves(run: Run, scrub: Scrubber) -> list[ShownWave]:
    """A run's waves in their order; one query, and one more where a device was found unhealthy."""
    counted = run.waves.select_related("decided_by").annotate(
        devices=Count("device_runs"),
        done=Count("device_runs", filter=Q(device_runs__state__in=_ENDED)),
        good=Count("device_runs", filter=Q(device_runs__state=DeviceRunState.SUCCEEDED)),
        bad=Count("device_runs", filter=Q(device_runs__state__in=FAILURES)),
        waiting=Count("device_runs", filter=Q(device_runs__health_check__verdict="")),
        well=Count("device_runs", filter=Q(device_runs__health_check__verdict=HealthVerdict.HEALTHY)),
        sick=Count("device_runs", filter=Q(device_runs__health_check__verdict=HealthVerdict.UNHEALTHY)),
    )
    waves = list(counted.order_by("number"))
    found = _unhealthy(run, scrub) if any(wave.sick for wave in waves) else {}
    return [
        ShownWave(
            wave=wave,
            devices=wave.devices,
            ended=wave.done,
            succeeded=wave.good,
            failed=wave.bad + wave.sick,
            looks_open=wave.waiting,
            looks_healthy=wave.well,
            unhealthy=found.get(wave.number, ()),
        )
        for wave in waves
    ]


def _unhealthy(run: Run, scrub: Scrubber) -> dict[int, list[ShownUnhealthy]]:
    rows = WaveCheck.objects.failed().filter(wave__run=run).order_by("pk")
    found: dict[int, list[ShownUnhealthy]] = {}
    for number, name, code, detail in rows.values_list("wave__number", "device_run__device__name", "code", "detail")[
        :MOST_UNHEALTHY
    ]:
        found.setdefault(number, []).append(ShownUnhealthy(name, code, scrub.prose(detail)))
    return found
