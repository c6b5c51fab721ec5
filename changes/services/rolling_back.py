"""Rolling one device back: read it, find the way back, rehearse it, send it under a timer, prove it, save it.

Nothing is sent before the device was read. A lost worker's rollback is read back, and goes on from what is there.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from django.conf import settings

from changes.domain.orders import KILL_SWITCH_ENGAGED
from changes.domain.rollback import ORDERED, NoWayBackError, Source, WayBack
from changes.domain.run_states import DeviceRunState
from changes.models import DeviceRun, RecomputedBackout
from changes.services.approval_seals import ASK_AGAIN_S, STILL_WAITS, look_again
from changes.services.committing import (
    ENOUGH_S,
    found_pending,
    replace_back,
    send_back,
    take_back_at_once,
    take_back_pending,
    timer_of,
)
from changes.services.device_steps import connect, lost_before_save, named, prove_identity, store_after
from changes.services.device_work import DeviceWork
from changes.services.journal import BlockedError, StepNotes, StepStopError
from changes.services.kill_switch import kill_switch_engaged
from changes.services.recovery import LONGEST_WAIT_S, is_hopeless, most_readings, readings_in_a_row, was_out_of_reach
from changes.services.rollback_scope import later_changes
from changes.services.rollback_ways import FROM, WANTED, NothingToCompareError, digest_of, sends, way_for
from devices.domain.config_text import normalise
from devices.domain.diffing import diff_stat, unified_diff
from devices.domain.drift import converged, touched_sections
from devices.drivers.base import Driver, PendingConfirm
from devices.errors import (
    BreakerOpenError,
    CapabilityMissingError,
    CommandRejectedError,
    ConnectionLostError,
    DeviceBusyError,
    DeviceError,
    DeviceTimeoutError,
    SaveFailedError,
)
from devices.models import ConfigBlob, SnapshotPurpose
from devices.services.sessions import retry_policy
from devices.services.snapshots import snapshot_store

SENDS: Final = 3
"""How often a backout is begun where worker after worker is lost before a line was taken."""

_S = DeviceRunState


class RollbackStopError(StepStopError):
    """The device cannot be rolled back now, or it cannot be proved that it was."""


def roll_back(work: DeviceWork, session: ExitStack) -> None:
    """Take a device back to what it had before the change, and end its run; errors of the session are handled here."""
    try:
        _refuse_later_change(work)
        if _is_unsealed(work):
            return
        driver = connect(work, session, _S.RECONCILING)
        way, found = _find_way(work, driver)
        if _is_held_back(work):
            return
        _send(work, driver, way, found)
        work.journal.end(_S.ROLLED_BACK, code=ORDERED, detail=work.run.run.detail)
    except RollbackStopError as stop:
        work.journal.end(_S.ROLLBACK_FAILED, code=stop.code, detail=stop.detail)
    except BlockedError as gate:
        # Another device answers. After something was sent, nobody knows what ours has.
        work.journal.end(_S.UNKNOWN if _count(work) else _S.ROLLBACK_FAILED, code=gate.code, detail=gate.detail)
    except DeviceError as error:
        _later(work, error)


def refused(run: DeviceRun) -> DeviceRunState:
    """How a device run ends whose plan cannot be trusted any more: nothing is sent, unless it had begun already."""
    begun = sends(run).filter(sequence__gt=run.goal_step).exists()
    return _S.UNKNOWN if begun and run.state == _S.RECONCILING else _S.ROLLBACK_FAILED


def _is_held_back(work: DeviceWork) -> bool:
    """While the kill switch is engaged no rollback begins; one that had begun is brought to a known end."""
    if _count(work) or kill_switch_engaged() is None:
        return False
    detail = "The kill switch is engaged, so nothing begins to write to this device."
    work.journal.hand_back(_S.ROLLBACK_PENDING, wait_s=0, code=KILL_SWITCH_ENGAGED, detail=detail, tried=False)
    return True


def _is_unsealed(work: DeviceWork) -> bool:
    """No rollback begins before all that carries it is sealed; one that had begun is brought to a known end."""
    if _count(work):
        return False
    found = work.seals.against(work.run.device_plan.revision_id)
    confirmed = work.run.recomputed_backouts.exclude(confirmed_at=None).order_by("-pk").first()
    if found is None and confirmed is not None:
        found = work.seals.against_confirmation(work.run, confirmed.digest)
    if found is None:
        work.may_begin = True
        return False
    detail = f"{found.detail} {STILL_WAITS}"
    work.journal.hand_back(_S.ROLLBACK_PENDING, wait_s=ASK_AGAIN_S, code=found.code, detail=detail, tried=False)
    look_again(work.run.run_id)
    return True


def _refuse_later_change(work: DeviceWork) -> None:
    found = later_changes([work.run.pk]).get(work.run.pk)
    if found is not None and not _count(work):
        raise RollbackStopError("ROLLBACK_CONFLICT", f"{work.scrub.prose(found.sentence)} Nothing was sent.")


def _count(work: DeviceWork) -> int:
    """How often something was sent, or was about to be, since the rollback was ordered."""
    return sends(work.run).filter(sequence__gt=work.run.goal_step).count()


def _nothing_sent(work: DeviceWork) -> str:
    return "Nothing more was sent." if _count(work) else "Nothing was sent."


def _find_way(work: DeviceWork, driver: Driver) -> tuple[WayBack, str]:
    """The way back, rehearsed where the device can do that, and the digest of the configuration that it leads from."""
    with work.step(_S.RECONCILING, driver) as notes:
        prove_identity(work, driver, notes)
        _settle_pending(work, driver, notes)
        actual = normalise(driver.running_config(), work.platform)
        stored = snapshot_store(device=work.run.device, text=actual, purpose=SnapshotPurpose.RECOVERY)
        notes.data["actual_sha256"] = stored.blob_id
        _refuse_again(work, stored.blob_id)
        way = _way(work, actual)
        notes.data["source"] = way.source.value
        if way.elsewhere:
            notes.data["elsewhere"] = [work.scrub(" / ".join(place)) for place in sorted(way.elsewhere)[:50]]
        if way.source is Source.RECOMPUTED:
            _demand_confirmation(work, way, stored.pk, actual, notes)
        if way.source is not Source.NOTHING:
            _rehearse(work, driver, way, notes)
        return way, stored.blob_id


def _settle_pending(work: DeviceWork, driver: Driver, notes: StepNotes) -> None:
    """A lost worker's commit may still wait: keep it where it is the whole rollback, else have it taken back at once.

    Raises:
        DeviceBusyError: the platform can only wait, or the commit is somebody else's.
    """
    pending = found_pending(work, driver)
    if pending is None:
        return
    last = sends(work.run).last()
    wanted = ConfigBlob.objects.get(pk=last.data[WANTED]).text if last else None
    actual = normalise(driver.running_config(), work.platform)
    whole = wanted is not None and converged(wanted, actual, work.platform)
    if whole and pending.left_s is not None and pending.left_s >= ENOUGH_S:
        work.journal.assert_held()
        driver.confirm(pending.name)
        notes.data["timer"] = "the commit of the lost worker was the whole rollback and is confirmed"
    elif take_back_pending(work, driver):
        notes.data["timer"] = "the unconfirmed commit of the lost worker was taken back at once"


def _refuse_again(work: DeviceWork, actual_sha256: str) -> None:
    """A rollback that the device's own timer took back is not sent again: it would cut the same path once more.

    Raises:
        RollbackStopError: the device is as it was before the rollback; people must find another way.
    """
    last = sends(work.run).filter(sequence__gt=work.run.goal_step).last()
    if last is None or last.data[FROM] != actual_sha256 or last.data[FROM] == last.data[WANTED]:
        return
    if last.data.get("timer_s") and not last.data.get("confirmed") and was_out_of_reach(work, last):
        raise RollbackStopError(
            last.code,
            f"The rollback was sent, but could not be confirmed in time: {last.detail} The device took it back by"
            " itself, so the change is on it as before. Find out why the rollback cuts the way to the device.",
        )
    if _count(work) >= SENDS:
        raise RollbackStopError(
            last.code, f"{SENDS} attempts ended and the change is on the device as before. {last.detail}"
        )


def _way(work: DeviceWork, actual: str) -> WayBack:
    try:
        return way_for(work.run, actual)
    except NothingToCompareError as error:
        raise RollbackStopError(
            "ROLLBACK_PLAN_MISSING",
            f"The configuration before or after the change was never read. {_nothing_sent(work)}",
        ) from error
    except NoWayBackError as error:
        if not error.places:
            raise RollbackStopError(
                "ROLLBACK_PLAN_MISSING",
                "The device has moved since the change, and no lines are known that undo exactly the change on what it"
                f" has now. {_nothing_sent(work)}",
            ) from error
        raise RollbackStopError(
            "ROLLBACK_CONFLICT",
            "Since the change, the device was changed at the same places by hand or by another system:"
            f" {named(work, error.places)}. {_nothing_sent(work)}",
        ) from error


def _demand_confirmation(work: DeviceWork, way: WayBack, actual_id: int, actual: str, notes: StepNotes) -> None:
    """Lines that nobody has approved are sent only once a person confirmed exactly these, by their digest."""
    digest = digest_of(work.run, way, actual)
    notes.data["lines_digest"] = digest
    work.journal.assert_held()
    stat = diff_stat(unified_diff(actual, way.wanted))
    count = stat.added + stat.removed if way.replaces else len(way.commands)
    found, _is_new = RecomputedBackout.objects.get_or_create(
        device_run=work.run, digest=digest, defaults={"actual_id": actual_id, "line_count": count}
    )
    if found.confirmed_at is None:
        where = f" at: {named(work, way.elsewhere)}" if way.elsewhere else ""
        raise RollbackStopError(
            "ROLLBACK_UNCONFIRMED",
            f"The approved backout does not fit what the device has now{where}. {count} lines were computed"
            f" again, with the digest {digest[:12]}…. {_nothing_sent(work)}",
        )
    unsealed = work.seals.against_confirmation(work.run, digest)
    if unsealed is not None and not _count(work):
        raise RollbackStopError(unsealed.code, f"{unsealed.detail} {_nothing_sent(work)} Order its rollback again.")
    notes.data["confirmed_by"] = str(found.confirmed_by)


def _send(work: DeviceWork, driver: Driver, way: WayBack, found: str) -> None:
    begins = not _count(work)
    with work.step(_S.BACKING_OUT, driver) as notes:
        notes.data.update(source=way.source.value, lines=len(way.commands), replaces=way.replaces)
        notes.data.update({FROM: found, WANTED: ConfigBlob.store(way.wanted).sha256})
        if way.source is Source.NOTHING:
            work.journal.intend(notes)
            notes.data["after_sha256"] = store_after(work, way.wanted).blob_id
        else:
            pending = _sent(work, driver, way, notes, begins=begins)
            actual = normalise(driver.running_config(), work.platform)
            notes.data["after_sha256"] = store_after(work, actual).blob_id
            _prove(work, driver, way, actual, pending, notes)
        if way.source is not Source.NOTHING or work.run.steps.filter(name=_S.SAVING).exists():
            _save(work, driver, way, notes)


def _rehearse(work: DeviceWork, driver: Driver, way: WayBack, notes: StepNotes) -> None:
    """Where the platform has a candidate: load it, take the diff, discard it. It must lead to what is wanted.

    Raises:
        RollbackStopError: the device says that it would have something else, or refuses a line; nothing was applied.
    """
    if not driver.capabilities.candidate_diff:
        notes.data["rehearsal"] = "not possible on this platform"
        return
    try:
        found = driver.compare_replacement(way.wanted) if way.replaces else driver.compare(way.commands)
    except CapabilityMissingError:
        notes.data["rehearsal"] = "not possible on this platform"
        return
    except CommandRejectedError as error:
        raise RollbackStopError(
            "ROLLBACK_UNVERIFIED", f"In the rehearsal the device refused: {error.message} {_nothing_sent(work)}"
        ) from error
    stat = diff_stat(found.diff)
    notes.data["rehearsal"] = f"{stat.added} lines would come, {stat.removed} would go"
    if found.candidate is None:
        return
    candidate = normalise(found.candidate, work.platform)
    if not converged(way.wanted, candidate, work.platform):
        where = named(work, touched_sections(way.wanted, candidate, work.platform))
        raise RollbackStopError(
            "ROLLBACK_UNVERIFIED",
            "In the rehearsal the device would have had something else than is wanted, at:"
            f" {where}. {_nothing_sent(work)}",
        )


def _sent(work: DeviceWork, driver: Driver, way: WayBack, notes: StepNotes, *, begins: bool) -> PendingConfirm | None:
    """Send the way back, under the approved timer where the device has one; it is on record before."""
    timer = timer_of(work, driver)
    if timer:
        notes.data.update(timer_s=timer["confirm_within_s"], confirm=timer["name"])
    work.journal.intend(notes)
    try:
        if way.replaces:
            return replace_back(work, driver, way.wanted, timer, begins=begins)
        result = send_back(work, driver, way.commands, timer, begins=begins)
    except (CommandRejectedError, CapabilityMissingError, SaveFailedError) as error:
        store_after(work, normalise(driver.running_config(), work.platform))
        raise RollbackStopError("ROLLBACK_UNVERIFIED", f"The device did not go back: {error.detail}") from error
    notes.data["applied"] = len(result.applied)
    if result.rejection is None:
        return result.pending
    line, words = work.scrub(result.rejection.line), work.scrub(result.rejection.message)
    detail = f"The device refused “{line}”: {words}{_left_to_the_timer(work, driver, result.pending)}"
    store_after(work, normalise(driver.running_config(), work.platform))
    raise RollbackStopError("ROLLBACK_UNVERIFIED", detail)


def _left_to_the_timer(work: DeviceWork, driver: Driver, pending: PendingConfirm | None) -> str:
    """Take an unconfirmed rollback back, or say that the device does so itself."""
    if pending is None:
        return ""
    if take_back_at_once(work, driver, pending):
        return " The unconfirmed rollback was taken back, so the change is on the device as before."
    return " The device takes the unconfirmed rollback back when its timer ends; the change is on it as before then."


def _prove(
    work: DeviceWork, driver: Driver, way: WayBack, actual: str, pending: PendingConfirm | None, notes: StepNotes
) -> None:
    """Compare what was read back with what is wanted; only then confirm.

    Raises:
        RollbackStopError: it differs; under a timer the rollback is taken back, so the change is there as before.
    """
    if converged(way.wanted, actual, work.platform):
        if pending is not None:
            work.journal.assert_held()
            driver.confirm(pending.name)
            notes.data["confirmed"] = True
        return
    where = named(work, touched_sections(way.wanted, actual, work.platform))
    detail = f"the configuration read back is not the one that is wanted. It differs at: {where}."
    detail += _left_to_the_timer(work, driver, pending)
    if pending is not None:
        store_after(work, normalise(driver.running_config(), work.platform))
    raise RollbackStopError("ROLLBACK_UNVERIFIED", detail[:1].upper() + detail[1:])


def _save(work: DeviceWork, driver: Driver, way: WayBack, notes: StepNotes) -> None:
    """Make the configuration before the change the one that the device starts with: the change was saved once."""
    if not driver.capabilities.save:
        return
    work.journal.assert_held()
    try:
        driver.save()
    except SaveFailedError as error:
        raise RollbackStopError(
            "ROLLBACK_UNVERIFIED",
            f"The device runs without the change, but it could not save: {work.scrub.prose(error.message)}. A restart"
            " would bring the change back.",
        ) from error
    where = lost_before_save(work, driver, way.wanted)
    if where:
        raise RollbackStopError(
            "ROLLBACK_UNVERIFIED",
            "When it saved, the device no longer had the configuration before, as after a restart. It differs"
            f" at: {where}.",
        )
    notes.data["saved"] = "the configuration without the change"


def _later(work: DeviceWork, error: DeviceError) -> None:
    """The device could not be worked on: try again later, or end the run; nothing sent means rollback failed."""
    hopeless = isinstance(error, BreakerOpenError) and error.hopeless
    wait_s = min(settings.COUNTERSIGN_RECONNECT_WAIT_S * 2 ** readings_in_a_row(work), LONGEST_WAIT_S)
    if isinstance(error, BreakerOpenError):
        wait_s = max(wait_s, error.wait_s)
    if _count(work):
        if hopeless or is_hopeless(work, error):
            work.journal.give_up(code=error.code, detail=str(error))
        else:
            work.journal.hand_back(_S.RECONCILING, wait_s=wait_s, code=error.code, detail=str(error))
    elif not hopeless and _is_worth_waiting(work, error):
        work.journal.hand_back(_S.ROLLBACK_PENDING, wait_s=wait_s, code=error.code, detail=str(error))
    else:
        detail = f"{error} Nothing was sent: the change is on the device as before. Order its rollback again."
        work.journal.end(_S.ROLLBACK_FAILED, code=error.code, detail=detail)


def _is_worth_waiting(work: DeviceWork, error: DeviceError) -> bool:
    """Whether a device to which nothing was sent is tried again by itself.

    One that could not be connected to was tried several times already, and people order its rollback again.
    """
    if isinstance(error, BreakerOpenError):
        return True
    if isinstance(error, DeviceBusyError):
        return readings_in_a_row(work) < most_readings(work, error)
    broke = isinstance(error, ConnectionLostError | DeviceTimeoutError)
    return broke and retry_policy().goes_on(readings_in_a_row(work), permanent=error.permanent)
