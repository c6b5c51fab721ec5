"""What happens between sending and saving where the device offers more than taking lines: all or nothing, timers.

A commit under a timer carries a name that is known before it is made, so that whoever finds it later knows whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from changes.domain.run_states import DeviceRunState
from changes.models import DeviceRun
from changes.services.device_work import DeviceWork, sha256_hex
from changes.services.journal import BackoutNeededError, BlockedError, LineStoppedError, StepStopError
from devices.domain.config_text import normalise
from devices.domain.drift import other_effect
from devices.domain.patching import PatchMismatchError, patched
from devices.domain.prediction import predict
from devices.domain.rules import rules_fingerprint
from devices.drivers.base import ApplyResult, Driver, PendingConfirm
from devices.errors import CapabilityMissingError, DeviceBusyError, NothingPendingError
from devices.models import ConfigBlob

_S = DeviceRunState
TARGET_ON_RECORD = "target_sha256"
ENOUGH_S = 20
"""With less than this left on its timer, a pending commit is not confirmed any more but waited out."""


class NothingWrittenError(StepStopError):
    """The device refused the change as a whole, and was read back to prove that nothing of it is there."""


class OtherEffectError(BlockedError):
    """On what the device has now, the approved lines would do something else than what was approved."""


def confirm_name(work: DeviceWork) -> str:
    """What this attempt's commit is confirmed by."""
    return f"{_own_prefix(work)}{work.journal.claim.fence}"


def _own_prefix(work: DeviceWork) -> str:
    return f"countersign-run-{work.run.pk}-"


def send(work: DeviceWork, driver: Driver) -> ApplyResult:
    """Send the approved lines, under the approved timer if there is one; each is counted before it leaves.

    An atomic driver announces all lines as one: before the commit none is applied, after it all are. That a line was
    taken is recorded together with the leave for the next one, and by itself where none follows.
    """
    work.assert_may_begin()
    commands = work.payload.commands
    atomic = driver.capabilities.atomic_commit

    def on_line(index: int, _line: str, phase: str) -> None:
        if phase == "done":
            if index + 1 == len(commands):
                work.journal.line(sent=index + 1, applied=index + 1)
            return
        # A line is counted before it leaves; a lost lease or an order stops the session here.
        applied = 0 if atomic else index
        try:
            work.journal.before_line(sent=index + 1, applied=applied, first=atomic or index == 0)
        except LineStoppedError:
            work.journal.line(sent=applied, applied=applied)
            raise

    within_s = work.payload.confirm_within_s
    if not within_s:
        return driver.apply(commands, on_line=on_line)
    return driver.apply(commands, on_line=on_line, confirm_within_s=within_s, name=confirm_name(work))


def send_back(
    work: DeviceWork, driver: Driver, commands: Sequence[str], timer: Timer, *, begins: bool = False
) -> ApplyResult:
    """Send lines that take the device back; each is counted before it leaves, as in `send`.

    ``begins``: they are the first of an ordered rollback, so the kill switch and missing seals hold them back.
    """
    if begins:
        work.assert_may_begin()
    atomic = driver.capabilities.atomic_commit

    def on_line(index: int, _line: str, phase: str) -> None:
        if phase == "done":
            if index + 1 == len(commands):
                work.journal.backout_line(sent=index + 1, applied=index + 1)
            return
        first = begins and (atomic or index == 0)
        work.journal.before_backout_line(sent=index + 1, applied=0 if atomic else index, begins=first)

    return driver.apply(commands, on_line=on_line, **timer)


def replace_back(
    work: DeviceWork, driver: Driver, wanted: str, timer: Timer, *, begins: bool = False
) -> PendingConfirm | None:
    """Replace the whole configuration to take the device back; on record as one line. ``begins`` as in `send_back`."""
    if begins:
        work.assert_may_begin()
    work.journal.before_backout_line(sent=1, applied=0, begins=begins)
    pending = driver.replace(wanted, **timer)
    work.journal.backout_line(sent=1, applied=1)
    return pending


def refuse_as_a_whole(work: DeviceWork, driver: Driver, problem: BackoutNeededError) -> None:
    """After an atomic refusal, prove that nothing was applied.

    Raises:
        NothingWrittenError: the device is as it was before.
        BackoutNeededError: it is not, whatever the driver declares.
    """
    if driver.capabilities.atomic_commit and normalise(driver.running_config(), work.platform) == work.before:
        raise NothingWrittenError(problem.code, f"{problem.detail} The device applied nothing of the change.")
    raise problem


def approved_target(work: DeviceWork) -> str:
    """The configuration that was approved, from the approved diff; computed once.

    Where another version of the software made the plan, an estimate is computed again instead.

    Raises:
        BlockedError: it cannot be computed from what is stored, so nothing may be sent.
    """
    payload = work.payload
    if work.approved:
        return work.approved
    if payload.diff_source == "estimate" and work.run.device_plan.rules != rules_fingerprint():
        # Another version of the software made the plan: does this one still expect the same of the lines?
        return _estimate(work, work.baseline)
    try:
        target = patched(work.baseline, payload.expected_diff)
    except PatchMismatchError as error:
        raise BlockedError("PLAN_HASH_MISMATCH", f"The approved diff does not fit the baseline: {error}") from error
    if sha256_hex(target) != payload.target_sha256:
        raise BlockedError("PLAN_HASH_MISMATCH", "The approved diff does not lead to the approved configuration.")
    work.approved = target
    return target


