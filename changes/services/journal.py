"""The write-ahead journal of one device run: every step is on record before it is taken, and again when it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from audit.actor import Actor
from audit.body import clean_text, clip
from audit.recorder import record
from changes.domain.orders import KILL_SWITCH_ENGAGED, RUN_ABORTED, RUN_PAUSED, WORKER_STOPPING, SafePoint, at_step
from changes.domain.run_states import DEVICE_ENDED, DeviceRunState, RunState, check_device_step
from changes.domain.strategy import InFlight
from changes.models import DeviceRun, Run, RunStep, StepOutcome
from changes.services.kill_switch import engaged_now
from devices.errors import DeviceError, LeaseLostError
from devices.services.claims import Claim, database_time_plus, fenced_update, release
from devices.services.draining import is_draining
from devices.services.scrubbing import Scrubber

WORKER = Actor.system("worker")

_LOST: Final = "This worker's lease has ended; another worker carries on with the device."
_KILLED: Final = "The kill switch is engaged, so nothing begins to write to this device."


@dataclass
class StepNotes:
    """What a step learned; it is stored when the step ends. Put redacted text only."""

    data: dict[str, object] = field(default_factory=dict)
    transcript: str = ""
    outcome: StepOutcome = StepOutcome.OK
    code: str = ""
    detail: str = ""

    def fail(self, code: str, detail: str) -> None:
        """Mark the step as failed without an exception, since its caller goes on by itself."""
        self.outcome, self.code, self.detail = StepOutcome.FAILED, code, detail


class StepStopError(Exception):
    """A step ended the straight way through a device run; ``code`` is a reason code, ``detail`` a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class BlockedError(StepStopError):
    """A gate refused the device before anything was written."""


class BackoutNeededError(StepStopError):
    """Something was, or may have been, written, and it must be taken back."""


