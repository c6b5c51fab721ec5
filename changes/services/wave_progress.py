"""From one wave to the next: what has to hold before more devices are touched, and what stops a run.

Asked by the dispatcher every second and by each runner when it has nothing left, with change and run locked.
"""

from __future__ import annotations

from typing import Final

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.hooks import OnObjection
from changes.domain.orders import KILL_SWITCH_ENGAGED, STOPPED_AFTER_WAVE
from changes.domain.run_states import DEVICE_ENDED, WAVE_ENDED, DeviceRunState, RunState, WaveState
from changes.domain.strategy import BudgetAction, InFlight, Promotion, Strategy
from changes.domain.waves import CANARY
from changes.errors import PlanIntegrityError
from changes.models import BUSY_DEVICE_RUN_STATES, ChangeRequest, DeviceRun, Run, RunDecisionStep, Wave, WaveCheck
from changes.services.decision_steps import steps_end_late, steps_hold
from changes.services.demanding import verify_demand
from changes.services.hook_calls import wave_held
from changes.services.integrity import verify_approvals, verify_revision
from changes.services.kill_switch import kill_switch_engaged
from changes.services.queueing import ring_runners
from changes.services.rollback import run_roll_back
from changes.services.rollout import clashes_now
from changes.services.run_control import abort, audit_run, pause, skip_waiting, wave_moves
from changes.services.run_news import tell_gate_waits
from changes.services.wave_checks import wave_checks_create
from changes.services.windows import window_closed
from devices.services.claims import database_time_plus

DISPATCHER: Final = Actor.system("dispatcher")

FAILURES: Final = sorted(state.value for state in DEVICE_ENDED - {DeviceRunState.SUCCEEDED, DeviceRunState.SKIPPED})
"""Ends that count against the failure budget: everything but success and what people left out."""


SPENT: Final = "ABORT_THRESHOLD_HIT"
UNPROVED: Final = "PROMOTION_CRITERIA_UNMET"


def failed_devices(run: Run, *, wave: int | None = None) -> int:
    """Devices that count against the failure budget: runs that failed, and those that were not healthy afterwards.

    Of the whole run, or of the wave of this number.
    """
    rows = run.device_runs.filter(state__in=FAILURES)
    unhealthy = WaveCheck.objects.failed().filter(wave__run=run)
    if wave is not None:
        rows, unhealthy = rows.filter(wave__number=wave), unhealthy.filter(wave__number=wave)
    return rows.count() + unhealthy.count()


def waves_step(change: ChangeRequest, run: Run) -> None:
    """Take a running run's waves as far as they may go now; the run may be paused or aborted by it."""
    progress = _Progress(change, run)
    if run.abort:
        # Whoever was lost, or gave its device back, in the moment of the order: an aborted run begins nothing.
        skip_waiting(run, actor=DISPATCHER, code=run.code, detail=run.detail)
    elif progress.is_killed() or progress.window_has_closed() or progress.budget_is_spent():
        return
    for wave in run.waves.order_by("number"):
        if wave.state not in WAVE_ENDED:
            progress.carry_on(wave)
            if wave.state not in WAVE_ENDED or run.state != RunState.RUNNING:
                return


def does_not_wait() -> Q:
    """Which paused runs :func:`paused_step` may have something to do for; they may stay paused for days."""
    late = Wave.objects.filter(run=OuterRef("pk"), state=WaveState.WAITING, gate_until__lte=Now())
    step_late = RunDecisionStep.objects.waiting().filter(run=OuterRef("pk"), waits_until__lte=Now())
    in_flight = DeviceRun.objects.busy().filter(run=OuterRef("pk"))
    return (
        Q(Exists(late)) | Q(Exists(step_late)) | Q(Exists(in_flight), strategy__on_window_close=InFlight.BACK_OUT.value)
    )


def paused_step(change: ChangeRequest, run: Run) -> None:
    """What does not wait while a run is paused; it may be aborted by it, and then goes on to its end.

    A gate can be answered meanwhile, so its time goes on too: nobody prolongs it by pausing. When the window closes,
    devices that are still being worked on are backed out where the strategy says so.
    """
    progress = _Progress(change, run)
    for wave in run.waves.filter(state=WaveState.WAITING):
        progress.end_late_gate(wave)
    if not run.abort and not steps_end_late(change, run):
        progress.window_closes_on_a_paused_run()


