"""From one wave to the next: what has to hold before more devices are touched, and what stops a run.

Asked by the dispatcher every second and by each runner when it has nothing left, with change and run locked.
"""

from __future__ import annotations

from typing import Final

from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.orders import KILL_SWITCH_ENGAGED, STOPPED_AFTER_WAVE
from changes.domain.run_states import DEVICE_ENDED, WAVE_ENDED, DeviceRunState, WaveState
from changes.domain.strategy import BudgetAction, InFlight, Promotion, Strategy
from changes.errors import PlanIntegrityError
from changes.models import ChangeRequest, Run, Wave, WaveCheck
from changes.services.integrity import verify_approvals, verify_revision
from changes.services.kill_switch import kill_switch_engaged
from changes.services.queueing import ring_runners
from changes.services.rollback import run_roll_back
from changes.services.rollout import clashes_now
from changes.services.run_control import abort, audit_run, pause, wave_moves
from changes.services.wave_checks import wave_checks_create
from changes.services.windows import window_closed
from devices.services.claims import database_time_plus

DISPATCHER: Final = Actor.system("dispatcher")

FAILURES: Final = sorted(state.value for state in DEVICE_ENDED - {DeviceRunState.SUCCEEDED, DeviceRunState.SKIPPED})
"""Ends that count against the failure budget: everything but success and what people left out."""


def failed_devices(run: Run) -> int:
    """Devices that count against the failure budget: runs that failed, and those that were not healthy afterwards."""
    unhealthy = WaveCheck.objects.failed().filter(wave__run=run)
    return run.device_runs.filter(state__in=FAILURES).count() + unhealthy.count()


def waves_step(change: ChangeRequest, run: Run) -> None:
    """Take a running run's waves as far as they may go now; the run may be paused or aborted by it."""
    progress = _Progress(change, run)
    if not run.abort and (progress.is_killed() or progress.window_has_closed() or progress.budget_is_spent()):
        return
    for wave in run.waves.order_by("number"):
        if wave.state not in WAVE_ENDED:
            progress.carry_on(wave)
            if wave.state not in WAVE_ENDED:
                return


