"""After a lost worker or session: read the device back, and only then decide what is true and what comes next."""

from __future__ import annotations

from django.conf import settings

from changes.domain.states import DeviceRunState
from changes.models import DeviceRun, RunStep, StepOutcome
from changes.services.device_steps import is_part_of_change, prove_identity, set_target
from changes.services.device_work import DeviceWork
from changes.services.journal import BackoutNeededError, BlockedError
from devices.domain.config_text import normalise
from devices.drivers.base import Driver
from devices.models import SnapshotPurpose
from devices.services.snapshots import snapshot_store

_S = DeviceRunState


def reconcile(work: DeviceWork, driver: Driver) -> bool:
    """Find out what a lost worker left behind.

    Equal to the target: applied, True, and verification goes on. Equal to the configuration before: not applied; the
    run starts again, a bounded number of times, or ends when a backout was under way. A part of the change:
    it is backed out from what is there.

    Raises:
        BackoutNeededError: a part of the change, or an unfinished backout, is on the device.
        BlockedError: what is there fits neither; the run ends as *unknown* and people decide.
    """
    with work.step(_S.RECONCILING, driver) as notes:
        prove_identity(work, driver, notes)
        actual = normalise(driver.running_config(), work.platform)
        stored = snapshot_store(device=work.run.device, text=actual, purpose=SnapshotPurpose.RECOVERY)
        work.journal.note(after=stored)
        set_target(work)
        finding = _finding(work, actual)
        notes.data.update(finding=finding, after_sha256=stored.blob_id)
        if finding == "unknown":
            raise BlockedError(
                "CONVERGENCE_AMBIGUOUS",
                "After the session was lost, the device shows neither the configuration before nor the approved one,"
                " nor a part of the change. Two people must decide.",
            )
        cause = _cause(work)
        if finding == "partial" or (finding == "applied" and cause.backing_out):
            raise BackoutNeededError(cause.code, cause.detail)
    if finding == "applied":
        return True
    _not_applied(work, cause)
    return False


def _finding(work: DeviceWork, actual: str) -> str:
    if actual == work.target:
        return "applied"
    if actual == work.before:
        return "not applied"
    return "partial" if is_part_of_change(work, actual) else "unknown"


class _Cause:
    """Why the device is being read back: the first failure on record, or the loss of the worker itself."""

    def __init__(self, code: str, detail: str, *, backing_out: bool) -> None:
        self.code = code
        self.detail = detail
        self.backing_out = backing_out


def _cause(work: DeviceWork) -> _Cause:
    steps = RunStep.objects.filter(device_run=work.run).exclude(name=_S.RECONCILING)
    backing_out = steps.filter(name=_S.BACKING_OUT).exists()
    failed = steps.filter(outcome=StepOutcome.FAILED).exclude(name=_S.BACKING_OUT).order_by("-sequence").first()
    if failed:
        return _Cause(failed.code, failed.detail, backing_out=backing_out)
    detail = "The worker was lost in the middle of this device. What it had applied was taken back."
    return _Cause("LEASE_LOST", detail, backing_out=backing_out)


def _not_applied(work: DeviceWork, cause: _Cause) -> None:
    if cause.backing_out:
        work.journal.end(_S.ROLLED_BACK, code=cause.code, detail=cause.detail)
        return
    attempts = DeviceRun.objects.values_list("attempts", flat=True).get(pk=work.run.pk)
    if attempts >= settings.COUNTERSIGN_RECONCILE_ATTEMPTS:
        detail = f"No line was applied in {attempts} attempts; the last cause: {cause.detail}"
        work.journal.end(_S.FAILED, code=cause.code, detail=detail)
        return
    work.journal.hand_back(_S.PENDING, wait_s=settings.COUNTERSIGN_RECONNECT_WAIT_S)
