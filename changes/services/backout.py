"""Taking one device back to where it was before the first line, and proving that it is there."""

from __future__ import annotations

from collections.abc import Sequence

from changes.domain.run_states import DeviceRunState
from changes.services.committing import (
    Timer,
    replace_back,
    send_back,
    take_back_at_once,
    take_back_pending,
    timer_of,
)
from changes.services.device_steps import lost_before_save, named, store_after
from changes.services.device_work import DeviceWork, sha256_hex
from changes.services.journal import BackoutNeededError, StepNotes, StepStopError
from devices.domain.config_text import normalise
from devices.domain.drift import converged, touched_sections
from devices.domain.inverse import inverse_commands
from devices.domain.prediction import predict
from devices.drivers.base import Driver, PendingConfirm
from devices.errors import CapabilityMissingError, CommandRejectedError, SaveFailedError

_S = DeviceRunState


class BackoutFailedError(StepStopError):
    """The device could not be taken back, or it cannot be proved; people must look at it."""


def back_out(work: DeviceWork, driver: Driver, problem: BackoutNeededError) -> None:
    """Take the device back, verify it as text against the configuration before, and end the run with the first cause.

    After the whole change the approved backout is sent; after a part of it, the inverse of what is there, and
    only where the plan had touched the device. Nothing is saved, since what the device starts with was never changed;
    unless a save had begun, for then it may have been.
    """
    try:
        with work.step(_S.BACKING_OUT, driver) as notes:
            notes.data["cause"] = {"code": problem.code, "detail": problem.detail}
            _restore(work, driver, notes)
    except BackoutFailedError as failure:
        detail = f"{problem.detail} Then the backout failed: {failure.detail}"
        work.journal.end(_S.ROLLBACK_FAILED, code=failure.code, detail=detail)
    else:
        work.journal.end(_S.ROLLED_BACK, code=problem.code, detail=problem.detail)


def _restore(work: DeviceWork, driver: Driver, notes: StepNotes) -> None:
    if take_back_pending(work, driver):
        notes.data["timer"] = "the unconfirmed commit was taken back at once"
    actual = normalise(driver.running_config(), work.platform)
    timer = timer_of(work, driver)
    pending: PendingConfirm | None = None
    if work.payload.backout_method == "replace":
        actual, pending = _replace(work, driver, actual, notes, timer)
        commands: Sequence[str] = ()
    else:
        commands = _backout_commands(work, actual, notes)
    notes.data["lines"] = len(commands)
    if commands:
        work.journal.intend(notes)
        result = send_back(work, driver, commands, timer)
        pending = result.pending
        if result.rejection:
            take_back_at_once(work, driver, pending)
            store_after(work, normalise(driver.running_config(), work.platform))
            refused = f"“{work.scrub(result.rejection.line)}”: {work.scrub(result.rejection.message)}"
            raise BackoutFailedError("ROLLBACK_UNVERIFIED", f"the device refused {refused}")
        actual = normalise(driver.running_config(), work.platform)
    stored = store_after(work, actual)
    notes.data["after_sha256"] = stored.blob_id
    if actual != work.before:
        where = named(work, touched_sections(work.before, actual, work.platform))
        detail = f"the configuration read back is not the one from before the change. It differs at: {where}."
        if take_back_at_once(work, driver, pending):
            store_after(work, normalise(driver.running_config(), work.platform))
            detail += " The unconfirmed backout was taken back, so the change is on the device."
        raise BackoutFailedError("ROLLBACK_UNVERIFIED", detail)
    if pending is not None:
        work.journal.assert_held()
        driver.confirm(pending.name)
        notes.data["confirmed"] = True
    if _may_be_saved(work):
        _save(work, driver, notes)


def _replace(
    work: DeviceWork, driver: Driver, actual: str, notes: StepNotes, timer: Timer
) -> tuple[str, PendingConfirm | None]:
    """Make the configuration the one from before the first line, and read it back: a replacement may fail silently."""
    if actual == work.before:
        notes.data["source"] = "nothing to take back"
        return actual, None
    _refuse_conflict(work, touched_sections(actual, work.before, work.platform))
    notes.data.update(source="replacement of the whole configuration", baseline_sha256=sha256_hex(work.before))
    work.journal.intend(notes)
    try:
        pending = _replaced(work, driver, notes, timer)
    except (CommandRejectedError, CapabilityMissingError, SaveFailedError) as error:
        store_after(work, normalise(driver.running_config(), work.platform))
        raise BackoutFailedError(
            "ROLLBACK_UNVERIFIED", f"the configuration could not be replaced: {error.detail}"
        ) from error
    return normalise(driver.running_config(), work.platform), pending


def _replaced(work: DeviceWork, driver: Driver, notes: StepNotes, timer: Timer) -> PendingConfirm | None:
    """Replace under the timer; a device that refuses that, as one with a full disk, is taken back without it."""
    try:
        return replace_back(work, driver, work.before, timer)
    except CommandRejectedError:
        if not timer:
            raise
        notes.data["timer"] = "the device refused it, so the backout was sent without"
        return replace_back(work, driver, work.before, {})


def _may_be_saved(work: DeviceWork) -> bool:
    """Whether a save was begun of which the device did not say that it failed."""
    return work.steps(DeviceRunState.SAVING).exclude(code="SAVE_FAILED").exists()


def _save(work: DeviceWork, driver: Driver, notes: StepNotes) -> None:
    work.journal.assert_held()
    try:
        driver.save()
    except SaveFailedError as error:
        raise BackoutFailedError(
            "ROLLBACK_UNVERIFIED",
            "the device is as before, but the change may have been saved, and the device could not save again:"
            f" {error.message}. A restart may bring the change back.",
        ) from error
    where = lost_before_save(work, driver, work.before)
    if where:
        raise BackoutFailedError(
            "ROLLBACK_UNVERIFIED",
            f"when it saved, the device no longer had the configuration before, as after a restart: {where}.",
        )
    notes.data["saved"] = "the configuration before, since the change may have been saved"


def _backout_commands(work: DeviceWork, actual: str, notes: StepNotes) -> Sequence[str]:
    if actual == work.before:
        notes.data["source"] = "nothing to take back"
        return ()
    if converged(work.target, actual, work.platform) and work.before == work.baseline:
        notes.data["source"] = "approved backout"
        return work.payload.backout
    # After a part of the change, the approved backout would send lines about what was never applied.
    notes.data["source"] = "recomputed from the actual configuration"
    recomputed = inverse_commands(work.before, actual, work.platform)
    _refuse_conflict(work, touched_sections(actual, predict(actual, recomputed, work.platform), work.platform))
    return recomputed


def _refuse_conflict(work: DeviceWork, taken_back: frozenset[tuple[str, ...]]) -> None:
    """Stop where taking the device back would undo what somebody else did outside of the plan's sections."""
    elsewhere = taken_back - touched_sections(work.before, work.target, work.platform)
    if elsewhere:
        raise BackoutFailedError(
            "ROLLBACK_CONFLICT",
            f"the device was also changed elsewhere meanwhile ({named(work, elsewhere)}); taking it back would undo"
            " somebody else's work.",
        )
