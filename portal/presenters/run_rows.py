"""A run's devices as rows that update themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, Q
from django.db.models.fields.json import KT

from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_ENDED, DeviceRunState
from changes.models import DeviceRun, Run, RunStep
from devices.domain.reasons import Reason
from portal.presenters.building import reason_of
from portal.presenters.links import page_url
from portal.presenters.visible import Mask
from portal.templatetags._moments import duration

ROWS_PER_PAGE = 200
# A step that began in a transaction which was still open at the last look appears with an earlier time.
LATE = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Light:
    """What the figures need of a device run: one of these per device, whatever the page shows."""

    pk: int
    state: DeviceRunState
    code: str
    detail: str
    name: str
    sent: int
    applied: int
    ended_at: datetime | None
    wave_state: str


@dataclass(frozen=True, slots=True)
class StepMark:
    """One recorded step, as the track draws it."""

    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One device of the run as the page shows it; ``elapsed_s`` where it goes on, for a script to count further."""

    id: int
    name: str
    state: str
    wave: int
    steps: tuple[StepMark, ...]
    note: str
    lines_applied: int
    lines_total: int
    elapsed: str
    elapsed_s: str
    reason: Reason | None
    detail: str
    url: str


def light_rows(run: Run) -> tuple[Light, ...]:
    """Every device of a run in its order; one query."""
    rows = DeviceRun.objects.filter(run=run).order_by("wave__number", "device_plan__position")
    columns = (
        "pk",
        "state",
        "code",
        "detail",
        "device__name",
        "lines_sent",
        "lines_applied",
        "ended_at",
        "wave__state",
    )
    return tuple(Light(pk, DeviceRunState(state), *rest) for pk, state, *rest in rows.values_list(*columns))


def page_of(light: Sequence[Light], page: int) -> tuple[int, ...]:
    """The ids of the devices that one page shows; pages count from 1."""
    return tuple(row.pk for row in light[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE])


def touched_since(run: Run, since: datetime) -> set[int]:
    """The devices of a run that did anything since then, or are at work; one query."""
    moment = since - LATE
    happened = Q(steps__intent_at__gte=moment) | Q(steps__ended_at__gte=moment) | Q(ended_at__gte=moment)
    at_work = Q(state__in=[state.value for state in DEVICE_ACTIVE])
    return set(DeviceRun.objects.filter(run=run).filter(at_work | happened).values_list("pk", flat=True).distinct())


def run_rows(run: Run, ids: Iterable[int], mask: Mask, now: datetime) -> tuple[RunRow, ...]:
    """The rows of some devices, in the run's order; two queries, without any transcript."""
    steps = RunStep.objects.defer("data", "transcript", "detail").annotate(lines=KT("data__lines"))
    found = (
        DeviceRun.objects.filter(pk__in=ids)
        .select_related("device", "wave")
        .prefetch_related(Prefetch("steps", queryset=steps.order_by("sequence")))
        .order_by("wave__number", "device_plan__position")
    )
    return tuple(_row(row, run, mask, now) for row in found)


def _row(row: DeviceRun, run: Run, mask: Mask, now: datetime) -> RunRow:
    state = DeviceRunState(row.state)
    steps = list(row.steps.all())
    elapsed_s = max(0.0, ((row.ended_at or now) - (row.started_at or now)).total_seconds())
    return RunRow(
        id=row.pk,
        name=row.device.name,
        state=row.state,
        wave=row.wave.number,
        steps=tuple(StepMark(step.name, step.outcome) for step in steps),
        note=_note(row),
        lines_applied=row.lines_applied,
        lines_total=_lines(steps),
        elapsed=duration(elapsed_s) if row.started_at else "",
        elapsed_s=f"{elapsed_s:.1f}" if state in DEVICE_ACTIVE else "",
        reason=reason_of(row.code, row.detail) if row.code and state in DEVICE_ENDED else None,
        detail=mask.prose(row.detail),
        url=page_url("run-device", run.change_id, run.pk, row.pk),
    )


def _note(row: DeviceRun) -> str:
    if row.state == DeviceRunState.PENDING and row.attempts > 1:
        return f"starts again, attempt {row.attempts}"
    return "other lines had changed meanwhile" if row.drift == "unrelated" else ""


def _lines(steps: Sequence[RunStep]) -> int:
    """How many lines the applying step was to send; 0 before it began."""
    counts = [str(getattr(step, "lines", "")) for step in steps if step.name == DeviceRunState.APPLYING]
    return int(counts[-1]) if counts and counts[-1].isdigit() else 0
