"""A run's devices as rows that update themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch
from django.db.models.fields.json import KT

from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_ENDED, DeviceRunState
from changes.models import DeviceRun, HealthVerdict, Run, RunStep
from devices.domain.reasons import Reason
from portal.presenters.building import reason_of
from portal.presenters.links import page_url
from portal.presenters.visible import Mask
from portal.templatetags._moments import duration

_UNSEEN = ("detail", "data", "transcript")


@dataclass(frozen=True, slots=True)
class StepMark:
    """One recorded step, as the track draws it."""

    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One device of the run as the page shows it.

    ``elapsed_s`` and ``step_s`` stand where it goes on, for a script to count further. ``other``: the page's filter
    does not let it through any more.
    """

    id: int
    name: str
    site: str
    state: str
    wave: int
    steps: tuple[StepMark, ...]
    note: str
    step_s: str
    step_elapsed: str
    lines_applied: int
    lines_total: int
    elapsed: str
    elapsed_s: str
    reason: Reason | None
    reason_tone: str
    detail: str
    url: str
    other: bool = False


def run_rows(
    run: Run, ids: Collection[int], mask: Mask, now: datetime, *, matching: Collection[int] | None = None
) -> tuple[RunRow, ...]:
    """The rows of some devices, in plan order; two queries, without any transcript. None where there are no ids."""
    if not ids:
        return ()
    steps = RunStep.objects.defer(*_UNSEEN).annotate(lines=KT("data__lines"))
    found = (
        DeviceRun.objects.filter(pk__in=ids)
        .select_related("device", "wave", "health_check")
        .defer(*(f"health_check__{name}" for name in _UNSEEN))
        .prefetch_related(Prefetch("steps", queryset=steps.order_by("sequence")))
        .order_by("pk")
    )
    return tuple(_row(row, run, mask, now, other=matching is not None and row.pk not in matching) for row in found)


def _row(row: DeviceRun, run: Run, mask: Mask, now: datetime, *, other: bool) -> RunRow:
    state = DeviceRunState(row.state)
    steps = list(row.steps.all())
    elapsed_s = max(0.0, ((row.ended_at or now) - (row.started_at or now)).total_seconds())
    step_s = _step_s(state, steps, now)
    said = bool(row.code) and state not in DEVICE_ACTIVE
    return RunRow(
        id=row.pk,
        name=row.device.name,
        site=row.device.site,
        state=row.state,
        wave=row.wave.number,
        steps=tuple(StepMark(step.name, step.outcome) for step in steps),
        note=_note(row),
        step_s=f"{step_s:.1f}" if step_s is not None else "",
        step_elapsed=duration(step_s) if step_s is not None else "",
        lines_applied=row.lines_applied,
        lines_total=_lines(steps),
        elapsed=duration(elapsed_s) if row.started_at else "",
        elapsed_s=f"{elapsed_s:.1f}" if state in DEVICE_ACTIVE else "",
        reason=reason_of(row.code, row.detail) if said else None,
        reason_tone="" if state in DEVICE_ENDED else "wait",
        detail=mask.prose(row.detail),
        url=page_url("run-device", run.change_id, run.pk, row.pk),
        other=other,
    )


def _step_s(state: DeviceRunState, steps: Sequence[RunStep], now: datetime) -> float | None:
    """How long the step that is under way has lasted."""
    if state not in DEVICE_ACTIVE or not steps or steps[-1].ended_at is not None:
        return None
    return max(0.0, (now - steps[-1].intent_at).total_seconds())


def _note(row: DeviceRun) -> str:
    check = getattr(row, "health_check", None)
    if check is not None and check.verdict == HealthVerdict.UNHEALTHY:
        return f"not healthy afterwards: {check.code}" if check.code else "not healthy afterwards"
    if row.state == DeviceRunState.PENDING and row.attempts > 1:
        return f"starts again, attempt {row.attempts}"
    return "other lines had changed meanwhile" if row.drift == "unrelated" else ""


def _lines(steps: Sequence[RunStep]) -> int:
    """How many lines the applying step was to send; 0 before it began."""
    counts = [str(getattr(step, "lines", "")) for step in steps if step.name == DeviceRunState.APPLYING]
    return int(counts[-1]) if counts and counts[-1].isdigit() else 0
