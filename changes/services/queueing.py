"""Ringing the workers. A task carries ids only; losing it costs seconds, because the dispatcher rings again."""

from __future__ import annotations

from math import ceil
from typing import Final

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

TASK_LIMIT_S: Final = 3600
"""When the queue ends a task by force. A worker hands over by itself long before; but a device with many lines or slow
checks takes its time, and to be cut off in its middle would cost it the change."""


MOST_RINGS: Final = 16
"""Tasks that call workers for the same thing at once. Those that come too many cost a few queries each."""


def ring_planners(revision_id: int, *, waiting: int = 1) -> None:
    """Call workers for a plan revision, of which so many devices wait, once the present transaction is committed."""
    _ring("changes.tasks.plan_revision", revision_id, waiting)


def ring_runners(run_id: int, *, waiting: int = 1) -> None:
    """Call workers for a run, of which so many devices wait, once the present transaction is committed."""
    _ring("changes.tasks.execute_run", run_id, waiting)


def is_ringing() -> bool:
    """Whether a task waits that no worker has taken yet: all are busy, and more tasks would only lengthen the queue."""
    return bool(get_broker().queue_size())


def _ring(task: str, row_id: int, waiting: int) -> None:
    """A task for as many devices as one worker takes on at once, so that all begin now and not one after the other."""

    def ring() -> None:
        for _ in range(min(ceil(waiting / settings.COUNTERSIGN_THREADS), MOST_RINGS)):
            async_task(task, row_id, timeout=TASK_LIMIT_S)

    # Robust: what was committed stands, and must not look refused because the bell is broken.
    transaction.on_commit(ring, robust=True)
