"""The steps of one device's run. Each is journalled before it is taken; each failure has its reason code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import islice

from changes.domain.check_judging import Before
from changes.domain.gates import Gate, GateMode
from changes.domain.orders import SafePoint
from changes.domain.run_states import DeviceRunState
from changes.models import StepOutcome
from changes.services.checking import failed_checks, read_before, stored_before
from changes.services.committing import (
    TARGET_ON_RECORD,
    OtherEffectError,
    approved_target,
    confirm_name,
    refuse_as_a_whole,
    send,
    set_target,
)
from changes.services.device_work import DeviceWork
from changes.services.gates import GateRefusedError, Ladder, connecting_data
from changes.services.journal import BackoutNeededError, BlockedError, OrderedStopError, StepNotes
from changes.services.windows import window_seen
from devices.domain.drift import DriftKind, classify_drift, converged, is_part, touched_sections
from devices.domain.known_form import normalise_known
from devices.domain.occasions import Occasion, OccasionKind
from devices.drivers.base import Driver
from devices.errors import BreakerOpenError, DeviceError
from devices.models import ConfigBlob, ConfigSnapshot, SnapshotPurpose
from devices.services.identity import Identity
from devices.services.sessions import Retry, driver_connected
from devices.services.snapshots import snapshot_store

_S = DeviceRunState


def connect(work: DeviceWork, session: ExitStack, state: DeviceRunState) -> Driver:
    """Open a session that ``session`` closes.

    Transient errors are tried again with growing pauses; permanent ones (host key, credential) never are.
    """
    with work.step(state) as notes:
        try:
            driver = driver_connected(
                work.run.device,
                session,
                occasion=_occasion(work),
                on_retry=partial(_note_retry, notes, []),
                reads_back=state is _S.RECONCILING,
            )
        except DeviceError as error:
            notes.data["gates"] = connecting_data(work.run.device, error)
            if isinstance(error, BreakerOpenError):
                notes.data["breaker"] = {"wait_s": round(error.wait_s, 1), "gives_up": error.hopeless}
            raise
        work.on_driver(driver)
        session.callback(work.on_driver, None)
        notes.data["driver"] = driver.name
    return driver


def _note_retry(notes: StepNotes, retries: list[Retry], retry: Retry) -> None:
    """Keep each decision to try again, with its reason and its pause."""
    retries.append(retry)
    notes.data["attempts"] = retry.attempt + 1
    notes.data["retries"] = [
        {"attempt": each.attempt, "code": each.code, "detail": each.detail, "wait_s": round(each.wait_s, 2)}
        for each in retries
    ]


def _occasion(work: DeviceWork) -> Occasion:
    """The run of an approved change: the only work that may ask for a credential that writes."""
    run = work.run.run
    return Occasion(OccasionKind.RUN, run.pk, change_id=run.change_id)


def prove_identity(work: DeviceWork, driver: Driver, notes: StepNotes, ladder: Ladder | None = None) -> None:
    """Compare what the device says of itself with what was planned, under the trust table of its source.

    Raises:
        BlockedError: another device answers. Nothing was sent to it but read-only commands.
    """
    facts = driver.facts()
    notes.data["identity"] = {"hostname": facts.hostname, "serial": facts.serial, "model": facts.model}
    ladder = ladder or Ladder(work.run.device, GateMode.ENFORCED)
    # The inventory says what the plan says: that was verified when the work was gathered.
    identity = Identity.of(work.run.device)
    try:
        ladder.identity(identity, facts, read_config=lambda: work.scrub(driver.running_config()))
    except GateRefusedError as refused:
        raise BlockedError(refused.code, f"{refused.detail} Nothing was changed on it.") from refused


def check(work: DeviceWork, driver: Driver) -> None:
    """Climb the ladder: identity, health, window, staleness, pre-checks; after this the target is known."""
    ladder = Ladder(work.run.device, GateMode.ENFORCED)
    with work.step(_S.CHECKING, driver) as notes:
        if driver.name != work.payload.driver:
            raise BlockedError(
                "PLAN_STALE",
                f"The approved plan is for the driver {work.payload.driver}, but this device now gets {driver.name}."
                " Plan again.",
            )
        _refuse_lost_ways(work, driver)
        try:
            _climb(work, driver, notes, ladder)
        except GateRefusedError as refused:
            raise BlockedError(refused.code, f"{refused.detail} Nothing was sent.") from refused
        finally:
            notes.data["gates"] = ladder.as_data()


def _refuse_lost_ways(work: DeviceWork, driver: Driver) -> None:
    """Stop where the device can no longer do what the approved way back or its timer rests on."""
    can, payload = driver.capabilities, work.payload
    lost = ["replace its configuration, which is the backout"] * (
        payload.backout_method == "replace" and not can.config_replace
    ) + ["take an unconfirmed change back by a timer"] * (payload.confirm_within_s > 0 and can.commit_confirmed is None)
    if lost:
        raise BlockedError(
            "PLAN_STALE",
            f"When the plan was made, the device could {' and '.join(lost)}. It cannot any more. Nothing was sent."
            " Restore that on the device, or plan again.",
        )


def _climb(work: DeviceWork, driver: Driver, notes: StepNotes, ladder: Ladder) -> None:
    ladder.connected(driver)
    with ladder.at(Gate.IDENTITY):
        prove_identity(work, driver, notes, ladder)
    ladder.health(driver, work.platform.slug)
    _wait_for_window(work, ladder)
    work.before = normalise_known(driver.running_config(), work.platform, work.baseline)
    _check_staleness(work, driver, notes)
    with ladder.at(Gate.CHANGE):
        failed_checks(driver, work.payload.pre_checks, notes, work.scrub, wait=False)
    ladder.change_checks(_results(notes), refusal="Pre-check failed: {found}.")
    _keep_before(work, driver, notes)


def _wait_for_window(work: DeviceWork, ladder: Ladder) -> None:
    """Give a device back whose turn came when the window had just closed: the run is paused, and nothing was sent."""
    try:
        ladder.window(window_seen(work.run.run.change, work.run.device))
    except GateRefusedError as refused:
        detail = f"{refused.detail} Nothing was sent, and the device waits."
        raise OrderedStopError(SafePoint.HOLD, refused.code, detail) from refused


def _results(notes: StepNotes) -> list[Mapping[str, object]]:
    """What the step's checks found."""
    checks = notes.data.get("checks")
    return checks if isinstance(checks, list) else []


