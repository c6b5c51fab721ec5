"""After a lost worker or session: read the device back, and only then decide what is true and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db.models import Max

from changes.domain.reasons import reason
from changes.domain.run_states import DeviceRunState
from changes.models import RunStep, StepOutcome
from changes.services.committing import ENOUGH_S, found_pending, set_target, waiting
from changes.services.device_steps import is_part_of_change, named, prove_identity
from changes.services.device_work import DeviceWork
from changes.services.journal import BackoutNeededError, BlockedError, StepNotes
from devices.domain.config_text import normalise
from devices.domain.drift import converged, touched_sections
from devices.domain.prediction import predict
from devices.drivers.base import Driver, PendingConfirm
from devices.errors import (
    ConnectionLostError,
    DeviceBusyError,
    DeviceError,
    DeviceTimeoutError,
    UnreachableError,
)
from devices.models import SnapshotPurpose
from devices.services.snapshots import snapshot_store

TRIES: Final = 3
"""How often lines are sent where none was taken, and how often a verification may break, before it is given up."""
BACKOUT_TRIES: Final = 5
LONGEST_WAIT_S: Final = 60
"""Between two attempts to read a device back that has not come back yet, or whose commit waits to be confirmed."""

_OUT_OF_REACH: Final = (UnreachableError.code, ConnectionLostError.code, DeviceTimeoutError.code)

_S = DeviceRunState


def reconcile(work: DeviceWork, driver: Driver) -> bool:
    """Find out what a lost worker left behind.

    Equal to the target: applied, True, and verification goes on, unless it has broken too often. Equal to the
    configuration before: not applied; the run starts again, a bounded number of times, or ends. A part of the
    change: it is backed out from what is there, and so is whatever a backout was under way for.

    Raises:
        BackoutNeededError: a part of the change, or an unfinished backout, is on the device.
        BlockedError: what is there fits neither; the run ends as *unknown* and people decide.
    """
    with work.step(_S.RECONCILING, driver) as notes:
        prove_identity(work, driver, notes)
        pending = found_pending(work, driver)
        actual = normalise(driver.running_config(), work.platform)
        stored = snapshot_store(device=work.run.device, text=actual, purpose=SnapshotPurpose.RECOVERY)
        work.journal.note(after=stored)
        set_target(work)
        finding = _finding(work, actual)
        notes.data.update(finding=finding, after_sha256=stored.blob_id)
        if pending is not None:
            _decide_pending(work, pending, finding, notes)
        if finding == "unknown":
            where = named(work, touched_sections(work.target, actual, work.platform))
            raise BlockedError(
                "CONVERGENCE_AMBIGUOUS",
                "After the session was lost, the device shows neither the configuration before nor the approved one,"
                f" nor a part of the change. It differs from the approved one at: {where}. Two people must decide.",
            )
    cause = _cause(work)
    if finding == "partial" or cause.backing_out or (finding == "applied" and _breaks_too_often(work)):
        raise BackoutNeededError(cause.code, cause.detail)
    if finding == "applied":
        return True
    _not_applied(work, cause)
    return False


def _decide_pending(work: DeviceWork, pending: PendingConfirm, finding: str, notes: StepNotes) -> None:
    """A commit of this run still waits: what is on the device now is no proof of what it will have.

    The whole change with time enough left is verified and confirmed by its name; anything else is waited out.

    Raises:
        DeviceBusyError: the run waits until the device has taken the commit back.
    """
    notes.data["confirm"] = {"name": pending.name, "left_s": pending.left_s}
    backing_out = work.steps(_S.BACKING_OUT).last()
    enough = pending.left_s is not None and pending.left_s >= ENOUGH_S
    if finding == "applied" and enough and backing_out is None and not _breaks_too_often(work):
        work.pending = pending
    elif backing_out is None or backing_out.code == DeviceBusyError.code:
        # a backout has tried already to have it taken back at once, which this platform cannot
        raise waiting(pending)


def readings_in_a_row(work: DeviceWork) -> int:
    """How many workers were to read the device back since something else was last done with it; this one counts."""
    last = work.all_steps().exclude(name=_S.RECONCILING).aggregate(last=Max("sequence"))
    # Connecting and reading are steps of their own; each claim has one fence.
    readings = work.steps(_S.RECONCILING).filter(sequence__gt=last["last"] or 0)
    return readings.order_by().values("fence").distinct().count()


def most_readings(work: DeviceWork, error: DeviceError) -> int:
    """How many readings in a row may fail: more while a commit waits for its confirmation, until its time is over."""
    waits = work.payload.confirm_within_s // LONGEST_WAIT_S if isinstance(error, DeviceBusyError) else 0
    return settings.COUNTERSIGN_RECONCILE_ATTEMPTS + waits


def is_hopeless(work: DeviceWork, error: DeviceError) -> bool:
    """Whether another attempt to read a device back is no use: it is refused for good, or has failed too often."""
    if work.steps(_S.BACKING_OUT).filter(outcome=StepOutcome.FAILED).count() >= BACKOUT_TRIES:
        return True
    if work.journal.state is not _S.RECONCILING:
        return False
    return error.permanent or readings_in_a_row(work) >= most_readings(work, error)


def _finding(work: DeviceWork, actual: str) -> str:
    if actual == work.before:
        return "not applied"
    if converged(work.target, actual, work.platform):
        return "applied"
    return "partial" if is_part_of_change(work, actual) else "unknown"


@dataclass(frozen=True, slots=True)
class _Cause:
    """Why the device is being read back: how the last step before ended."""

    code: str
    detail: str
    backing_out: bool


def _cause(work: DeviceWork) -> _Cause:
    backing_out = work.steps(_S.BACKING_OUT).exists()
    others = work.all_steps().exclude(name__in=[_S.RECONCILING, _S.BACKING_OUT])
    broken = others.exclude(outcome__in=["", StepOutcome.OK]).order_by("-sequence").first()
    if broken and broken.outcome == StepOutcome.FAILED:
        return _Cause(broken.code, broken.detail, backing_out)
    detail = "The worker was lost in the middle of this device. What it had applied was taken back."
    return _Cause("LEASE_LOST", detail, backing_out)


def _breaks_too_often(work: DeviceWork) -> bool:
    """The change is on the device, but time after time it cannot be verified or saved."""
    return work.steps(_S.VERIFYING, _S.SAVING).filter(outcome=StepOutcome.FAILED).count() >= TRIES


def _not_applied(work: DeviceWork, cause: _Cause) -> None:
    taken = work.payload.commands if _was_seen(work) else work.payload.commands[: work.run.lines_applied]
    if taken and _target_of(work, taken) != work.before:
        why = "its commit was not confirmed in time" if work.payload.confirm_within_s else "as by a restart"
        detail = (
            f"The device had taken {len(taken)} lines and has lost them again, {why}: it is as it was before"
            f" the change. Find out why before you try again. {cause.detail}"
        )
        work.journal.end(_S.ROLLED_BACK, code=cause.code, detail=detail)
        return
    if _may_have_cut_the_path(work):
        detail = (
            "After the commit was sent the device could not be reached until it was as before the change: its timer"
            f" took the commit back. The change may have cut the way to it, so it is not sent again. {cause.detail}"
        )
        work.journal.end(_S.ROLLED_BACK, code=cause.code, detail=detail)
        return
    tries = work.steps(_S.APPLYING).count()
    if reason(cause.code).permanent or tries >= TRIES:
        attempts = "one attempt" if tries == 1 else f"{tries} attempts"
        detail = f"No line was applied in {attempts}. {cause.detail}"
        work.journal.end(_S.FAILED, code=cause.code, detail=detail)
        return
    work.journal.hand_back(
        _S.PENDING, wait_s=settings.COUNTERSIGN_RECONNECT_WAIT_S, code=cause.code, detail=cause.detail
    )


def _was_seen(work: DeviceWork) -> bool:
    """Whether the change was read back from the device in this attempt, though nobody had heard that it took it."""
    return work.steps(_S.RECONCILING).filter(data__finding="applied").exists()


def _may_have_cut_the_path(work: DeviceWork) -> bool:
    """Whether a commit under a timer was sent, its answer was lost, and then the device could not be reached."""
    sent = work.steps(_S.APPLYING).last()
    if not work.payload.confirm_within_s or not work.run.lines_sent or sent is None:
        return False
    return was_out_of_reach(work, sent)


def was_out_of_reach(work: DeviceWork, sent: RunStep) -> bool:
    """Whether the session was lost in a step, and the device could not be reached again for a while."""
    readings = work.steps(_S.RECONCILING).filter(sequence__gt=sent.sequence, outcome=StepOutcome.FAILED)
    return sent.code in _OUT_OF_REACH and readings.filter(code__in=_OUT_OF_REACH).exists()


def _target_of(work: DeviceWork, taken: tuple[str, ...]) -> str:
    """What the lines that the device took would have led to."""
    if work.payload.diff_source == "device":
        return work.target
    return predict(work.before, taken, work.platform)
