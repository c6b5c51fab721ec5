"""One device's run: the straight way from connecting to saved, the way back, and the way on after a lost worker.

Only the approved commands, or the backout, are sent. After anything may have been written, a broken session is never
answered by sending again: the device is read back first.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack

from django.conf import settings

from changes.domain.orders import SafePoint
from changes.domain.run_states import DeviceRunState, Goal
from changes.domain.sealing import SEAL_CODES
from changes.domain.windows import FREEZE_ACTIVE, WINDOW_CLOSED
from changes.models import DeviceRun
from changes.services.approval_seals import ASK_AGAIN_S, look_again
from changes.services.backout import back_out
from changes.services.committing import NothingWrittenError
from changes.services.device_steps import apply, await_confirm, check, connect, save, snapshot, verify
from changes.services.device_work import DeviceWork, OnDriver, gather
from changes.services.integrity import PlanSeal
from changes.services.journal import BackoutNeededError, BlockedError, Journal, LineStoppedError, OrderedStopError
from changes.services.recovery import LONGEST_WAIT_S, is_hopeless, readings_in_a_row, reconcile
from changes.services.rolling_back import refused as rollback_refused
from changes.services.rolling_back import roll_back
from devices.drivers.base import Driver
from devices.errors import BreakerOpenError, DeviceError
from devices.services.claims import Claim
from devices.services.device_locks import device_lock
from devices.services.scrubbing import Scrubber
from devices.services.sessions import pause_before_next, retry_policy

_S = DeviceRunState
Step = Callable[[DeviceWork, Driver], None]


def execute(claim: Claim, *, seal: PlanSeal, on_driver: OnDriver) -> DeviceRunState | None:
    """Carry one claimed device run on from where its journal stands, until it ends or is handed back.

    Returns how it ended; None where it was handed back.

    Raises:
        LeaseLostError: another worker holds the run now; nothing more was written.
    """
    run = _row(claim.row_id)
    scrub = Scrubber.load()
    journal = Journal(claim, scrub, run)
    with device_lock(run.device_id) as locked:
        if not locked:
            # The former worker's process still lives; its database session frees the device when it ends.
            detail = "A worker that was taken for lost still holds the device; the run waits until it lets go."
            wait_s = settings.COUNTERSIGN_BUSY_WAIT_S
            journal.hand_back(_S(run.state), wait_s=wait_s, code="DEVICE_BUSY", detail=detail, tried=False)
            return None
        try:
            work = gather(run, seal=seal, journal=journal, scrub=scrub, on_driver=on_driver)
        except BlockedError as gate:
            _refuse(run, journal, gate)
        else:
            _carry_on(work)
    return journal.ended


def _row(row_id: int) -> DeviceRun:
    """The device run with what every device needs.

    Configurations of an earlier attempt are read when they are asked for. What is as large as a change's content is not
    read at all.
    """
    rows = DeviceRun.objects.select_related("device", "device_plan__baseline__blob", "run__change__revision", "wave")
    large = ("content", "variables", "revision__inputs")
    rows = rows.defer("device_plan__gates", *(f"run__change__{name}" for name in large))
    run = rows.prefetch_related("device__host_keys").get(pk=row_id)
    revision = run.run.change.revision
    if revision is not None and revision.pk == run.device_plan.revision_id:
        run.device_plan.revision = revision
    return run


def _refuse(run: DeviceRun, journal: Journal, gate: BlockedError) -> None:
    """A plan that cannot be trusted stops the device; where lines may have been sent, people must look."""
    end = _S.UNKNOWN if run.state == _S.RECONCILING else _S.BLOCKED
    if run.goal == Goal.ROLL_BACK:
        end = rollback_refused(run)
    journal.end(end, code=gate.code, detail=gate.detail)


def _carry_on(work: DeviceWork) -> None:
    try:
        with ExitStack() as session:
            if work.run.goal == Goal.ROLL_BACK:
                roll_back(work, session)
            elif work.run.state == _S.RECONCILING:
                _recover(work, session)
            else:
                _implement(work, session)
    except DeviceError as error:
        _reconcile_later(work, error)
    except OrderedStopError as order:
        _leave_unwritten(work, order)
    except LineStoppedError as order:
        # The driver has closed the session. What the device has is read back at once, and then it is taken back.
        work.journal.hand_back(_S.RECONCILING, wait_s=0, code=order.code, detail=order.detail)


def _leave_unwritten(work: DeviceWork, order: OrderedStopError) -> None:
    """Obey an order that met a device before anything was written to it."""
    journal = work.journal
    if order.way is SafePoint.SKIP:
        journal.end(_S.SKIPPED, code=order.code, detail=order.detail)
    elif order.code in SEAL_CODES:
        journal.hand_back(_S.PENDING, wait_s=ASK_AGAIN_S, code=order.code, detail=order.detail, tried=False)
        look_again(work.run.run_id)
    else:
        # Outside its window the run is paused by the dispatcher's next round; until then nobody need try again.
        wait_s = settings.COUNTERSIGN_BUSY_WAIT_S if order.code in {WINDOW_CLOSED, FREEZE_ACTIVE} else 0
        journal.hand_back(_S.PENDING, wait_s=wait_s, code=order.code, detail=order.detail, tried=False)


def _implement(work: DeviceWork, session: ExitStack) -> None:
    try:
        driver = connect(work, session, _S.CONNECTING)
        check(work, driver)
        work.refuse_unsealed()
        snapshot(work)
    except BlockedError as gate:
        work.journal.end(_S.BLOCKED, code=gate.code, detail=gate.detail)
    except DeviceError as error:
        _not_begun(work, error)
    else:
        _write(work, driver, apply, await_confirm, verify, save)


def _not_begun(work: DeviceWork, error: DeviceError) -> None:
    """Nothing was sent. A session that broke while reading is worth another one; the others end the run."""
    if isinstance(error, BreakerOpenError) and not error.hopeless:
        # Later by chance, so that not all devices come back in the same moment.
        wait_s = error.wait_s + random.uniform(0.2, 2)  # noqa: S311 - spreads the devices, protects nothing
        work.journal.hand_back(_S.PENDING, wait_s=wait_s, code=error.code, detail=str(error), tried=False)
        return
    reads = work.steps(_S.CHECKING).count()
    if work.journal.state is _S.CHECKING and retry_policy().goes_on(reads, permanent=error.permanent):
        wait_s = pause_before_next(reads)
        detail = f"{error} Attempt {reads + 1} follows in {wait_s:.1f} s."
        work.journal.hand_back(_S.PENDING, wait_s=wait_s, code=error.code, detail=detail)
        return
    # A wrong identity is a gate's refusal, everything else a failure.
    end = _S.BLOCKED if error.code.startswith("IDENTITY_") else _S.FAILED
    work.journal.end(end, code=error.code, detail=str(error))


def _recover(work: DeviceWork, session: ExitStack) -> None:
    driver = connect(work, session, _S.RECONCILING)
    try:
        applied = reconcile(work, driver)
    except BlockedError as gate:
        work.journal.end(_S.UNKNOWN, code=gate.code, detail=gate.detail)
    except BackoutNeededError as problem:
        back_out(work, driver, problem)
    else:
        if applied:
            _write(work, driver, await_confirm, verify, save)


def _write(work: DeviceWork, driver: Driver, *steps: Step) -> None:
    try:
        for step in steps:
            step(work, driver)
    except NothingWrittenError as refusal:
        work.journal.end(_S.FAILED, code=refusal.code, detail=refusal.detail)
    except BackoutNeededError as problem:
        back_out(work, driver, problem)
    else:
        work.journal.end(_S.SUCCEEDED)


def _reconcile_later(work: DeviceWork, error: DeviceError) -> None:
    """The session broke where lines may have been sent: hand the run back, to be read back on a new session.

    A device that cannot be read back ends as *unknown*: at once where trying again is no use, or would lock an
    account, else after some minutes.
    """
    if is_hopeless(work, error) or (isinstance(error, BreakerOpenError) and error.hopeless):
        work.journal.give_up(code=error.code, detail=str(error))
        return
    wait_s = min(settings.COUNTERSIGN_RECONNECT_WAIT_S * 2 ** readings_in_a_row(work), LONGEST_WAIT_S)
    if isinstance(error, BreakerOpenError):
        wait_s = max(wait_s, error.wait_s)
    work.journal.hand_back(_S.RECONCILING, wait_s=wait_s, code=error.code, detail=str(error))
