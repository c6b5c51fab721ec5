"""The dispatcher's round: leases that ended go to recovery, workers are called where work waits, ends are noticed.

The queue is a doorbell. Losing every task in it costs the seconds until the next round, never work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from changes.domain.run_states import RunState
from changes.domain.states import PlanState
from changes.models import DeviceRun, PlanRevision, Run
from changes.services.execution import claimable_device_runs, run_advance
from changes.services.losses import device_plans_hand_on, device_run_hand_on
from changes.services.planning import revision_finish, waiting_device_plans
from changes.services.queueing import MOST_RINGS, is_ringing, ring_planners, ring_runners
from changes.services.rejudging import waiting_judge
from changes.services.scheduled_starts import starts_ring
from changes.services.wave_checks import claimable_checks, wave_checks_hand_on
from changes.services.wave_progress import does_not_wait
from devices.services.claims import Row, claimable, database_time_plus

logger = logging.getLogger(__name__)


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
    recovered = _recover_device_runs() + device_plans_hand_on() + wave_checks_hand_on()
    finished = _finish_runs() + _finish_revisions()
    finished += waiting_judge()
    rung = starts_ring() + (0 if is_ringing() else _ring_for_runs() + _ring_for_revisions())
    return DispatchReport(recovered, rung, finished)


def _recover_device_runs() -> int:
    expired = DeviceRun.objects.lease_expired().values_list("pk", flat=True)
    return _each(device_run_hand_on, expired[:500])


def _each(work: Callable[[int], bool], ids: Iterable[int]) -> int:
    """Do it for each row by itself; how often it did something. One row's trouble must not stop all the others."""
    done = 0
    for pk in list(ids):
        try:
            done += work(pk)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("%s %s failed; the others go on", work.__name__, pk)
    return done


def _due(rows: QuerySet[Run] | QuerySet[PlanRevision]) -> list[int]:
    """Which of these were not rung lately; they count as rung now."""
    due = rows.filter(Q(rung_at=None) | Q(rung_at__lt=database_time_plus(-settings.COUNTERSIGN_RING_AGAIN_S)))
    ids = list(due.values_list("pk", flat=True)[:200])
    rows.model._default_manager.filter(pk__in=ids).update(rung_at=Now())
    return ids


def _ring_for_runs() -> int:
    # Those that are paused too: a device whose worker was lost is read back whatever was ordered.
    due = _due(Run.objects.exclude(state=RunState.ENDED))
    under_way = Run.objects.filter(pk__in=due).only("max_parallel")
    waiting = {run: _waiting(claimable_device_runs(run.pk)) or _waiting(claimable_checks(run.pk)) for run in under_way}
    for run, count in waiting.items():
        # Runners that find as many devices at work as the strategy allows would have come for nothing.
        places = max(1, run.max_parallel - run.device_runs.filter(owner__isnull=False).count())
        ring_runners(run.pk, waiting=min(count, places))
    return sum(map(bool, waiting.values()))


def _waiting(rows: QuerySet[Row]) -> int:
    """How many rows may be claimed now; no more are counted than a call of all workers is for."""
    return claimable(rows)[: MOST_RINGS * settings.COUNTERSIGN_THREADS].count()


def _ring_for_revisions() -> int:
    building = _due(PlanRevision.objects.filter(state=PlanState.BUILDING))
    waiting = {pk: _waiting(waiting_device_plans(pk)) for pk in building}
    for pk, count in waiting.items():
        ring_planners(pk, waiting=count)
    return sum(map(bool, waiting.values()))


def _finish_runs() -> int:
    # Of those that roll back, the last worker may be lost before their end.
    under_way = Run.objects.exclude(state=RunState.ENDED).filter(~Q(state=RunState.PAUSED) | does_not_wait())
    return _each(run_advance, under_way.values_list("pk", flat=True))


def _finish_revisions() -> int:
    building = PlanRevision.objects.filter(state=PlanState.BUILDING).values_list("pk", flat=True)
    return _each(revision_finish, building)
