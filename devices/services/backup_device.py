"""The backup of one device: connect, prove who it is, read, judge, keep, compare."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from devices.domain.config_text import normalise
from devices.domain.occasions import Occasion, OccasionKind
from devices.domain.platforms import Platform, platform_for
from devices.domain.validity import Judgement, Verdict, judge_config, last_changed_by
from devices.drivers.base import Driver
from devices.errors import CommandRejectedError, DeviceError, HostKeyMismatchError
from devices.models import BackupState, ConfigSnapshot, ConfigState, Device, DeviceBackup, StartupState
from devices.services.change_history import change_history
from devices.services.claims import Claim, fenced_update, release
from devices.services.compliance import compliance_assess
from devices.services.device_locks import device_lock
from devices.services.drift import drift_evaluate
from devices.services.host_key_alerts import unproved_report
from devices.services.identity import identity_contradictions
from devices.services.runner import Heartbeat
from devices.services.scrubbing import Scrubber
from devices.services.sessions import driver_connected, pause_before_next
from devices.services.snapshots import snapshot_keep, suspect_keep, suspect_overtake

STARTUP_COMMANDS: Final = {
    "cisco_ios": "show startup-config",
    "cisco_xe": "show startup-config",
    "cisco_nxos": "show startup-config",
    "arista_eos": "show startup-config",
}
"""Platforms that keep a startup configuration of their own and show it. Where a commit saves, there is none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one session brought; the texts are let go of before the next device."""

    text: str
    judgement: Judgement
    changed_by: str
    startup: str


def back_up(claim: Claim, heartbeat: Heartbeat) -> None:
    """Carry one claimed row to its end, or give it back for later.

    Raises:
        LeaseLostError: another worker has the row now.
    """
    row = DeviceBackup.objects.select_related("device").get(pk=claim.row_id)
    with device_lock(row.device_id) as locked:
        if not locked or change_history().is_busy(row.device_id):
            _wait(row, claim)
            return
        on_driver = heartbeat.watch()
        try:
            with ExitStack() as session:
                driver = driver_connected(row.device, session, occasion=Occasion(OccasionKind.BACKUP, row.run_id))
                on_driver(driver)
                session.callback(on_driver, None)
                reading = _read(driver, row.device)
        except _OtherDeviceError as other:
            _end(row, claim, BackupState.FAILED, code=other.code, detail=str(other))
        except DeviceError as error:
            if isinstance(error, HostKeyMismatchError):
                unproved_report(row.device, error)
            _try_again(row, claim, error)
        else:
            _keep(row, claim, reading)


class _OtherDeviceError(Exception):
    """Another device answers than the inventory means; its configuration is not read."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def _read(driver: Driver, device: Device) -> Reading:
    contradictions = identity_contradictions(device, driver)
    if contradictions:
        found = "; ".join(each.sentence for each in contradictions)
        code = contradictions[0].codes[0]
        raise _OtherDeviceError(code, f"Another device answers: {found}. Its configuration was not kept.")
    platform = platform_for(device.platform)
    raw = driver.running_config()
    text = normalise(raw, platform)
    last = ConfigSnapshot.objects.filter(device=device).order_by("-pk").values_list("blob__line_count", flat=True)
    judgement = judge_config(raw, text, platform, lines_before=last.first())
    startup = _startup(driver, platform, text) if judgement.verdict is Verdict.VALID else ""
    return Reading(text, judgement, last_changed_by(raw), startup)


def _startup(driver: Driver, platform: Platform, running: str) -> str:
    """Whether the running configuration is saved; "" where the platform does not show it."""
    command = STARTUP_COMMANDS.get(platform.slug)
    if command is None:
        return ""
    try:
        startup = driver.show(command)
    except CommandRejectedError:
        return ""
    return StartupState.SAVED if normalise(startup, platform) == running else StartupState.UNSAVED


