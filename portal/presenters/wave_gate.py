"""The gate after a wave as its page shows it: what the wave came to, and who may answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from changes.domain import policy
from changes.domain.run_states import DeviceRunState, RunState, WaveState
from changes.domain.strategy import Strategy
from changes.models import HealthVerdict, Run, WaveCheck
from changes.services.wave_progress import FAILURES
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.presenters.words import group_label

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """A device that was looked at once more and was not as it should be."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class GateView:
    """A wave that waits for a person; ``refusal`` says why this person is not the one."""

    run_id: int
    wave: int
    name: str
    until: datetime | None
    role: str
    succeeded: int
    failed: int
    skipped: int
    healthy: int
    unhealthy: tuple[Unhealthy, ...]
    waiting: int
    refusal: str
    code: str

    @property
    def was_checked(self) -> bool:
        """Whether the devices were looked at once more."""
        return bool(self.healthy or self.unhealthy)


def gate_of(sight: Sight, mask: Mask) -> GateView | None:
    """The gate that the change's run waits at; None where there is none. At most three queries."""
    run = sight.run
    if run is None or run.state == RunState.ENDED:
        return None
    wave = run.waves.filter(state=WaveState.WAITING).first()
    if wave is None:
        return None
    role = Strategy.of(run.strategy).gate_role
    told = next(iter(policy.may_answer_gate(sight.person, role).reasons), None)
    ends = wave.device_runs.aggregate(
        succeeded=Count("pk", filter=Q(state=DeviceRunState.SUCCEEDED)),
        failed=Count("pk", filter=Q(state__in=FAILURES)),
        skipped=Count("pk", filter=Q(state=DeviceRunState.SKIPPED)),
        healthy=Count("pk", filter=Q(health_check__verdict=HealthVerdict.HEALTHY)),
    )
    return GateView(
        run_id=run.pk,
        wave=wave.number,
        name=wave.name,
        until=wave.gate_until,
        role=group_label(role),
        **ends,
        unhealthy=_unhealthy(run, wave.number, mask),
        waiting=run.device_runs.filter(state=DeviceRunState.PENDING).count(),
        refusal=told.sentence if told else "",
        code=told.code if told else "",
    )


def _unhealthy(run: Run, wave: int, mask: Mask) -> tuple[Unhealthy, ...]:
    found = WaveCheck.objects.failed().filter(wave__run=run, wave__number=wave).order_by("pk")
    rows = found.values_list("device_run__device__name", "code", "detail")[:SHOWN]
    return tuple(Unhealthy(name, code, mask.prose(detail)) for name, code, detail in rows)
