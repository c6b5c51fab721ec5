"""What the inventory is told at the end of a run: one journal entry for each device that was worked on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser

from changes.domain.run_states import DeviceRunState, Goal
from changes.models import Approval, ChangeRequest, Decision, DeviceRun, DeviceRunQuerySet, Run
from devices.services.inventory_apply import batches
from devices.services.inventory_journal import Entry, journal_queue

_KINDS: Final = {
    DeviceRunState.SUCCEEDED: "success",
    DeviceRunState.ROLLED_BACK: "warning",
    DeviceRunState.BLOCKED: "info",
    DeviceRunState.SKIPPED: "info",
}


def notes_queue(run: Run, change: ChangeRequest) -> int:
    """Keep an entry for each device of an ended run that comes from NetBox; in the run's transaction, sent later.

    Devices that were never begun get none. A NetBox that fails therefore changes no result. A run that ends
    again, after a rollback, adds an entry for each device that was to be rolled back by the last order.
    """
    begun = run.device_runs.filter(started_at__isnull=False).order_by("pk")
    carried_out = f"{change.number}, run {run.pk}"
    count = _queued(run, change, begun.filter(goal=Goal.APPLY), carried_out)
    orders = run.rollback_orders.order_by("pk")
    last = orders.last()
    if last is None:
        return count
    taken_back = begun.filter(goal=Goal.ROLL_BACK, ended_at__gte=last.ordered_at)
    return count + _queued(run, change, taken_back, f"{change.number}, rollback {orders.count()} of run {run.pk}")


def _queued(run: Run, change: ChangeRequest, rows: DeviceRunQuerySet, reference: str) -> int:
    entries = _entries(run, change, rows.iterator(chunk_size=500), reference)
    return sum(map(journal_queue, batches(entries)))


def _entries(run: Run, change: ChangeRequest, device_runs: Iterator[DeviceRun], reference: str) -> Iterator[Entry]:
    people = f"Started by {_name(run.started_by)}, written by {_name(change.author)}"
    approvers = sorted({_name(row.approver) for row in _approvals(run)})
    approved = f", approved by {', '.join(approvers)}" if approvers else ""
    link = f"{settings.COUNTERSIGN_URL}/changes/{change.pk}/"
    for device_run in device_runs:
        state = DeviceRunState(device_run.state)
        code = f" (`{device_run.code}`)" if device_run.code else ""
        yield Entry(
            device_id=device_run.device_id,
            reference=reference,
            kind=_KINDS.get(state, "danger"),
            text=f"**{reference}**: {state.label.lower()}{code}. {people}{approved}.\n\n[{link}]({link})",
        )


def _approvals(run: Run) -> Iterator[Approval]:
    rows = run.revision.approvals.filter(voided_at=None, decision=Decision.APPROVED)
    return rows.select_related("approver").iterator()


def _name(user: AbstractBaseUser) -> str:
    """The account's name as Markdown code, in which nothing is markup."""
    return f"`{user.get_username().replace('`', '')}`"