def _wait(row: DeviceBackup, claim: Claim) -> None:
    """The device is in a change's hands: come back, and after some time leave it to the next backup."""
    if row.waits >= settings.COUNTERSIGN_BACKUP_BUSY_WAITS:
        detail = "A change was being carried out on the device. The next backup reads it."
        _end(row, claim, BackupState.SKIPPED, code="DEVICE_BUSY", detail=detail)
        return
    wait_s = settings.COUNTERSIGN_BUSY_WAIT_S * 2 ** min(row.waits, 4)
    release(DeviceBackup, claim, wait_s=wait_s, tried=False, waits=row.waits + 1, code="DEVICE_BUSY")


def _try_again(row: DeviceBackup, claim: Claim, error: DeviceError) -> None:
    """A session that broke while reading is worth another; refusals and devices out of reach are not."""
    detail = Scrubber.load().prose(str(error))
    reached = error.code not in {"PRECHECK_UNREACHABLE", "BREAKER_OPEN"}
    if error.code == "BREAKER_OPEN":
        detail += " The next backup tries it again; start one once the cause is repaired."
    if error.permanent or not reached or row.attempts >= settings.DEVICE_CONNECT_ATTEMPTS:
        _end(row, claim, BackupState.FAILED, code=error.code, detail=detail)
        return
    release(DeviceBackup, claim, wait_s=pause_before_next(row.attempts), code=error.code, detail=detail)


def _keep(row: DeviceBackup, claim: Claim, reading: Reading) -> None:
    judgement = reading.judgement
    if judgement.verdict is Verdict.INVALID:
        _end(row, claim, BackupState.FAILED, code=judgement.code, detail=Scrubber.load().prose(judgement.sentence))
        return
    if judgement.verdict is Verdict.SUSPICIOUS:
        with transaction.atomic():
            suspect_keep(device=row.device, text=reading.text, code=judgement.code, detail=judgement.sentence)
            _end(row, claim, BackupState.SUSPICIOUS, code=judgement.code, detail=judgement.sentence)
        return
    with transaction.atomic():
        suspect_overtake(row.device)
        snapshot, is_new = snapshot_keep(device=row.device, text=reading.text, changed_by=reading.changed_by)
        state = BackupState.CHANGED if is_new else BackupState.UNCHANGED
        code = "CONFIG_NOT_SAVED" if reading.startup == StartupState.UNSAVED else ""
        _end(row, claim, state, code=code, detail="", snapshot=snapshot, startup=reading.startup)
    # The backup stands by itself. What follows is computed anew with every backup.
    drift_evaluate(device_id=row.device_id, snapshot_id=snapshot.pk)
    compliance_assess(device_id=row.device_id, snapshot_id=snapshot.pk)


def _end(
    row: DeviceBackup,
    claim: Claim,
    state: BackupState,
    *,
    code: str,
    detail: str,
    snapshot: ConfigSnapshot | None = None,
    startup: str = "",
) -> None:
    """End the row and note how the device's last backup ended; one transaction, three queries."""
    with transaction.atomic():
        fenced_update(
            DeviceBackup,
            claim,
            state=state,
            code=code,
            detail=detail,
            snapshot=snapshot,
            startup=startup,
            owner=None,
            lease_until=None,
            ended_at=Now(),
        )
        known, _is_new = ConfigState.objects.get_or_create(device_id=row.device_id)
        known.tried_at = timezone.now()
        known.code = "" if snapshot else code
        if snapshot:
            known.backed_up_at = known.tried_at
        if startup:
            known.unsaved_since = (known.unsaved_since or known.tried_at) if startup == StartupState.UNSAVED else None
        known.save(update_fields=["tried_at", "code", "backed_up_at", "unsaved_since"])
    if snapshot is None:
        # What was not read is "not assessed", or stays as the last configuration was judged.
        newest = ConfigSnapshot.objects.filter(device=row.device_id).order_by("-pk").values_list("pk", flat=True)
        compliance_assess(device_id=row.device_id, snapshot_id=newest.first())