class _Progress:
    def __init__(self, change: ChangeRequest, run: Run) -> None:
        self.change = change
        self.run = run
        self.strategy = Strategy.of(run.strategy)
        self.overspent = ""
        """Why the run may not go on, where nothing is left to be held back."""

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
        closed = window_closed(self.change, self.run)
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

    def window_closes_on_a_paused_run(self) -> None:
        """Back out what a paused run still has in flight, where the strategy says so; else it stays as it is."""
        if self.strategy.on_window_close != InFlight.BACK_OUT:
            return
        closed = window_closed(self.change, self.run)
        if closed and self.run.device_runs.filter(state__in=BUSY_DEVICE_RUN_STATES).exists():
            abort(self.change, self.run, InFlight.BACK_OUT, actor=DISPATCHER, code=closed.code, detail=closed.sentence)

    def budget_is_spent(self) -> bool:
        """Pause, abort or roll back a run with more failures than its strategy bears.

        A run that has nothing left to start goes on to its end, unless it is to be rolled back.
        """
        run, action = self.run, self.strategy.on_budget_spent
        detail = self._too_many_failures()
        if not detail:
            return False
        if action == BudgetAction.ROLL_BACK:
            run_roll_back(self.change, run, actor=DISPATCHER, code=SPENT, detail=detail)
        elif not run.device_runs.filter(state=DeviceRunState.PENDING).exists():
            self.overspent = detail
            return False
        elif action == BudgetAction.PAUSE:
            pause(self.change, run, actor=DISPATCHER, code=SPENT, detail=f"{detail} Nothing new is started.")
        else:
            self._abort(SPENT, detail)
        return True

    def _too_many_failures(self) -> str:
        run, strategy = self.run, self.strategy
        failed = failed_devices(run)
        in_canary = failed_devices(run, wave=CANARY) if failed and strategy.canary else 0
        if strategy.bears(failed, devices=run.device_count, in_canary=in_canary, accepted=run.failures_accepted):
            return ""
        counted = f"{failed} of {run.device_count} devices {'has' if failed == 1 else 'have'} failed"
        if in_canary > run.failures_accepted:
            return f"{counted}, {in_canary} of them in the canary, which bears no failure."
        return f"{counted}; the strategy bears {strategy.failures_borne(run.device_count)}."

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
        if wave.state == WaveState.WAITING:
            self.end_late_gate(wave)

    def end_late_gate(self, wave: Wave) -> None:
        """Abort the run when nobody let it go on after this wave in time."""
        if is_past(wave, "gate_until"):
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
        if self._steps_hold(wave):
            return
        refusal = self._refusal(wave)
        if refusal:
            code, detail = refusal
            pause(self.change, run, actor=DISPATCHER, code=code, detail=f"{wave.name} was not opened: {detail}")
            return
        if self._hooks_hold(wave):
            return
        wave_moves(wave, WaveState.WORKING, opened_at=Now())
        devices = wave.device_runs.count()
        audit_run(run, "wave.opened", actor=DISPATCHER, wave=wave.number, devices_in_wave=devices)
        ring_runners(run.pk, waiting=min(run.max_parallel, devices))

    def _steps_hold(self, wave: Wave) -> bool:
        """Whether a manual step comes before this wave that nobody has confirmed yet."""
        try:
            return steps_hold(self.change, self.run, waves_before=self.run.waves.filter(number__lt=wave.number).count())
        except PlanIntegrityError as error:
            detail = f"{wave.name} was not opened: {error}"
            pause(self.change, self.run, actor=DISPATCHER, code=error.code, detail=detail)
            return True

    def _hooks_hold(self, wave: Wave) -> bool:
        """Whether required hooks have not answered yet, or one of them stands against this wave."""
        held = wave_held(self.run, wave.number)
        if held.code:
            detail = f"{wave.name} was not opened. {held.detail}"
            if held.on_objection is OnObjection.ABORT:
                self._abort(held.code, detail)
            else:
                pause(self.change, self.run, actor=DISPATCHER, code=held.code, detail=detail)
        return held.waits or bool(held.code)

    def _refusal(self, wave: Wave) -> tuple[str, str] | None:
        try:
            verify_revision(self.run.revision, approved_digest=self.run.plan_digest)
            verify_approvals(self.change, self.run.revision)
            verify_demand(self.change, self.run.revision)
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
        """The wave has shown what it has to: now a person decides, or it has held.

        Its devices have all ended by now, so the budget is asked once more: when it was asked before, the last of them
        may just have been about to fail.
        """
        if not self.overspent and self._too_many_failures():
            return
        more = self.run.waves.filter(number__gt=wave.number).exists()
        if self.overspent:
            self._judge(wave, WaveState.STOPPED, code=SPENT, detail=self.overspent)
        elif more and self.strategy.waits_for_a_person(wave.number):
            wave_moves(wave, WaveState.WAITING, gate_until=database_time_plus(self.strategy.gate_timeout_s))
            audit_run(self.run, "wave.waits", actor=DISPATCHER, wave=wave.number, gate_role=self.strategy.gate_role)
            tell_gate_waits(self.change, wave, self.strategy.gate_role)
        elif more and self._proved_nothing(wave):
            detail = f"No device of {wave.name} has the change, so it has shown nothing."
            self._judge(wave, WaveState.HELD, code=UNPROVED, detail=detail)
            detail = f"{detail} Whoever resumes the run lets it go on without that proof."
            pause(self.change, self.run, actor=DISPATCHER, code=UNPROVED, detail=detail)
        else:
            self._judge(wave, WaveState.HELD)

    def _proved_nothing(self, wave: Wave) -> bool:
        """Whether it is a canary of which no device was tried here, nor has the change from an earlier run of the plan.

        Of devices that failed here a person has decided already.
        """
        if not self.strategy.canary or wave.number != CANARY:
            return False
        of_canary = DeviceRun.objects.filter(run__revision=self.run.revision_id, wave__number=CANARY)
        tried = wave.device_runs.exclude(state=DeviceRunState.SKIPPED)
        return not tried.exists() and not of_canary.filter(state=DeviceRunState.SUCCEEDED).exists()

    def _judge(self, wave: Wave, state: WaveState, *, code: str = "", detail: str = "") -> None:
        if self.run.abort:
            code, detail = self.run.code, self.run.detail
        wave_moves(wave, state, code=code, detail=detail, judged_at=Now())
        audit_run(self.run, f"wave.{state.value}", actor=DISPATCHER, wave=wave.number, code=code, reason=detail)

    def _abort(self, code: str, detail: str) -> None:
        abort(self.change, self.run, InFlight.FINISH, actor=DISPATCHER, code=code, detail=detail)


def is_past(wave: Wave, moment: str, *, plus_s: float = 0) -> bool:
    """Whether a time of the wave, and so many seconds, are over by the database's clock: hosts may disagree."""
    return Wave.objects.filter(pk=wave.pk, **{f"{moment}__lte": database_time_plus(-plus_s)}).exists()
