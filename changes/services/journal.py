"""The write-ahead journal of one device run: every step is on record before it is taken, and again when it ended."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypedDict, Unpack

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from audit.body import clean_text, clip
from changes.domain.orders import KILL_SWITCH_ENGAGED, RUN_ABORTED, RUN_PAUSED, WORKER_STOPPING, SafePoint, at_step
from changes.domain.run_states import DeviceRunState, check_device_step
from changes.domain.strategy import InFlight
from changes.models import DeviceRun, RunStep, StepOutcome
from changes.services.device_events import transition_values
from changes.services.journal_writes import ALL_ORDERS, Orders, Standing, StepEnd, Write, column_of, write
from devices.errors import DeviceError, LeaseLostError
from devices.services.claims import Claim, release
from devices.services.draining import is_draining
from devices.services.scrubbing import Scrubber

_S = DeviceRunState
_STRAIGHT: Final = frozenset(
    {_S.CONNECTING, _S.CHECKING, _S.SNAPSHOTTING, _S.APPLYING, _S.AWAITING_CONFIRM, _S.VERIFYING, _S.SAVING}
)
"""Steps after which another write follows at once when they end well."""
_LEAVE_FOR_LINE: Final = tuple(orders for orders in ALL_ORDERS if orders.abort != InFlight.BACK_OUT)
_LEAVE_FOR_FIRST_LINE: Final = tuple(orders for orders in _LEAVE_FOR_LINE if not orders.killed)
_LEAVE_TO_BEGIN_BACK: Final = tuple(orders for orders in ALL_ORDERS if not orders.killed)
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


class _MoveParts(TypedDict, total=False):
    """Parts of a write that moves the run; see :class:`changes.services.journal_writes.Write`."""

    enters: DeviceRunState
    leave: Collection[Orders] | None
    renews: bool
    frees: bool
    starts: bool


class _Parts(_MoveParts, total=False):
    """Parts of any write."""

    event: Collection[object]


class Journal:
    """Writes one claimed device run's states, steps and audit events, each in one statement.

    Every method that writes raises :class:`LeaseLostError` when the claim no longer holds; then nothing was written and
    the worker must not touch the device again. As long as it holds, nobody else writes to the row, so what is known of
    it is not read again. That a step of the straight way ended well, and what is noted, waits for the write that comes
    next anyway: the intent of the next step, a line, or the end. Texts are masked and made fit for the database here,
    once for all: devices quote lines with secrets in their error messages, and send characters that PostgreSQL refuses.
    """

    def __init__(self, claim: Claim, scrub: Scrubber | None = None, run: DeviceRun | None = None) -> None:
        """``run``: the row as it was read under this claim, with its run, change and device."""
        self.claim = claim
        self.state: DeviceRunState | None = None
        """The step that was entered last under this claim."""
        self.ended: DeviceRunState | None = None
        """How the run ended under this claim; None as long as it goes on."""
        self._scrub = scrub or Scrubber.load()
        self._run = run
        self._open_step = 0
        self._step_end: StepEnd | None = None
        self._noted: dict[str, object] = {}

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
        self._write({"lines_sent": sent, "lines_applied": applied})

    def before_line(self, *, sent: int, applied: int, first: bool) -> None:
        """A safe point: record that a line is about to leave, unless an order keeps it back.

        ``sent`` counts it already; ``first``: no line of this attempt has left yet. An abort with "back out" stops any
        line. The kill switch only stops the first: a device with a part of a change is brought to a known end.

        Raises:
            LineStoppedError: nothing was recorded, and the line must not be sent.
            LeaseLostError: the lease is lost, or this process was stopped meanwhile for about as long as a lease.
        """
        began = time.monotonic()
        leave = _LEAVE_FOR_FIRST_LINE if first else _LEAVE_FOR_LINE
        standing = self._write({"lines_sent": sent, "lines_applied": applied}, leave=leave, renews=True)
        if not standing.went:
            raise LineStoppedError(*_order(standing))
        self.refuse_late(began)

    def intend(self, notes: StepNotes) -> None:
        """Put on record what the open step is about to send to take the device back, before anything of it leaves.

        Who finds the step without an end knows from it what was under way. The lines are counted from 0 again.
        """
        began = time.monotonic()
        with transaction.atomic():
            self._write({"backout_sent": 0, "backout_applied": 0}, renews=True)
            RunStep.objects.filter(pk=self._open_step).update(data=self._value(notes.data))
        self.refuse_late(began)

    def before_backout_line(self, *, sent: int, applied: int, begins: bool) -> None:
        """Record that a line of a way back is about to leave.

        ``begins``: nothing of an ordered rollback has left yet, so the kill switch keeps it back. Once it has begun,
        the device is brought to a known end.

        Raises:
            LineStoppedError: nothing was recorded, and the line must not be sent.
            LeaseLostError: the lease is lost, or this process was stopped meanwhile for about as long as a lease.
        """
        began = time.monotonic()
        leave = _LEAVE_TO_BEGIN_BACK if begins else None
        standing = self._write({"backout_sent": sent, "backout_applied": applied}, leave=leave, renews=True)
        if not standing.went:
            raise LineStoppedError(KILL_SWITCH_ENGAGED, _KILLED)
        self.refuse_late(began)

    def backout_line(self, *, sent: int, applied: int) -> None:
        """Record that ``applied`` of the ``sent`` lines of a way back were acknowledged."""
        self._write({"backout_sent": sent, "backout_applied": applied})

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
        _obey(self._write(), state, draining=is_draining())

    def note(self, **values: object) -> None:
        """Keep facts about the run, such as its snapshots or its drift, for the next write."""
        run = self._row()
        for name, value in values.items():
            setattr(run, name, value)
            self._noted[column_of(name)] = value.pk if isinstance(value, Model) else value

    def flush(self) -> None:
        """Write what waits for the next write, if anything does."""
        if self._noted or self._step_end is not None:
            self._write()

    def end(self, state: DeviceRunState, *, code: str = "", detail: str = "") -> None:
        """Move the run to one of its ends and give the claim up."""
        detail = self._text(detail)
        self._move(state, {"code": code, "detail": detail}, code=code, detail=detail, frees=True)
        self.ended = state

    def assert_held(self) -> None:
        """Extend the lease right before something is sent; stop the worker when it has gone to somebody else."""
        began = time.monotonic()
        self._write(renews=True)
        self.refuse_late(began)

    @transaction.atomic
    def give_up(self, *, code: str, detail: str) -> None:
        """End a run whose device cannot be read back as *unknown*: people must look at it."""
        if self._row().state != DeviceRunState.RECONCILING:
            self._move(DeviceRunState.RECONCILING, {})
        self.end(DeviceRunState.UNKNOWN, code=code, detail=detail)

    @transaction.atomic
    def hand_back(
        self, state: DeviceRunState, *, wait_s: float, code: str = "", detail: str = "", tried: bool = True
    ) -> None:
        """Return the run to *pending* or *reconciling*, to be claimed again after ``wait_s`` seconds.

        Code and detail say meanwhile what it waits for. ``tried=False``: nothing was attempted. Of an aborted run, what
        would begin again is skipped.
        """
        standing, detail = self._write(), self._text(detail)
        if state is DeviceRunState.PENDING and standing.abort:
            # It would begin again, and an aborted run begins nothing.
            self.end(DeviceRunState.SKIPPED, code=standing.code or RUN_ABORTED, detail=standing.detail)
            return
        if self._row().state != state:
            self._move(state, {}, code=code, detail=detail)
        release(DeviceRun, self.claim, wait_s=wait_s, tried=tried, code=code, detail=detail)

    def _enter(self, state: DeviceRunState) -> int:
        run, draining = self._row(), is_draining()
        leave = tuple(orders for orders in ALL_ORDERS if _way(state, orders, draining=draining) is SafePoint.GO)
        # It waits for nothing any more.
        columns = {"code": "", "detail": ""} if run.code or run.detail else {}
        if run.state == state:
            standing = self._write(columns, enters=state, leave=leave, starts=run.started_at is None)
        else:
            standing = self._move(state, columns, enters=state, leave=leave, starts=run.started_at is None)
        _obey(standing, state, draining=draining)
        run.started_at = run.started_at or timezone.now()
        self.state = state
        return standing.step_id or 0

    def _end(self, step_id: int, notes: StepNotes) -> None:
        detail, data = self._text(notes.detail), self._value(notes.data)
        transcript = clip(clean_text(notes.transcript))
        self._step_end = StepEnd(step_id, notes.outcome.value, notes.code, detail, data, transcript)
        if notes.outcome is not StepOutcome.OK or self.state not in _STRAIGHT:
            self._write()

    def _text(self, text: str) -> str:
        return self._scrub.prose(clean_text(text))

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {name: self._value(item) for name, item in value.items()}
        return [self._value(item) for item in value] if isinstance(value, list | tuple) else value

    def _row(self) -> DeviceRun:
        """The row with run, change and device as this claim found it, and with what was written under it since."""
        if self._run is None:
            ours = DeviceRun.objects.filter(pk=self.claim.row_id, owner=self.claim.owner, fence=self.claim.fence)
            # A change's content may have 256 KiB.
            rows = ours.select_related("run__change", "device").defer("run__change__content", "run__change__variables")
            self._run = rows.first()
            if self._run is None:
                raise LeaseLostError(_LOST)
        return self._run

    def _move(
        self,
        state: DeviceRunState,
        columns: Mapping[str, object],
        code: str = "",
        detail: str = "",
        **parts: Unpack[_MoveParts],
    ) -> Standing:
        run = self._row()
        before = DeviceRunState(run.state)
        check_device_step(before, state)
        event = transition_values(run, state_from=before, state_to=state, code=code, reason=detail)
        return self._write({"state": state.value, **columns}, event=event, **parts)

    def _write(self, columns: Mapping[str, object] | None = None, **parts: Unpack[_Parts]) -> Standing:
        """One statement, with all that waits for it.

        Raises:
            LeaseLostError: the claim does not hold any more; nothing was written.
        """
        columns = {**self._noted, **(columns or {})}
        standing = write(self.claim, Write(columns, ends=self._step_end, **parts))
        if standing is None:
            raise LeaseLostError(_LOST)
        self._step_end = None
        if standing.went:
            self._noted = {}
            for name, value in columns.items() if self._run else ():
                setattr(self._run, name, value)
        return standing


def _way(entering: DeviceRunState, orders: Orders | Standing, *, draining: bool) -> SafePoint:
    return at_step(entering, paused=orders.paused, abort=orders.abort, killed=orders.killed, draining=draining)


def _obey(standing: Standing, entering: DeviceRunState, *, draining: bool) -> None:
    """Stop a device where an order says so, before it enters its next step.

    Raises:
        BackoutNeededError: what was written is to be taken back.
        OrderedStopError: nothing was written, and nothing shall be.
    """
    way = _way(entering, standing, draining=draining)
    if way is SafePoint.GO:
        return
    code, detail = _order(standing)
    if way is SafePoint.BACK_OUT:
        raise BackoutNeededError(code, detail)
    raise OrderedStopError(way, code, detail)


def _order(standing: Standing) -> tuple[str, str]:
    """The code and the sentence of the order that stops a device."""
    if standing.abort:
        return RUN_ABORTED, standing.detail or "The run was aborted."
    if standing.killed:
        return KILL_SWITCH_ENGAGED, _KILLED
    if standing.paused:
        return RUN_PAUSED, "The run is paused, so this device was not begun."
    return WORKER_STOPPING, "The worker that had this device is being stopped; another one begins it anew."
