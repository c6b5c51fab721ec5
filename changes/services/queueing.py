"""Ringing the workers. A task carries ids only; losing it costs seconds, because the dispatcher rings again."""

from __future__ import annotations

from django.db import transaction
from django_q.tasks import async_task


def ring_planners(revision_id: int) -> None:
    """Call a worker for a plan revision once the present transaction is committed."""
    transaction.on_commit(lambda: async_task("changes.tasks.plan_revision", revision_id))


def ring_runners(run_id: int) -> None:
    """Call a worker for a run once the present transaction is committed."""
    transaction.on_commit(lambda: async_task("changes.tasks.execute_run", run_id))
