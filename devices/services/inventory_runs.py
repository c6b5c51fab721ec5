"""The life of one synchronisation: asked for, read into staging rows, compared, ended; each step on its row.

A source is read completely before anything of it is taken in, and what it delivered is taken in by one transaction: a
failure half-way replaces nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_q.tasks import async_task

from audit.actor import Actor, Origin
from audit.recorder import record
from devices.errors import DeviceError, SyncLostError, SyncRunningError, UnknownSourceError
from devices.models import SYNC_OPEN, InventorySource, SourceKind, StagedDevice, SyncRun, SyncScope, SyncState
from devices.services.inventory_lock import source_lock
from devices.services.inventory_sources import NETBOX, netbox_source
from devices.services.rights import ADMINISTRATOR, require_role

RUN_TASK: Final = "devices.tasks.inventory_sync_run"
RUN_LIMIT_S: Final = 3600
QUEUED_AT_MOST: Final = timedelta(minutes=10)
"""A request that no worker took up for so long was lost with the queue."""
RUNS_KEPT: Final = 200


@transaction.atomic
def sync_request(*, source: str, actor: Actor, scope: SyncScope = SyncScope.FULL) -> SyncRun:
    """Ask the workers to synchronise a NetBox source; audited.

    Raises:
        NotPermittedError: the person is no administrator.
        UnknownSourceError: there is no such source, or it is a file, which only its host can read.
        SyncRunningError: a synchronisation of the source waits or runs.
    """
    require_role(actor, "synchronise an inventory source", ADMINISTRATOR)
    if source == NETBOX and settings.NETBOX_URL:
        netbox_source()
    found = InventorySource.objects.select_for_update(no_key=True).filter(pk=source).first()
    if found is None or found.kind != SourceKind.NETBOX:
        raise UnknownSourceError(
            f"“{source}” is no source that can be synchronised from here. Files are brought in by "
            "manage.py devices_sync on the host."
        )
    _refuse_second(found)
    run = SyncRun.objects.create(source=found, scope=scope, requested_by=actor.username)
    record(
        actor=actor,
        action="inventory.sync_requested",
        object_type="inventory_source",
        object_id=found.pk,
        object_label=found.name,
        details={"run": run.pk, "scope": scope.value},
    )
    transaction.on_commit(lambda: async_task(RUN_TASK, run.pk, timeout=RUN_LIMIT_S))
    return run


def _refuse_second(source: InventorySource) -> None:
    waiting = source.runs.filter(state=SyncState.QUEUED, requested_at__gt=timezone.now() - QUEUED_AT_MOST)
    if waiting.exists():
        raise SyncRunningError(f"A synchronisation of “{source.name}” is waiting for a worker already.")
    with source_lock(source.name):
        # Whoever holds no lock any more has ended without a word.
        close_lost(source.name)


def close_lost(source: str, *, but: int = 0) -> None:
    """Mark runs of a source that a dead worker left open as failed; call it only with the source's lock."""
    lost = SyncRun.objects.select_related("source").filter(source_id=source, state__in=SYNC_OPEN).exclude(pk=but)
    queued_lately = {"state": SyncState.QUEUED, "requested_at__gt": timezone.now() - QUEUED_AT_MOST}
    for run in lost.exclude(**queued_lately).order_by("pk"):
        fail(run, SyncLostError("The worker ended before the synchronisation did. Nothing of it was taken in."))
    StagedDevice.objects.filter(run__source_id=source).exclude(run_id=but).delete()


def begin(run_id: int) -> SyncRun | None:
    """Take up a run that waits; None where somebody did so already."""
    waiting = SyncRun.objects.filter(pk=run_id, state=SyncState.QUEUED)
    if not waiting.update(state=SyncState.LOADING, started_at=Now()):
        return None
    return SyncRun.objects.select_related("source").get(pk=run_id)


def progress(run: SyncRun, *, done: int, total: int) -> None:
    """Show how far the reading is."""
    run.done, run.total = done, max(total, done)
    SyncRun.objects.filter(pk=run.pk).update(done=run.done, total=run.total)


def actor_of_run(run: SyncRun) -> Actor:
    """Who the audit log names for what a run changes."""
    return Actor(user_id=None, username=run.requested_by, origin=Origin.SYSTEM)


def fail(run: SyncRun, error: DeviceError) -> None:
    """End a run whose source could not be taken in; the devices stay as they were.

    Audited, once for as long as the same requests fail for the same reason: an outage over night is one event.
    """
    ended = SyncRun.objects.filter(source=run.source_id, pk__lt=run.pk).exclude(state__in=SYNC_OPEN).order_by("-pk")
    told = ended.filter(requested_by=run.requested_by).values_list("code", flat=True).first()
    with transaction.atomic():
        _end(run, SyncState.FAILED, code=error.code, detail=error.detail)
        if told == error.code:
            return
        record(
            actor=actor_of_run(run),
            action="inventory.sync_failed",
            object_type="inventory_source",
            object_id=run.source_id,
            object_label=run.source_id,
            code=error.code,
            reason=error.detail,
            details={"run": run.pk},
        )


def succeed(run: SyncRun, *, detail: str = "") -> None:
    """End a run that was taken in, in the caller's transaction."""
    counts = {name: getattr(run, name) for name in ("created", "updated", "unchanged", "missing", "refused")}
    _end(run, SyncState.SUCCEEDED, detail=detail, **counts)
    if run.scope == SyncScope.FULL or any(counts[name] for name in ("created", "updated", "missing")):
        record(
            actor=actor_of_run(run),
            action="inventory.synced",
            object_type="inventory_source",
            object_id=run.source_id,
            object_label=run.source_id,
            details={"run": run.pk, "scope": run.scope, **counts},
        )


def _end(run: SyncRun, state: SyncState, *, detail: str = "", code: str = "", **values: int) -> None:
    SyncRun.objects.filter(pk=run.pk).update(state=state, ended_at=Now(), code=code, detail=detail, **values)
    StagedDevice.objects.filter(run=run).delete()
    run.refresh_from_db()
    oldest = run.source.runs.order_by("-pk").values_list("pk", flat=True)[RUNS_KEPT : RUNS_KEPT + 1]
    SyncRun.objects.filter(source=run.source_id, pk__lte=oldest[0] if oldest else 0).delete()