def _keep_before(work: DeviceWork, driver: Driver, notes: StepNotes) -> None:
    """Read what post-checks will compare with; without it they could not hold, so nothing is sent."""
    before, problems = read_before(driver, work.payload.post_checks, work.scrub)
    if before:
        notes.data["before"] = before
    if problems:
        raise BlockedError(
            "PRECHECK_PREREQ_MISSING",
            "A post-check compares with the state before the change, which cannot be read for certain:"
            f" {'; '.join(problems)} Nothing was sent.",
        )


def _before(work: DeviceWork) -> Mapping[str, Before]:
    """What was read before the first line of this run was sent: by the first checking that succeeded, not a later one.

    A run that starts again after its worker was lost may meet a network that has not recovered yet.
    """
    first = work.steps(_S.CHECKING).filter(outcome=StepOutcome.OK).first()
    return stored_before(first.data.get("before")) if first else {}


def _check_staleness(work: DeviceWork, driver: Driver, notes: StepNotes) -> None:
    drift = classify_drift(work.baseline, approved_target(work), work.before, work.platform)
    found: dict[str, object] = {"kind": drift.kind.value, "paths": _masked(work, drift.paths)}
    if drift.done:
        found["done"] = _masked(work, drift.done)
    notes.data["drift"] = found
    work.journal.note(drift=drift.kind.value)
    if drift.kind is DriftKind.OVERLAPPING:
        already = f" Already as planned: {named(work, drift.done)}." if drift.done else ""
        raise BlockedError(
            "PLAN_STALE",
            "Somebody changed the device where this plan would change it, after the plan was made:"
            f" {named(work, drift.paths)}.{already} Nothing was sent.",
        )
    try:
        set_target(work, driver)
        if work.payload.diff_source == "device" and work.before != work.baseline:
            notes.data[TARGET_ON_RECORD] = ConfigBlob.store(work.target).sha256
    except OtherEffectError:
        # no place in common, yet not independent: a line that had nothing to do when it was planned now has
        notes.data["drift"] = {**found, "kind": DriftKind.OVERLAPPING.value}
        work.journal.note(drift=DriftKind.OVERLAPPING.value)
        raise


def _masked(work: DeviceWork, paths: Iterable[tuple[str, ...]]) -> list[str]:
    """The first places of many, as the journal keeps them."""
    return [work.scrub(" / ".join(path)) for path in islice(paths, 50)]


def snapshot(work: DeviceWork) -> None:
    """Keep the configuration as it is before the first line."""
    with work.step(_S.SNAPSHOTTING) as notes:
        before = snapshot_store(device=work.run.device, text=work.before, purpose=SnapshotPurpose.BEFORE)
        work.journal.note(before=before)
        notes.data["before_sha256"] = before.blob_id


def apply(work: DeviceWork, driver: Driver) -> None:
    """Send the approved lines: one by one, or as one where the device takes all or none.

    Raises:
        NothingWrittenError: the device refused all of them.
        BackoutNeededError: the device refused a line; the lines before it are applied.
    """
    commands = work.payload.commands
    with work.step(_S.APPLYING, driver) as notes:
        notes.data["lines"] = len(commands)
        if work.payload.confirm_within_s:
            notes.data["confirm"] = {"name": confirm_name(work), "within_s": work.payload.confirm_within_s}
        result = send(work, driver)
        notes.data["applied"] = len(result.applied)
        work.pending = result.pending
        if result.rejection:
            notes.data["rejected_line"] = result.rejection.index + 1
            refusal = BackoutNeededError(
                "COMMAND_REJECTED",
                f"The device refused line {result.rejection.index + 1} of {len(commands)},"
                f" “{work.scrub(result.rejection.line)}”: {work.scrub(result.rejection.message)}",
            )
            refuse_as_a_whole(work, driver, refusal)