def expected_target(work: DeviceWork, driver: Driver | None) -> str:
    """The configuration that the approved lines lead to from what the device has now, asked from it where it can tell.

    Without a driver, as after a lost worker, the device may have changed already and cannot be asked.
    """
    if work.payload.diff_source == "estimate":
        return approved_target(work) if work.before == work.baseline else _estimate(work, work.before)
    if driver is not None and driver.capabilities.candidate_diff:
        candidate = driver.compare(work.payload.commands).candidate
        if candidate is not None:
            return normalise(candidate, work.platform)
    if work.before == work.baseline:
        return approved_target(work)
    return target_on_record(work.run) or _estimate(work, work.before)


def target_on_record(run: DeviceRun) -> str:
    """What the device itself said, when its run began, that it would have after the change; "" where it was not asked.

    It is asked where its configuration was not the plan's any more, and kept then: after a lost worker it is too late
    to ask, and not every platform can be estimated.
    """
    found = run.steps.filter(name=_S.CHECKING, data__has_key=TARGET_ON_RECORD).order_by("sequence").last()
    if found is None:
        return ""
    return ConfigBlob.objects.get(pk=found.data[TARGET_ON_RECORD]).text


def _estimate(work: DeviceWork, running: str) -> str:
    """What the approved lines lead to from a configuration; computed once for each, as most devices have one only."""
    if running not in work.estimates:
        work.estimates[running] = predict(running, work.payload.commands, work.platform, is_normal=True)
    return work.estimates[running]


def set_target(work: DeviceWork, driver: Driver | None = None) -> None:
    """Find out what the configuration must be after all lines, from what it was before the first.

    Raises:
        OtherEffectError: on this configuration the approved lines would do something else than what was approved.
        BlockedError: not even on the baseline is the result the approved one.
        CommandRejectedError: the device now refuses a line that it took when the plan was made.
    """
    work.target = expected_target(work, driver)
    if work.before == work.baseline:
        if sha256_hex(work.target) != work.payload.target_sha256:
            who = "The device now" if work.payload.diff_source == "device" else "This version of the software"
            raise BlockedError(
                "PLAN_STALE", f"{who} predicts another result than the one that was approved. Plan again."
            )
        return
    if driver is None and work.payload.diff_source == "device":
        return  # checked before the first line was sent; what comes now only compares, and stops where it does not fit
    sections = other_effect(work.baseline, approved_target(work), work.before, work.target, work.platform)
    if sections:
        where = ", ".join(work.scrub(" / ".join(path)) for path in sections[:5])
        raise OtherEffectError(
            "PLAN_STALE",
            f"The device has changed so that the approved lines would have another effect at: {where}. Plan again.",
        )


def found_pending(work: DeviceWork, driver: Driver) -> PendingConfirm | None:
    """The commit of this run that waits on the device.

    Raises:
        DeviceBusyError: somebody else's waits; it is never confirmed nor taken back here.
    """
    if driver.capabilities.commit_confirmed is None:
        return None
    pending = driver.pending_confirm()
    made_here = work.pending.name if work.pending else ""
    # A platform without names tells who started the timer and when; that is ours only if this session saw it start.
    if pending is not None and pending.name != made_here and not pending.name.startswith(_own_prefix(work)):
        raise waiting(pending)
    return pending


def take_back_pending(work: DeviceWork, driver: Driver) -> bool:
    """Have the device take this run's unconfirmed commit back at once; tells whether there was one.

    Raises:
        DeviceBusyError: the platform can only wait until the time is over, so this run waits too.
    """
    pending = found_pending(work, driver)
    if pending is None:
        return False
    work.journal.assert_held()
    try:
        driver.revert(pending.name)
    except CapabilityMissingError:
        raise waiting(pending) from None
    return True


class Timer(TypedDict, total=False):
    """What a driver is told to send something under a timer; empty without one."""

    confirm_within_s: int
    name: str


def timer_of(work: DeviceWork, driver: Driver) -> Timer:
    """The approved timer for a way back, where the device has one: if it cuts the path, it heals itself."""
    if not work.payload.confirm_within_s or driver.capabilities.commit_confirmed is None:
        return {}
    return {"confirm_within_s": work.payload.confirm_within_s, "name": confirm_name(work)}


def take_back_at_once(work: DeviceWork, driver: Driver, pending: PendingConfirm | None) -> bool:
    """Have an unconfirmed commit of this session taken back; where the platform cannot, its timer does it later."""
    if pending is None:
        return False
    work.journal.assert_held()
    try:
        driver.revert(pending.name)
    except (CapabilityMissingError, NothingPendingError):
        return False
    return True


def waiting(pending: PendingConfirm) -> DeviceBusyError:
    """The error that hands a run back until a pending commit is decided."""
    left = "at a time that it does not tell" if pending.left_s is None else f"in {pending.left_s} s"
    return DeviceBusyError(
        f"The commit “{pending.name}” waits to be confirmed; the device takes it back {left}."
        " Nothing is sent until then."
    )
