"""Stopping a run, in its locks: pausing, aborting, and what becomes of the devices that wait.

The functions here expect the change and the run to be locked, in this order, in the caller's transaction. Devices that
are being worked on learn of it at their next step.
"""

from __future__ import annotations

from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain.orders import STOPPED_AFTER_WAVE
from changes.domain.run_states import (
    WAVE_ENDED,
    DeviceRunState,
    RunState,
    WaveState,
    check_device_step,
    check_run_step,
    check_wave_step,
)
from changes.domain.states import ChangeEvent
from changes.domain.strategy import InFlight
from changes.models import ChangeRequest, DeviceRun, Run, Wave
from changes.services.device_events import audit_device_run
from changes.services.run_news import tell_paused
from changes.services.step_records import steps_skip
from changes.services.transitions import move


def pause(change: ChangeRequest, run: Run, *, actor: Actor, code: str, detail: str) -> None:
    """Start nothing new; devices that are being worked on are finished.

    Raises:
        IllegalTransitionError: the run is not running.
    """
    run.state = check_run_step(RunState(run.state), RunState.PAUSED)
    run.code, run.detail, run.paused_at = code, detail, Now()
    run.save(update_fields=["state", "code", "detail", "paused_at"])
    move(change, ChangeEvent.PAUSE, actor=actor, reason=detail, details={"run": run.pk, "code": code})
    audit_run(run, "run.paused", actor=actor, moved_from=RunState.RUNNING, code=code, reason=detail)
    tell_paused(change, run, actor, detail)


def resume(change: ChangeRequest, run: Run, *, actor: Actor, detail: str = "") -> None:
    """Let a paused run go on. An order to stop after a wave is over where it paused the run, and else still holds.

    Raises:
        IllegalTransitionError: the run is not paused.
    """
    run.state = check_run_step(RunState(run.state), RunState.RUNNING)
    if run.code == STOPPED_AFTER_WAVE:
        run.stop_after_wave = False
    run.code, run.detail, run.paused_at = "", "", None
    run.save(update_fields=["state", "code", "detail", "paused_at", "stop_after_wave", "failures_accepted"])
    move(change, ChangeEvent.RESUME, actor=actor, reason=detail, details={"run": run.pk})
    accepted = run.failures_accepted
    audit_run(run, "run.resumed", actor=actor, moved_from=RunState.PAUSED, reason=detail, failures_accepted=accepted)


def abort(change: ChangeRequest, run: Run, how: InFlight, *, actor: Actor, code: str, detail: str) -> None:
    """Skip every device that nobody works on yet; those in flight are finished or backed out, as ``how`` says.

    A paused run goes on for as long as that takes, so that it can end.
    """
    run.abort, run.code, run.detail = how.value, code, detail
    run.save(update_fields=["abort", "code", "detail"])
    moved_from = RunState.PAUSED if run.state == RunState.PAUSED else None
    if moved_from:
        run.state = check_run_step(RunState.PAUSED, RunState.RUNNING)
        run.save(update_fields=["state"])
        move(change, ChangeEvent.RESUME, actor=actor, reason=detail, details={"run": run.pk, "code": code})
    skipped = skip_waiting(run, actor=actor, code=code, detail=detail)
    steps_skip(run, actor=actor)
    for wave in run.waves.exclude(state__in=[state.value for state in WAVE_ENDED]):
        if not wave.device_runs.open().exists():
            wave_moves(wave, WaveState.STOPPED, code=code, detail=detail)
    details = {"in_flight": how.value, "skipped": skipped}
    audit_run(run, "run.aborted", actor=actor, moved_from=moved_from, code=code, reason=detail, **details)


def skip_waiting(run: Run, *, actor: Actor, code: str, detail: str) -> int:
    """Skip the devices of a run that nobody has claimed; returns how many. Nothing was sent to any of them."""
    waiting = (
        run.device_runs.filter(state=DeviceRunState.PENDING, owner__isnull=True)
        .select_for_update(of=("self",))
        .select_related("run__change", "device")
        .defer("run__change__content", "run__change__variables")
    )
    count = 0
    for row in waiting.iterator(500):
        skip(row, actor=actor, code=code, detail=detail)
        count += 1
    return count


def skip(row: DeviceRun, *, actor: Actor, code: str, detail: str) -> None:
    """End one locked device run that nobody has claimed, without a visit to the device."""
    before = DeviceRunState(row.state)
    row.state = check_device_step(before, DeviceRunState.SKIPPED)
    row.code, row.detail = code, detail
    DeviceRun.objects.filter(pk=row.pk).update(state=row.state, code=code, detail=detail, ended_at=Now())
    audit_device_run(row, actor=actor, state_from=before, state_to=row.state, code=code, reason=detail)


def wave_moves(wave: Wave, state: WaveState, *, code: str = "", detail: str = "", **values: object) -> None:
    """Move one wave along its table; ``values`` are further columns."""
    wave.state = check_wave_step(WaveState(wave.state), state)
    wave.code, wave.detail = code, detail
    if state in WAVE_ENDED:
        values["ended_at"] = Now()
    Wave.objects.filter(pk=wave.pk).update(state=state.value, code=code, detail=detail, **values)
    wave.refresh_from_db()


def audit_run(
    run: Run,
    action: str,
    *,
    actor: Actor,
    moved_from: str | None = None,
    code: str = "",
    reason: str = "",
    **details: object,
) -> None:
    """Write an audit event about a run, in the caller's transaction.

    ``moved_from`` is the state that the run was in before, empty for a new one, and ``None`` when its state stayed.
    """
    record(
        actor=actor,
        action=action,
        object_type="run",
        object_id=run.pk,
        object_label=f"run {run.pk} of {run.change.number}",
        change_id=run.change_id,
        state_from=moved_from or "",
        state_to="" if moved_from is None else run.state,
        code=code,
        reason=reason,
        details={"plan_digest": run.plan_digest, "devices": run.device_count, **details},
    )
