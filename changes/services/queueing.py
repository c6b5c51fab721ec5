"""Ringing the workers. A task carries ids only; losing it costs seconds, because the dispatcher rings again."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

TASK_LIMIT_S: Final = 3600
"""When the queue ends a task by force. A worker hands over by itself long before; but a device with many lines or slow
checks takes its time, and to be cut off in its middle would cost it the change."""


def ring_planners(revision_id: int) -> None:
    """Call a worker for a plan revision once the present transaction is committed."""
    _ring("changes.tasks.plan_revision", revision_id)


def ring_runners(run_id: int) -> None:
    """Call a worker for a run once the present transaction is committed."""
    _ring("changes.tasks.execute_run", run_id)


def is_ringing() -> bool:
    """Whether a task waits that no worker has taken yet: all are busy, and more tasks would only lengthen the queue."""
    return bool(get_broker().queue_size())


def _ring(task: str, row_id: int) -> None:
    # Robust: what was committed stands, and must not look refused because the bell is broken.
    transaction.on_commit(lambda: async_task(task, row_id, timeout=TASK_LIMIT_S), robust=True)
