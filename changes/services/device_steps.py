"""The steps of one device's run. Each is journalled before it is taken; each failure has its reason code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial

from changes.domain.check_judging import Before
from changes.domain.gates import Gate, GateMode
from changes.domain.states import DeviceRunState
from changes.models import StepOutcome
from changes.services.checking import failed_checks, read_before, stored_before
from changes.services.device_work import DeviceWork, sha256_hex
from changes.services.gates import GateRefusedError, Ladder, connecting_data
from changes.services.journal import BackoutNeededError, BlockedError, StepNotes
from devices.domain.config_text import normalise
from devices.domain.occasions import Occasion, OccasionKind
from devices.domain.drift import DriftKind, change_set, classify_drift, converged, is_part, touched_sections
from devices.domain.prediction import predict
from devices.drivers.base import Driver
from devices.errors import DeviceError
from devices.models import ConfigSnapshot, SnapshotPurpose
from devices.services.identity import Identity
from devices.services.sessions import driver_connected
from devices.services.snapshots import snapshot_store

_S = DeviceRunState


def connect(work: DeviceWork, session: ExitStack, state: DeviceRunState) -> Driver:
    """Open a session that ``session`` closes.

    Transient errors are tried again with growing pauses; permanent ones (host key, credential) never are.
    """
    with work.step(state) as notes:
        try:
            attempts = partial(notes.data.__setitem__, "attempts")
            driver = driver_connected(work.run.device, session, occasion=_occasion(work), on_attempt=attempts)
        except DeviceError as error:
            notes.data["gates"] = connecting_data(work.run.device, error)
            raise
        work.on_driver(driver)
        session.callback(work.on_driver, None)
        notes.data["driver"] = driver.name
    return driver


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
        try:
            _climb(work, driver, notes, ladder)
        except GateRefusedError as refused:
            raise BlockedError(refused.code, f"{refused.detail} Nothing was sent.") from refused
        finally:
            notes.data["gates"] = ladder.as_data()


def _climb(work: DeviceWork, driver: Driver, notes: StepNotes, ladder: Ladder) -> None:
    ladder.connected(driver)
    with ladder.at(Gate.IDENTITY):
        prove_identity(work, driver, notes, ladder)
    ladder.health(driver, work.platform.slug)
    ladder.window()
    work.before = normalise(driver.running_config(), work.platform)
    _check_staleness(work, notes)
    with ladder.at(Gate.CHANGE):
        failed_checks(driver, work.payload.pre_checks, notes, work.scrub, wait=False)
    ladder.change_checks(_results(notes), refusal="Pre-check failed: {found}.")
    _keep_before(work, driver, notes)


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


def set_target(work: DeviceWork) -> None:
    """Compute what the configuration must be after all lines, from what it was before the first.

    Raises:
        BlockedError: on this configuration the approved lines would do something else than what was approved.
    """
    commands = work.payload.commands
    work.target = predict(work.before, commands, work.platform)
    if work.before == work.baseline:
        if sha256_hex(work.target) != work.payload.target_sha256:
            raise BlockedError(
                "PLAN_STALE",
                "This version of the software predicts another result than the one that was approved. Plan again.",
            )
        return
    approved = change_set(work.baseline, predict(work.baseline, commands, work.platform), work.platform)
    if change_set(work.before, work.target, work.platform) != approved:
        raise BlockedError(
            "PLAN_STALE",
            "The device has changed so that the approved lines would have another effect. Plan again.",
        )


def _check_staleness(work: DeviceWork, notes: StepNotes) -> None:
    approved = predict(work.baseline, work.payload.commands, work.platform)
    touched = touched_sections(work.baseline, approved, work.platform)
    drift = classify_drift(work.baseline, work.before, touched, work.platform)
    paths = [work.scrub(" / ".join(path)) for path in drift.paths[:50]]
    notes.data["drift"] = {"kind": drift.kind.value, "paths": paths}
    work.journal.note(drift=drift.kind.value)
    if drift.kind is DriftKind.OVERLAPPING:
        raise BlockedError(
            "PLAN_STALE",
            "Somebody changed the device where this plan would change it, after the plan was made:"
            f" {named(work, drift.paths)}. Nothing was sent.",
        )
    set_target(work)


def snapshot(work: DeviceWork) -> None:
    """Keep the configuration as it is before the first line."""
    with work.step(_S.SNAPSHOTTING) as notes:
        before = snapshot_store(device=work.run.device, text=work.before, purpose=SnapshotPurpose.BEFORE)
        work.journal.note(before=before)
        notes.data["before_sha256"] = before.blob_id


def apply(work: DeviceWork, driver: Driver) -> None:
    """Send the approved lines one by one.

    Raises:
        BackoutNeededError: the device refused a line; the lines before it are applied.
    """
    commands = work.payload.commands

    def on_line(index: int, _line: str, phase: str) -> None:
        # A line is counted before it leaves and again when it is taken; a lost lease stops the session here.
        work.journal.line(sent=index + 1, applied=index + (phase == "done"))

    with work.step(_S.APPLYING, driver) as notes:
        notes.data["lines"] = len(commands)
        result = driver.apply(commands, on_line=on_line)
        notes.data["applied"] = len(result.applied)
        if result.rejection:
            notes.data["rejected_line"] = result.rejection.index + 1
            raise BackoutNeededError(
                "COMMAND_REJECTED",
                f"The device refused line {result.rejection.index + 1} of {len(commands)},"
                f" “{work.scrub(result.rejection.line)}”: {work.scrub(result.rejection.message)}",
            )


def verify(work: DeviceWork, driver: Driver) -> None:
    """Read the configuration back, compare it as text with the target, then run the post-checks.

    Raises:
        BackoutNeededError: the configuration is not the target, or a post-check failed.
    """
    with work.step(_S.VERIFYING, driver) as notes:
        after = normalise(driver.running_config(), work.platform)
        stored = store_after(work, after)
        notes.data["after_sha256"] = stored.blob_id
        if not converged(work.target, after, work.platform):
            raise BackoutNeededError(*_divergence(work, after))
        failures = failed_checks(driver, work.payload.post_checks, notes, work.scrub, wait=True, before=_before(work))
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
        try:
            driver.save()
        except DeviceError as error:
            if not error.permanent:
                raise
            raise BackoutNeededError(error.code, str(error)) from error
