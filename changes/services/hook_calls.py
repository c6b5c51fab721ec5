"""Calling hooks: rows in the transaction of what happened; a worker calls each in a process of its own.

Nothing waits for a hook but a plan and a wave, and only for hooks that an administrator has made required. The wait is
bounded: a hook that hangs is ended, one that crashes has given no answer, a call that no worker takes is given up.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django_q.tasks import async_task

from changes.domain.hooks import DETAIL_LIMIT, OBJECTING, TROUBLE, HookCallState, HookPoint, OnObjection
from changes.domain.notifications import one_line
from changes.domain.run_states import RunState
from changes.hooks.process import call
from changes.hooks.registry import installed_hook
from changes.models import DeviceRun, HookCall, HookSetting, PlanRevision, Run
from changes.models.runs import ENDED_DEVICE_RUN_STATES
from changes.services.hook_events import event_for, variables_for
from changes.services.queueing import is_ringing
from devices.services.claims import Claim, claim_some, claimable, database_time_plus, fenced_update
from devices.services.runner import Heartbeat, run_claims
from devices.services.scrubbing import Scrubber

logger = logging.getLogger(__name__)

TASK: Final = "changes.tasks.hooks_work"
TURN_S: Final = 5
"""A worker begins no further call after so long: whatever else waits for a worker comes before the next turn."""
GIVEN_UP_AFTER_S: Final = 900
MAX_LOSSES: Final = 3
_SCAN_S: Final = 3_600
_SCAN: Final = 500
_LOCK: Final = 0x0C5D_400C
"""Key of the advisory lock of the one worker that calls hooks."""
HOOK_OBJECTED: Final = "HOOK_OBJECTED"
HOOK_FAILED: Final = "HOOK_FAILED"


@dataclass(frozen=True, slots=True)
class Held:
    """Why something may not begin: it ``waits`` for answers, or a required hook stands against it with a ``code``."""

    waits: bool = False
    code: str = ""
    detail: str = ""
    on_objection: OnObjection = OnObjection.PAUSE


def hooks_tell(point: HookPoint, revision: PlanRevision, run: Run | None = None) -> int:
    """Have every hook called that is switched on and wants this point; rows in the caller's transaction.

    One query where no hook is switched on. Returns how many calls were made.
    """
    rows = [
        HookCall(
            hook=hook,
            point=point.value,
            change_id=revision.change_id,
            revision=revision,
            run=run,
            required=hook.required and point in OBJECTING,
        )
        for hook in _interested(point)
    ]
    HookCall.objects.bulk_create(rows, ignore_conflicts=True)
    _ring(bool(rows))
    return len(rows)


def plan_held(revision: PlanRevision) -> Held:
    """Whether the planning of a revision waits for required hooks, or one of them stands against it. One query."""
    return _judged(list(_calls(HookPoint.BEFORE_PLAN, revision).filter(required=True)))


def wave_held(run: Run, wave: int) -> Held:
    """Whether a wave of a locked run may not open because of required hooks; the hooks are called when first asked.

    After an objection has paused the run, whoever resumes it has the hooks asked again. One query where no hook is
    switched on and none was.
    """
    made = _calls(HookPoint.BEFORE_WAVE, run.revision).filter(run=run, wave=wave)
    asked = made.aggregate(last=Max("asked"))["last"] or 0
    rows = list(made.filter(asked=asked)) if asked else []
    if not rows or any(row.code for row in rows):
        rows = _ask_before_wave(run, wave, asked + 1)
    held = _judged([row for row in rows if row.required])
    if held.code:
        HookCall.objects.filter(pk__in=[row.pk for row in rows]).update(code=held.code)
    return held


def hooks_work() -> int:
    """Call hooks for one turn, or until nothing is left; returns how many calls were made.

    One worker of the whole installation does so at a time; the others that are called have nothing to do and are free
    for devices. A turn lasts ``TURN_S`` and as long as the slowest hook may take.
    """
    end = time.monotonic() + TURN_S
    with _alone() as alone:
        if not alone:
            return 0
        return run_claims(
            HookCall,
            claim_some=lambda owner, limit: _claim(owner, limit) if time.monotonic() < end else [],
            work=_call_one,
            threads=settings.COUNTERSIGN_HOOKS_AT_ONCE,
        )


def hooks_dispatch() -> int:
    """The dispatcher's round: ended devices are told of, lost calls are given back or up, a worker is called.

    One query where no hook is switched on and nothing waits. Returns how much it did.
    """
    if not HookSetting.objects.enabled().exists() and not HookCall.objects.open().exists():
        return 0
    done = _tell_of_devices() + _hand_on()
    if claimable(HookCall.objects.open()).exists() and not is_ringing():
        async_task(TASK)
        done += 1
    return done


def _interested(point: HookPoint) -> list[HookSetting]:
    return [hook for hook in HookSetting.objects.enabled().order_by("name") if point.value in hook.points]


def _calls(point: HookPoint, revision: PlanRevision) -> QuerySet[HookCall]:
    return HookCall.objects.filter(point=point.value, revision=revision).select_related("hook").order_by("pk")


def _ask_before_wave(run: Run, wave: int, asked: int) -> list[HookCall]:
    rows = HookCall.objects.bulk_create(
        HookCall(
            hook=hook,
            point=HookPoint.BEFORE_WAVE.value,
            change_id=run.change_id,
            revision=run.revision,
            run=run,
            wave=wave,
            asked=asked,
            required=hook.required,
        )
        for hook in _interested(HookPoint.BEFORE_WAVE)
    )
    _ring(bool(rows))
    return rows


def _judged(required: list[HookCall]) -> Held:
    if any(row.state == HookCallState.WAITING for row in required):
        return Held(waits=True)
    for row in required:
        if row.state == HookCallState.OBJECTED:
            detail = f"The hook {row.hook.name} objects: {row.detail}"
            return Held(code=HOOK_OBJECTED, detail=detail, on_objection=OnObjection(row.hook.on_objection))
    for row in required:
        if row.state in TROUBLE:
            detail = f"The required hook {row.hook.name} gave no usable answer: {row.detail}"
            return Held(code=HOOK_FAILED, detail=detail)
    return Held()


def _ring(something: bool) -> None:
    if something:
        transaction.on_commit(lambda: async_task(TASK), robust=True)


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether this worker is the only one that calls hooks now; PostgreSQL forgets the lock of one that was killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        (alone,) = cursor.fetchone()
    try:
        yield bool(alone)
    finally:
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


@transaction.atomic
def _claim(owner: uuid.UUID, limit: int) -> list[Claim]:
    # What a worker that was lost had begun may be under way still.
    places = settings.COUNTERSIGN_HOOKS_AT_ONCE - HookCall.objects.open().filter(owner__isnull=False).count()
    rows = HookCall.objects.open().order_by("-required", "pk")
    return claim_some(rows, owner=owner, limit=min(limit, places)) if places > 0 else []


def _call_one(claim: Claim, heartbeat: Heartbeat) -> None:  # noqa: ARG001 - the signature of a work
    row = HookCall.objects.select_related("hook", "change__author", "revision", "run", "device_run__device").get(
        pk=claim.row_id
    )
    hook = installed_hook(row.hook.name)
    if not row.hook.enabled:
        _end(claim, HookCallState.DROPPED, "The hook was switched off.")
    elif hook is None:
        _end(claim, HookCallState.MISSING, "No installed package offers it any more.")
    else:
        answer = call(hook.name, event_for(row), limit_s=row.hook.time_limit_s, environ=variables_for(hook))
        _end(claim, answer.state, answer.sentence, answer.duration_ms)
    if row.required and row.run_id:
        from changes.services.execution import run_advance

        run_advance(row.run_id)
    elif row.required:
        from changes.services.queueing import ring_planners

        ring_planners(row.revision_id)


def _end(claim: Claim, state: HookCallState, sentence: str, duration_ms: int | None = None) -> None:
    # A hook's own words may hold what it was given to keep: known secrets are taken out.
    detail = one_line(Scrubber.load().prose(sentence), DETAIL_LIMIT)
    freed = {"owner": None, "lease_until": None, "ended_at": Now()}
    fenced_update(HookCall, claim, state=state.value, detail=detail, duration_ms=duration_ms, **freed)


def _hand_on() -> int:
    """Give calls of lost workers back, and give up what loses worker after worker or was taken by none."""
    lost = HookCall.objects.lease_expired()
    end = {"owner": None, "lease_until": None, "ended_at": Now(), "state": HookCallState.LOST.value}
    given_up = lost.filter(losses__gte=MAX_LOSSES - 1).update(**end, detail="Its worker was lost again and again.")
    freed = lost.update(owner=None, lease_until=None, fence=F("fence") + 1, losses=F("losses") + 1)
    old = HookCall.objects.open().filter(owner__isnull=True, created_at__lt=database_time_plus(-GIVEN_UP_AFTER_S))
    untaken = old.filter(required=True).update(**end, detail="No worker took the call in time.")
    return given_up + freed + untaken


def _tell_of_devices() -> int:
    """Calls for device runs that have ended since a hook was switched on, of runs that go on or ended lately."""
    made = 0
    for hook in _interested(HookPoint.AFTER_DEVICE):
        told = HookCall.objects.filter(hook=hook, point=HookPoint.AFTER_DEVICE, device_run=OuterRef("pk"))
        lately = ~Q(run__state=RunState.ENDED) | Q(run__ended_at__gt=database_time_plus(-_SCAN_S))
        ended = DeviceRun.objects.filter(
            lately, ~Exists(told), state__in=ENDED_DEVICE_RUN_STATES, ended_at__gte=hook.enabled_at
        )
        rows = [
            HookCall(
                hook=hook,
                point=HookPoint.AFTER_DEVICE.value,
                change_id=row.run.change_id,
                revision_id=row.run.revision_id,
                run_id=row.run_id,
                device_run_id=row.pk,
            )
            for row in ended.select_related("run").order_by("pk")[:_SCAN]
        ]
        HookCall.objects.bulk_create(rows, ignore_conflicts=True)
        made += len(rows)
    return made
