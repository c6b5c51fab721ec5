"""Promotion by health: after the soak time each device of the wave that succeeded is visited once more, read-only.

The visits are claimed like device runs, by the same workers, under the same limits of the strategy and the same lock on
the device. A lost worker's visit is made again by another.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain.run_states import DeviceRunState, RunState, WaveState
from changes.domain.strategy import Strategy
from changes.models import DeviceRun, HealthVerdict, Run, Wave, WaveCheck, WaveCheckQuerySet
from changes.services.health_visit import Seen, visit
from changes.services.integrity import PlanSeal
from changes.services.losses import MAX_LOSSES
from devices.errors import BreakerOpenError, DeviceError
from devices.services.claims import Claim, claim_some, claimable, fenced_update, release
from devices.services.device_locks import device_lock
from devices.services.runner import Heartbeat, run_claims
from devices.services.scrubbing import Scrubber

WORKER = Actor.system("worker")


def wave_checks_create(wave: Wave) -> int:
    """A visit for each device of the wave that succeeded and has none yet; returns how many visits are open."""
    done = wave.device_runs.filter(state=DeviceRunState.SUCCEEDED, health_check=None)
    WaveCheck.objects.bulk_create(
        [WaveCheck(wave=wave, device_run_id=pk) for pk in done.order_by("pk").values_list("pk", flat=True)],
        batch_size=500,
    )
    return WaveCheck.objects.open().filter(wave=wave).count()


def claimable_checks(run_id: int) -> WaveCheckQuerySet:
    """A running run's open visits whose device no run is working on."""
    busy = DeviceRun.objects.busy().filter(device=OuterRef("device_run__device"))
    rows = WaveCheck.objects.open().filter(
        wave__run_id=run_id, wave__run__state=RunState.RUNNING, wave__state=WaveState.CHECKING
    )
    return rows.filter(~Exists(busy)).order_by("pk")


def check_devices(run: Run) -> int:
    """Make a run's open visits in this process until none is left or the deadline nears; returns how many."""
    if not claimable(claimable_checks(run.pk)).exists():
        return 0
    return run_claims(
        WaveCheck,
        claim_some=lambda owner, limit: _claim(run, owner, limit),
        work=partial(_check, PlanSeal(run), Scrubber.load()),
        threads=min(settings.COUNTERSIGN_THREADS, run.max_parallel),
    )


def _claim(run: Run, owner: uuid.UUID, limit: int) -> list[Claim]:
    with transaction.atomic():
        # The same gate as for device runs.
        Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        strategy = Strategy.of(run.strategy)
        held = WaveCheck.objects.open().filter(wave__run=run, owner__isnull=False)
        sites = Counter(held.values_list("device_run__device__site", flat=True))
        limit = min(limit, strategy.max_parallel - sites.total())
        if limit <= 0:
            return []
        waiting = claimable_checks(run.pk)
        if strategy.max_parallel_per_site:
            full = [site for site, count in sites.items() if count >= strategy.max_parallel_per_site]
            waiting, limit = waiting.exclude(device_run__device__site__in=full), 1
        return claim_some(waiting, owner=owner, limit=limit)


def _check(seal: PlanSeal, scrub: Scrubber, claim: Claim, heartbeat: Heartbeat) -> None:
    check = WaveCheck.objects.select_related(
        "wave", "device_run__device", "device_run__device_plan", "device_run__run__change"
    ).get(pk=claim.row_id)
    with device_lock(check.device_run.device_id) as locked:
        if not locked:
            release(WaveCheck, claim, wait_s=settings.COUNTERSIGN_BUSY_WAIT_S, tried=False)
            return
        try:
            seen = visit(check.device_run, seal=seal, scrub=scrub, on_driver=heartbeat.watch())
        except BreakerOpenError as error:
            if not error.hopeless:
                # Nobody looked: another device of the site, or of the credential, is tried first.
                release(WaveCheck, claim, wait_s=error.wait_s + random.uniform(0.2, 2), tried=False)  # noqa: S311 - spreads the devices, protects nothing
                return
            seen = Seen(error.code, scrub.prose(str(error)))
        except DeviceError as error:
            if not error.permanent and check.attempts < settings.DEVICE_CONNECT_ATTEMPTS:
                wait_s = settings.DEVICE_RETRY_BASE_S * 2 ** (check.attempts - 1)
                release(WaveCheck, claim, wait_s=wait_s)
                return
            seen = Seen(error.code, scrub.prose(str(error)))
    _end(check, claim, seen)


@transaction.atomic
def _end(check: WaveCheck, claim: Claim, seen: Seen) -> None:
    fenced_update(
        WaveCheck,
        claim,
        verdict=seen.verdict,
        code=seen.code,
        detail=seen.detail,
        data=seen.data,
        transcript=seen.transcript,
        ended_at=Now(),
        owner=None,
        lease_until=None,
    )
    _audit(check, seen)


def _audit(check: WaveCheck, seen: Seen) -> None:
    run = check.device_run
    record(
        actor=WORKER,
        action=f"device_run.found_{seen.verdict.value}",
        object_type="device_run",
        object_id=run.pk,
        object_label=f"{run.run.change.number} on {run.device.name}",
        change_id=run.run.change_id,
        device_id=run.device_id,
        code=seen.code,
        reason=seen.detail,
        details={"run": run.run_id, "wave": check.wave.number, "plan_digest": run.plan_digest},
    )


@transaction.atomic
def wave_checks_hand_on() -> int:
    """Free the visits of lost workers; one that loses worker after worker is given up as unhealthy. Returns how many.

    One query where nothing was lost.
    """
    lost = WaveCheck.objects.lease_expired().select_for_update(of=("self",), skip_locked=True)
    rows = list(lost.select_related("wave", "device_run__device", "device_run__run__change").order_by("pk")[:500])
    for row in rows:
        row.owner, row.lease_until, row.fence, row.losses = None, None, row.fence + 1, row.losses + 1
        if row.losses >= MAX_LOSSES:
            seen = Seen("LEASE_LOST", f"{MAX_LOSSES} visits ended with the loss of the worker, so it was given up.")
            row.verdict, row.code, row.detail = HealthVerdict.UNHEALTHY.value, seen.code, seen.detail
            _audit(row, seen)
        row.save(update_fields=["owner", "lease_until", "fence", "losses", "verdict", "code", "detail"])
    return len(rows)
