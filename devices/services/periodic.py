"""Recurring work: what `COUNTERSIGN_PERIODIC` names is called for when it is due, by the dispatcher that leads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.module_loading import import_string
from django_q.tasks import async_task

from devices.models import PeriodicJob

PERIODIC_TASK_LIMIT_S = 3600
CALLED_AGAIN_AFTER_S = 600
"""A call of which no end was reported for so long is made again: the queue may have forgotten it, or its worker died.
Each task finds by itself whether it still goes on."""
RUN_TASK = "devices.tasks.periodic_run"


def periodic_call_due() -> int:
    """Put every recurring task that is due into the queue; returns how many.

    The first call of a new task comes one interval after the installation first knew of it. Missed calls are not
    made up for: after a pause there is one. An interval of 0 seconds switches a task off. Until its end is reported, a
    call counts as lost after ten minutes.
    """
    return sum(_call(task, every_s) for task, every_s in settings.COUNTERSIGN_PERIODIC.items() if every_s > 0)


@transaction.atomic
def _call(task: str, every_s: int) -> bool:
    interval = timedelta(seconds=every_s)
    _job, is_new = PeriodicJob.objects.get_or_create(task=task, defaults={"due_at": Now() + interval})
    if is_new:
        return False
    # A shorter interval than before holds at once: nothing is due later than one interval from now.
    due = PeriodicJob.objects.filter(task=task, due_at__lte=Now())
    called = due.update(due_at=Now() + min(interval, timedelta(seconds=CALLED_AGAIN_AFTER_S)), called_at=Now())
    PeriodicJob.objects.filter(task=task, due_at__gt=Now() + interval).update(due_at=Now() + interval)
    if called:
        transaction.on_commit(lambda: async_task(RUN_TASK, task, timeout=PERIODIC_TASK_LIMIT_S), robust=True)
    return bool(called)


def periodic_run(task: str) -> str:
    """Do a recurring task, and note that its call has arrived; what it says, or that it is none.

    One that fails is called again after its interval, like one that succeeds.
    """
    every_s = settings.COUNTERSIGN_PERIODIC.get(task, 0)
    if every_s <= 0:
        return f"{task} is no recurring task of this installation"
    try:
        work: Callable[[], str] = import_string(task)
        return work()
    finally:
        called = PeriodicJob.objects.filter(task=task, called_at__isnull=False)
        called.update(due_at=F("called_at") + timedelta(seconds=every_s))