class OrderedStopError(StepStopError):
    """An order stopped the device before its next step, and nothing of the change is on it: ``way`` is hold or skip."""

    def __init__(self, way: SafePoint, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.way = way


class LineStoppedError(StepStopError):
    """An order kept the next line from being sent. The session is closed, so the device is read back on a new one."""


class Journal:
    """Writes one claimed device run's states, steps and audit events, each in a small transaction of its own.

    Every method raises :class:`LeaseLostError` when the claim no longer holds; then nothing was written and the
    worker must not touch the device again. Texts are masked and made fit for the database here, once for all: devices
    quote lines with secrets in their error messages, and send characters that PostgreSQL refuses.
    """

    def __init__(self, claim: Claim, scrub: Scrubber | None = None) -> None:
        self.claim = claim
        self.state: DeviceRunState | None = None
        """The step that was entered last under this claim."""
        self.ended: DeviceRunState | None = None
        """How the run ended under this claim; None as long as it goes on."""
        self._scrub = scrub or Scrubber.load()
        self._seen: DeviceRun | None = None
        self._open_step = 0

    @contextmanager
    def step(self, state: DeviceRunState) -> Iterator[StepNotes]:
        """Enter ``state``, run the body, and store how it ended; a failure is stored and raised again."""
        step_id = self._open_step = self._enter(state)
        notes = StepNotes()
        try:
            yield notes
        except (DeviceError, StepStopError) as error:
            notes.fail(error.code, str(error))
            self._end(step_id, notes)
            raise
        self._end(step_id, notes)

    def line(self, *, sent: int, applied: int) -> None:
        """Record that ``sent`` lines were sent in all and ``applied`` of them were acknowledged."""
        fenced_update(DeviceRun, self.claim, lines_sent=sent, lines_applied=applied)

    def before_line(self, *, sent: int, applied: int, first: bool) -> None:
        """A safe point: record that a line is about to leave, unless an order keeps it back. One query.

        ``sent`` counts it already; ``first``: no line of this attempt has left yet. An abort with "back out" stops any
        line. The kill switch only stops the first: a device with a part of a change is brought to a known end.

        Raises:
            LineStoppedError: nothing was recorded, and the line must not be sent.
            LeaseLostError: the lease is lost, or this process was stopped meanwhile for about as long as a lease.
        """
        began = time.monotonic()
        backs_out = Run.objects.filter(pk=OuterRef("run"), abort=InFlight.BACK_OUT)
        rows = DeviceRun.objects.filter(~Exists(backs_out))
        if first:
            rows = rows.filter(~engaged_now())
        held = rows.filter(pk=self.claim.row_id, owner=self.claim.owner, fence=self.claim.fence)
        if not held.update(lines_sent=sent, lines_applied=applied, lease_until=_next_lease()):
            with transaction.atomic():
                raise LineStoppedError(*_order(self._locked()))
        self.refuse_late(began)

    def intend(self, notes: StepNotes) -> None:
        """Put on record what the open step is about to send to take the device back, before anything of it leaves.

        Who finds the step without an end knows from it what was under way. The lines are counted from 0 again.
        """
        began = time.monotonic()
        with transaction.atomic():
            fenced_update(DeviceRun, self.claim, backout_sent=0, backout_applied=0, lease_until=_next_lease())
            RunStep.objects.filter(pk=self._open_step).update(data=self._value(notes.data))
        self.refuse_late(began)

    def before_backout_line(self, *, sent: int, applied: int, begins: bool) -> None:
        """Record that a line of a way back is about to leave. One query.

        ``begins``: nothing of an ordered rollback has left yet, so the kill switch keeps it back. Once it has begun,
        the device is brought to a known end.

        Raises:
            LineStoppedError: nothing was recorded, and the line must not be sent.
            LeaseLostError: the lease is lost, or this process was stopped meanwhile for about as long as a lease.
        """
        began = time.monotonic()
        rows = DeviceRun.objects.filter(~engaged_now()) if begins else DeviceRun.objects.all()
        held = rows.filter(pk=self.claim.row_id, owner=self.claim.owner, fence=self.claim.fence)
        if not held.update(backout_sent=sent, backout_applied=applied, lease_until=_next_lease()):
            with transaction.atomic():
                self._locked()
            raise LineStoppedError(KILL_SWITCH_ENGAGED, _KILLED)
        self.refuse_late(began)

    def backout_line(self, *, sent: int, applied: int) -> None:
        """Record that ``applied`` of the ``sent`` lines of a way back were acknowledged."""
        fenced_update(DeviceRun, self.claim, backout_sent=sent, backout_applied=applied)

    def refuse_late(self, began: float) -> None:
        """Stop a worker that is late with what it asked leave for at ``began``, when its lease was extended.

        It was stopped, or starved, for so long that its lease may have ended, and another worker may have read the
        device back. The database cannot be asked about the instant in which a line leaves, but this process's monotonic
        clock can, which goes on while the process is stopped.

        Raises:
            LeaseLostError: three quarters of a lease are over, as for a heartbeat.
        """
        if time.monotonic() - began > settings.COUNTERSIGN_LEASE_S * 0.75:
            raise LeaseLostError("This worker stood still for too long; another worker may carry on with the device.")

    def safe_point(self, state: DeviceRunState) -> None:
        """Stop as if ``state`` were about to be entered; for a step that takes long, before what cannot be taken back.

        Raises:
            BackoutNeededError, OrderedStopError: an order says so.
        """
        with transaction.atomic():
            _obey(self._locked(), state)

    def note(self, **values: object) -> None:
        """Store facts about the run, such as its snapshots or its drift, without changing its state."""
        fenced_update(DeviceRun, self.claim, **values)

    @transaction.atomic
    def end(self, state: DeviceRunState, *, code: str = "", detail: str = "") -> None:
        """Move the run to one of its ends and give the claim up."""
        run, detail = self._locked(), self._text(detail)
        self._move(run, state, code=code, detail=detail)
        fenced_update(
            DeviceRun,
            self.claim,
            code=code,
            detail=detail,
            ended_at=Now(),
            owner=None,
            lease_until=None,
        )
        self.ended = state

    def assert_held(self) -> None:
        """Extend the lease right before something is sent; stop the worker when it has gone to somebody else."""
        began = time.monotonic()
        fenced_update(DeviceRun, self.claim, lease_until=_next_lease())
        self.refuse_late(began)

    @transaction.atomic
    def give_up(self, *, code: str, detail: str) -> None:
        """End a run whose device cannot be read back as *unknown*: people must look at it."""
        run = self._locked()
        if run.state != DeviceRunState.RECONCILING:
            self._move(run, DeviceRunState.RECONCILING)
        self.end(DeviceRunState.UNKNOWN, code=code, detail=detail)

    @transaction.atomic
    def hand_back(
        self, state: DeviceRunState, *, wait_s: float, code: str = "", detail: str = "", tried: bool = True
    ) -> None:
        """Return the run to *pending* or *reconciling*, to be claimed again after ``wait_s`` seconds.

        Code and detail say meanwhile what it waits for. ``tried=False``: nothing was attempted. Of an aborted run, what
        would begin again is skipped.
        """
        run, detail = self._locked(), self._text(detail)
        if state is DeviceRunState.PENDING and run.run.abort:
            # It would begin again, and an aborted run begins nothing.
            self.end(DeviceRunState.SKIPPED, code=run.run.code or RUN_ABORTED, detail=run.run.detail)
            return
        if run.state != state:
            self._move(run, state, code=code, detail=detail)
        release(DeviceRun, self.claim, wait_s=wait_s, tried=tried, code=code, detail=detail)

    @transaction.atomic
    def _enter(self, state: DeviceRunState) -> int:
        run = self._locked()
        _obey(run, state)
        if run.state != state:
            self._move(run, state)
        if run.started_at is None or run.code:
            # It waits for nothing any more.
            fenced_update(DeviceRun, self.claim, started_at=run.started_at or Now(), code="", detail="")
        self.state = state
        last = run.steps.aggregate(last=Max("sequence"))["last"] or 0
        return RunStep.objects.create(device_run=run, sequence=last + 1, name=state, fence=self.claim.fence).pk

    @transaction.atomic
    def _end(self, step_id: int, notes: StepNotes) -> None:
        if not self._held().values_list("pk"):
            raise LeaseLostError(_LOST)
        RunStep.objects.filter(pk=step_id).update(
            ended_at=Now(),
            outcome=notes.outcome,
            code=notes.code,
            detail=self._text(notes.detail),
            data=self._value(notes.data),
            transcript=clip(clean_text(notes.transcript)),
        )

    def _text(self, text: str) -> str:
        return self._scrub.prose(clean_text(text))

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {name: self._value(item) for name, item in value.items()}
        return [self._value(item) for item in value] if isinstance(value, list | tuple) else value

    def _locked(self) -> DeviceRun:
        """The row with its run, as they are now; change and device only as they were when this claim first looked."""
        rows = self._held().annotate(killed=engaged_now())
        if self._seen is None:
            # Read once for each claim; a change's content may have 256 KiB.
            rows = rows.select_related("run__change", "device").defer("run__change__content", "run__change__variables")
        else:
            rows = rows.select_related("run")
        run = next(iter(rows), None)
        if run is None:
            raise LeaseLostError(_LOST)
        if self._seen is None:
            self._seen = run
        run.device, run.run.change = self._seen.device, self._seen.run.change
        return run

    def _held(self) -> QuerySet[DeviceRun]:
        """The row while it is ours, locked; unordered, since to order costs Django more than PostgreSQL."""
        ours = DeviceRun.objects.filter(pk=self.claim.row_id, owner=self.claim.owner, fence=self.claim.fence)
        return ours.select_for_update(of=("self",)).order_by()

    def _move(self, run: DeviceRun, state: DeviceRunState, *, code: str = "", detail: str = "") -> None:
        before = DeviceRunState(run.state)
        check_device_step(before, state)
        fenced_update(DeviceRun, self.claim, state=state)
        audit_device_run(run, actor=WORKER, state_from=before, state_to=state, code=code, reason=detail)
        run.state = state


def _next_lease() -> Combinable:
    return database_time_plus(settings.COUNTERSIGN_LEASE_S)


def _obey(run: DeviceRun, entering: DeviceRunState) -> None:
    """Stop a device where an order says so, before it enters its next step.

    Raises:
        BackoutNeededError: what was written is to be taken back.
        OrderedStopError: nothing was written, and nothing shall be.
    """
    paused = run.run.state == RunState.PAUSED
    way = at_step(entering, paused=paused, abort=run.run.abort, killed=_killed(run), draining=is_draining())
    if way is SafePoint.GO:
        return
    code, detail = _order(run)
    if way is SafePoint.BACK_OUT:
        raise BackoutNeededError(code, detail)
    raise OrderedStopError(way, code, detail)


def _killed(run: DeviceRun) -> bool:
    """Whether the kill switch was engaged when the row was locked."""
    return bool(getattr(run, "killed", False))


def _order(run: DeviceRun) -> tuple[str, str]:
    """The code and the sentence of the order that stops a device."""
    if run.run.abort:
        return RUN_ABORTED, run.run.detail or "The run was aborted."
    if _killed(run):
        return KILL_SWITCH_ENGAGED, _KILLED
    if run.run.state == RunState.PAUSED:
        return RUN_PAUSED, "The run is paused, so this device was not begun."
    return WORKER_STOPPING, "The worker that had this device is being stopped; another one begins it anew."


def audit_device_run(
    run: DeviceRun,
    *,
    actor: Actor,
    state_from: str,
    state_to: str,
    code: str = "",
    reason: str = "",
    details: Mapping[str, object] | None = None,
    action: str = "",
) -> None:
    """Write the audit event of a device run's transition, in the caller's transaction."""
    ended = DeviceRunState(state_to) in DEVICE_ENDED
    record(
        actor=actor,
        action=action or ("device_run.ended" if ended else "device_run.step_entered"),
        object_type="device_run",
        object_id=run.pk,
        object_label=f"{run.run.change.number} on {run.device.name}",
        change_id=run.run.change_id,
        device_id=run.device_id,
        state_from=state_from,
        state_to=state_to,
        code=code,
        reason=reason,
        details={
            "fence": run.fence,
            "plan_digest": run.plan_digest,
            "lines_sent": run.lines_sent,
            "lines_applied": run.lines_applied,
            **({"backout_sent": run.backout_sent, "backout_applied": run.backout_applied} if run.backout_sent else {}),
            **({"drift": run.drift} if run.drift else {}),
            **(details or {}),
        },
    )
