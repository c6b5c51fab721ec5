"""Rows whose worker was lost: handed on to the next worker, or given up where worker after worker is lost."""

from __future__ import annotations

import random
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.run_states import DEVICE_BEFORE_WRITE, DeviceRunState, Goal
from changes.domain.states import DevicePlanState
from changes.models import DevicePlan, DeviceRun, RunStep, StepOutcome
from changes.services.device_events import audit_device_run
from changes.services.rollback_ways import sends
from devices.services.claims import database_time_plus

DISPATCHER = Actor.system("dispatcher")

MAX_LOSSES: Final = 5
"""So many workers in a row may be lost on one row; then it is the row that loses them."""
_ALONE_FROM: Final = 2
"""After so many losses a device waits for a time by chance: one that kills its workers takes the neighbours in the same
process along each time, and they must not be given up with it."""

_S = DeviceRunState


@transaction.atomic
def device_run_hand_on(pk: int) -> bool:
    """Take a lost worker's device run over: back to *pending* before any write, else to *reconciling*.

    When :data:`MAX_LOSSES` workers were lost on it one after the other, it ends: *failed* before any write, *rollback
    failed* before the first line of a rollback, else *unknown*, and people must look at the device. From the second
    loss on it waits for a while by chance. Returns whether there was something to do.
    """
    run = (
        DeviceRun.objects.lease_expired()
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("run__change", "device")
        .defer("run__change__content", "run__change__variables")
        .filter(pk=pk)
        .first()
    )
    if run is None:
        return False
    written = run.state not in DEVICE_BEFORE_WRITE
    run.owner, run.lease_until, run.fence, run.losses = None, None, run.fence + 1, run.losses + 1
    wait_s = _pause_s(run.losses)
    run.not_before = database_time_plus(wait_s) if wait_s else None
    run.save(update_fields=["owner", "lease_until", "fence", "losses", "not_before"])
    RunStep.objects.filter(device_run=run, ended_at=None).update(
        ended_at=Now(),
        outcome=StepOutcome.LOST,
        code="LEASE_LOST",
        detail="The worker was lost in this step.",
    )
    when = f" in {wait_s:.0f} s" if wait_s else ""
    reason = f"The worker's lease ended; the run is handed to another worker{when}."
    if run.state == _S.ROLLBACK_PENDING:
        # Claimed, and lost before its first step: it waits as before, without holding the device.
        audit_device_run(
            run, actor=DISPATCHER, state_from=run.state, state_to=run.state, code="LEASE_LOST", reason=reason
        )
    else:
        _move(run, _S.RECONCILING if written else _S.PENDING, code="LEASE_LOST", reason=reason)
    if run.losses >= MAX_LOSSES:
        _give_up(run, written=written)
    return True


def _pause_s(losses: int) -> float:
    """Seconds until a device is handed on after so many losses in a row: none at first, then ever longer, by chance."""
    if losses < _ALONE_FROM:
        return 0.0
    longest_s = settings.COUNTERSIGN_LEASE_S / 2 * 2 ** (losses - _ALONE_FROM)
    return random.uniform(0, longest_s)  # noqa: S311 - spreads devices, protects nothing


def _give_up(run: DeviceRun, *, written: bool) -> None:
    run.code = run.code or "LEASE_LOST"
    if run.goal == Goal.ROLL_BACK:
        written = sends(run).filter(sequence__gt=run.goal_step).exists()
    state = "What the device has now is not known." if written else "Nothing was sent."
    run.detail = f"{MAX_LOSSES} attempts ended with the loss of the worker, so it was given up. {state} {run.detail}"
    run.detail = run.detail.strip()
    end = _S.UNKNOWN if written else _S.FAILED
    if run.goal == Goal.ROLL_BACK and not written:
        end = _S.ROLLBACK_FAILED
    _move(run, end, code=run.code, reason=run.detail)
    DeviceRun.objects.filter(pk=run.pk).update(code=run.code, detail=run.detail, ended_at=Now())


def _move(run: DeviceRun, state: DeviceRunState, *, code: str, reason: str) -> None:
    before, run.state = _S(run.state), state
    run.save(update_fields=["state"])
    audit_device_run(run, actor=DISPATCHER, state_from=before, state_to=state, code=code, reason=reason)


@transaction.atomic
def device_plans_hand_on() -> int:
    """Planning only reads, so a lost worker's device plan simply starts again; not for ever. Three queries."""
    under_way = DevicePlan.objects.filter(state__in=[DevicePlanState.PENDING, DevicePlanState.BUILDING])
    expired = under_way.filter(owner__isnull=False, lease_until__lt=Now())
    freed: dict[str, object] = {"owner": None, "lease_until": None, "losses": F("losses") + 1}
    given_up = expired.filter(losses__gte=MAX_LOSSES - 1)
    detail = f"{MAX_LOSSES} attempts to plan this device ended with the loss of the worker."
    count = _fail(given_up.filter(code=""), freed, code="LEASE_LOST", detail=detail)
    count += _fail(given_up, freed)
    return count + expired.update(state=DevicePlanState.PENDING, **freed)


def _fail(plans: QuerySet[DevicePlan], freed: dict[str, object], **values: str) -> int:
    return plans.update(state=DevicePlanState.FAILED, ended_at=Now(), **freed, **values)