class _Progress:
    def __init__(self, change: ChangeRequest, run: Run) -> None:
        self.change = change
        self.run = run
        self.strategy = Strategy.of(run.strategy)

    def is_killed(self) -> bool:
        """Pause a run while the kill switch is engaged, so that releasing it starts nothing by itself."""
        found = kill_switch_engaged()
        if found is not None:
            detail = f"The kill switch was engaged by {found.engaged_by.get_username()}: “{found.reason}”"
            pause(self.change, self.run, actor=DISPATCHER, code=KILL_SWITCH_ENGAGED, detail=detail)
        return found is not None

    def window_has_closed(self) -> bool:
        """Start nothing new outside the window; what runs is finished, or backed out, as the strategy says.

        A run that has nothing left to start goes on to its end.
        """
        closed = window_closed(self.change)
        left = self.run.device_runs.open()
        if closed is None or not left.exists():
            return False
        if self.strategy.on_window_close == InFlight.BACK_OUT:
            abort(self.change, self.run, InFlight.BACK_OUT, actor=DISPATCHER, code=closed.code, detail=closed.sentence)
            return True
        if not left.filter(state=DeviceRunState.PENDING).exists():
            return False
        pause(self.change, self.run, actor=DISPATCHER, code=closed.code, detail=closed.sentence)
        return True

    def budget_is_spent(self) -> bool:
        """Pause or abort a run with more failures than its strategy bears."""
        run = self.run
        failed = failed_devices(run)
        borne = self.strategy.failures_borne(run.device_count)
        if failed <= max(borne, run.failures_accepted):
            return False
        detail = f"{failed} of {run.device_count} devices have failed; the strategy bears {borne}."
        if self.strategy.on_budget_spent == BudgetAction.PAUSE:
            detail = f"{detail} Nothing new is started."
            pause(self.change, run, actor=DISPATCHER, code="ABORT_THRESHOLD_HIT", detail=detail)
        elif self.strategy.on_budget_spent == BudgetAction.ROLL_BACK:
            run_roll_back(self.change, run, actor=DISPATCHER, code="ABORT_THRESHOLD_HIT", detail=detail)
        else:
            self._abort("ABORT_THRESHOLD_HIT", detail)
        return True

    def carry_on(self, wave: Wave) -> None:
        """One wave, through as many of its states as it may go now."""
        if wave.state == WaveState.PENDING:
            self._open(wave)
        if wave.state == WaveState.WORKING and not wave.device_runs.open().exists():
            wave_moves(wave, WaveState.SOAKING, worked_at=Now())
        if self.run.abort and wave.state in {WaveState.SOAKING, WaveState.CHECKING, WaveState.WAITING}:
            self._judge(wave, WaveState.STOPPED)
        if wave.state == WaveState.SOAKING:
            self._soak(wave)
        if wave.state == WaveState.CHECKING and not WaveCheck.objects.open().filter(wave=wave).exists():
            self._promote(wave)
        if wave.state == WaveState.WAITING and is_past(wave, "gate_until"):
            self._abort("GATE_TIMEOUT", f"Nobody let the run go on after {wave.name} in time, so it goes no further.")
            wave.refresh_from_db()

    def _open(self, wave: Wave) -> None:
        """Open a wave when the one before has held for the cooldown and what was approved still holds."""
        run = self.run
        before = run.waves.filter(number__lt=wave.number).order_by("number").last()
        if run.abort:
            return
        if before and run.stop_after_wave:
            detail = f"It was to stop after {before.name}, and {wave.name} was not opened."
            pause(self.change, run, actor=DISPATCHER, code=STOPPED_AFTER_WAVE, detail=detail)
            return
        if before and before.judged_at and not is_past(before, "judged_at", plus_s=self.strategy.cooldown_s):
            return
        refusal = self._refusal(wave)
        if refusal:
            code, detail = refusal
            pause(self.change, run, actor=DISPATCHER, code=code, detail=f"{wave.name} was not opened: {detail}")
            return
        wave_moves(wave, WaveState.WORKING, opened_at=Now())
        audit_run(run, "wave.opened", actor=DISPATCHER, wave=wave.number, devices_in_wave=wave.device_runs.count())
        ring_runners(run.pk)

    def _refusal(self, wave: Wave) -> tuple[str, str] | None:
        try:
            verify_revision(self.run.revision, approved_digest=self.run.plan_digest)
            verify_approvals(self.change, self.run.revision)
        except PlanIntegrityError as error:
            return error.code, str(error)
        found = clashes_now(self.run, from_wave=wave.number)
        if found:
            return "PLAN_STALE", (
                f"the inventory now keeps two devices of wave {found[0].wave} apart ({found[0].because})."
                " Plan again, so that they come into different waves."
            )
        return None

    def _soak(self, wave: Wave) -> None:
        if not is_past(wave, "worked_at", plus_s=self.strategy.soak_s):
            return
        if self.strategy.promote_when == Promotion.HEALTHY and (visits := wave_checks_create(wave)):
            wave_moves(wave, WaveState.CHECKING)
            audit_run(self.run, "wave.checking", actor=DISPATCHER, wave=wave.number, visits=visits)
            ring_runners(self.run.pk)
        else:
            self._promote(wave)

    def _promote(self, wave: Wave) -> None:
        """The wave has shown what it has to: now a person decides, or it has held."""
        more = self.run.waves.filter(number__gt=wave.number).exists()
        if more and self.strategy.waits_for_a_person(wave.number):
            wave_moves(wave, WaveState.WAITING, gate_until=database_time_plus(self.strategy.gate_timeout_s))
            audit_run(self.run, "wave.waits", actor=DISPATCHER, wave=wave.number, gate_role=self.strategy.gate_role)
        else:
            self._judge(wave, WaveState.HELD)

    def _judge(self, wave: Wave, state: WaveState) -> None:
        code = self.run.code if state is WaveState.STOPPED else ""
        wave_moves(wave, state, code=code, judged_at=Now())
        audit_run(self.run, f"wave.{state.value}", actor=DISPATCHER, wave=wave.number, code=code)

    def _abort(self, code: str, detail: str) -> None:
        abort(self.change, self.run, InFlight.FINISH, actor=DISPATCHER, code=code, detail=detail)


def is_past(wave: Wave, moment: str, *, plus_s: float = 0) -> bool:
    """Whether a time of the wave, and so many seconds, are over by the database's clock: hosts may disagree."""
    return Wave.objects.filter(pk=wave.pk, **{f"{moment}__lte": database_time_plus(-plus_s)}).exists()