def await_confirm(work: DeviceWork, driver: Driver) -> None:
    """Verify a commit under its timer, and only then confirm it by its name; without a timer there is nothing to do.

    Raises:
        BackoutNeededError: the configuration is not the target, or a post-check failed; the timer still runs.
        NothingPendingError: the device took the commit back before it was confirmed.
    """
    pending = work.pending
    if pending is None:
        return
    with work.step(_S.AWAITING_CONFIRM, driver) as notes:
        notes.data["confirm"] = {"name": pending.name, "left_s": pending.left_s}
        _verify(work, driver, notes)
        # Not confirmed, the device takes the commit back by itself: the last moment at which that costs nothing.
        work.journal.safe_point(_S.AWAITING_CONFIRM)
        work.journal.assert_held()
        driver.confirm(pending.name)
        notes.data["confirmed"] = True


def verify(work: DeviceWork, driver: Driver) -> None:
    """Read the configuration back, compare it as text with the target, then run the post-checks.

    Raises:
        BackoutNeededError: the configuration is not the target, or a post-check failed.
    """
    with work.step(_S.VERIFYING, driver) as notes:
        # Under a commit timer the checks have held already; what is left is that the confirmation changed nothing.
        _verify(work, driver, notes, checks=work.pending is None)


def _verify(work: DeviceWork, driver: Driver, notes: StepNotes, *, checks: bool = True) -> None:
    after = normalise_known(driver.running_config(), work.platform, work.target)
    stored = store_after(work, after)
    notes.data["after_sha256"] = stored.blob_id
    if not converged(work.target, after, work.platform):
        raise BackoutNeededError(*_divergence(work, after))
    if not checks:
        return
    before = _before(work) if work.payload.post_checks else {}
    failures = failed_checks(driver, work.payload.post_checks, notes, work.scrub, wait=True, before=before)
    if failures:
        raise BackoutNeededError("POSTCHECK_FAILED", "Post-check failed: " + "; ".join(failures))


def store_after(work: DeviceWork, text: str) -> ConfigSnapshot:
    """Keep the configuration as it is now, as the run's result so far."""
    after = snapshot_store(device=work.run.device, text=text, purpose=SnapshotPurpose.AFTER)
    work.journal.note(after=after)
    return after


def is_part_of_change(work: DeviceWork, actual: str) -> bool:
    """Whether everything that differs from before is something that the plan does."""
    return is_part(work.before, work.target, actual, work.platform)


def _divergence(work: DeviceWork, after: str) -> tuple[str, str]:
    if is_part_of_change(work, after):
        code, what = "CONVERGENCE_PARTIAL", "shows only a part of the approved change"
    else:
        code, what = "CONVERGENCE_AMBIGUOUS", "is not the one that was approved"
    where = named(work, touched_sections(work.target, after, work.platform))
    return code, f"The device took every line, but its configuration {what}. It differs at: {where}."


def named(work: DeviceWork, sections: Iterable[tuple[str, ...]]) -> str:
    """Some sections of a configuration, masked, for a sentence."""
    names = [work.scrub(" / ".join(path)) for path in sorted(sections)]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def save(work: DeviceWork, driver: Driver) -> None:
    """Make the verified configuration the one that the device starts with.

    Raises:
        BackoutNeededError: the device could not save; a reboot would silently undo the change.
    """
    with work.step(_S.SAVING, driver):
        # A worker that slept would save what somebody else is in the middle of.
        work.journal.assert_held()
        try:
            driver.save()
        except DeviceError as error:
            if not error.permanent:
                raise
            raise BackoutNeededError(error.code, str(error)) from error
        where = lost_before_save(work, driver, work.target)
        if where:
            raise BackoutNeededError(
                "CONVERGENCE_PARTIAL",
                "When it saved, the device no longer had the configuration that had been verified, as after a restart."
                f" It differs at: {where}.",
            )


def lost_before_save(work: DeviceWork, driver: Driver, wanted: str) -> str:
    """Where the device, right after it saved, has something else than what was read just before; "" if nowhere.

    A restart between reading and saving breaks a session. Where each request has a connection of its own, nothing
    breaks: the device would have saved what it had started with.
    """
    if driver.capabilities.one_session:
        return ""
    actual = normalise_known(driver.running_config(), work.platform, wanted)
    if converged(wanted, actual, work.platform):
        return ""
    store_after(work, actual)
    return named(work, touched_sections(wanted, actual, work.platform))
