"""The dispatcher's round: leases that ended go to recovery, workers are called where work waits, ends are noticed.

The queue is a doorbell. Losing every task in it costs the seconds until the next round, never work.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.states import DEVICE_BEFORE_WRITE, DevicePlanState, DeviceRunState, PlanState, RunState
from changes.models import DevicePlan, DeviceRun, PlanRevision, Run, RunStep, StepOutcome
from changes.services.claims import claimable, database_time_plus
from changes.services.execution import claimable_device_runs, run_advance
from changes.services.journal import audit_device_run
from changes.services.planning import revision_finish, waiting_device_plans
from changes.services.queueing import ring_planners, ring_runners

DISPATCHER = Actor.system("dispatcher")


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """What one round did."""

    recovered: int
    rung: int
    finished: int

    @property
    def busy(self) -> bool:
        """Whether anything happened."""
        return bool(self.recovered or self.rung or self.finished)


def dispatch_once() -> DispatchReport:
    """One round over everything that is under way. Several small transactions; cheap when nothing is."""
    recovered = _recover_device_runs() + _recover_device_plans()
    finished = _finish_runs() + _finish_revisions()
    return DispatchReport(recovered, _ring_for_runs() + _ring_for_revisions(), finished)


def _recover_device_runs() -> int:
    expired = DeviceRun.objects.lease_expired().values_list("pk", flat=True)
    return sum(_recover_device_run(pk) for pk in list(expired[:500]))


@transaction.atomic
def _recover_device_run(pk: int) -> bool:
    """Take a lost worker's device run over: back to *pending* before any write, else to *reconciling*."""
    run = (
        DeviceRun.objects.lease_expired()
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("run__change", "device")
        .filter(pk=pk)
        .first()
    )
    if run is None:
        return False
    before = DeviceRunState(run.state)
    after = DeviceRunState.PENDING if before in DEVICE_BEFORE_WRITE else DeviceRunState.RECONCILING
    run.state, run.owner, run.lease_until, run.fence = after, None, None, run.fence + 1
    run.save(update_fields=["state", "owner", "lease_until", "fence"])
    RunStep.objects.filter(device_run=run, ended_at=None).update(
        ended_at=Now(),
        outcome=StepOutcome.LOST,
        code="LEASE_LOST",
        detail="The worker was lost in this step.",
    )
    audit_device_run(
        run,
        actor=DISPATCHER,
        state_from=before,
        state_to=after,
        code="LEASE_LOST",
        reason="The worker's lease ended; the run is handed to another worker.",
    )
    return True


def _recover_device_plans() -> int:
    """Planning only reads, so a lost worker's device plan simply starts again."""
    under_way = DevicePlan.objects.filter(state__in=[DevicePlanState.PENDING, DevicePlanState.BUILDING])
    return under_way.filter(owner__isnull=False, lease_until__lt=Now()).update(
        state=DevicePlanState.PENDING, owner=None, lease_until=None
    )


def _due(rows: QuerySet[Run] | QuerySet[PlanRevision]) -> list[int]:
    """Which of these were not rung lately; they count as rung now."""
    due = rows.filter(Q(rung_at=None) | Q(rung_at__lt=database_time_plus(-settings.COUNTERSIGN_RING_AGAIN_S)))
    ids = list(due.values_list("pk", flat=True)[:200])
    rows.model._default_manager.filter(pk__in=ids).update(rung_at=Now())
    return ids


def _ring_for_runs() -> int:
    waiting = [
        pk for pk in _due(Run.objects.filter(state=RunState.RUNNING)) if claimable(claimable_device_runs(pk)).exists()
    ]
    for pk in waiting:
        ring_runners(pk)
    return len(waiting)


def _ring_for_revisions() -> int:
    waiting = [
        pk
        for pk in _due(PlanRevision.objects.filter(state=PlanState.BUILDING))
        if claimable(waiting_device_plans(pk)).exists()
    ]
    for pk in waiting:
        ring_planners(pk)
    return len(waiting)


def _finish_runs() -> int:
    running = Run.objects.filter(state=RunState.RUNNING).values_list("pk", flat=True)
    return sum(run_advance(pk) for pk in list(running))


def _finish_revisions() -> int:
    building = PlanRevision.objects.filter(state=PlanState.BUILDING).values_list("pk", flat=True)
    return sum(revision_finish(pk) for pk in list(building))
