"""Bringing the devices of a file, or of any list, into the database."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from devices.models import (
    Device,
    DeviceQuerySet,
    InventorySource,
    RefusedEntry,
    SourceKind,
    SyncRun,
    SyncScope,
    SyncState,
)
from devices.services.inventory_apply import Tally, apply_records, batches, check_shrinking, mark_missing, settle_names
from devices.services.inventory_lock import source_lock
from devices.sources.records import Inventory, RefusedRecord

_SHRANK = (
    "A file that was cut on its way looks like this, so nothing was replaced. If the network did shrink, run "
    "manage.py devices_sync with --accept-fewer."
)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one synchronisation did; counts are devices."""

    created: int
    updated: int
    unchanged: int
    missing: int
    refused: tuple[RefusedRecord, ...]


def inventory_sync(
    *,
    source: str,
    inventory: Inventory,
    actor: Actor,
    kind: SourceKind = SourceKind.YAML,
    accept_fewer: bool = False,
) -> SyncReport:
    """Make the devices of ``source`` equal to what it delivered, all or nothing, and audit each difference.

    Devices that the source no longer lists become *missing*: they stay visible and can no longer be targeted.
    Host keys are not enrolled here; see :mod:`devices.services.host_keys`.

    Raises:
        SyncRunningError: the source is being synchronised at this moment.
        SourceShrankError: it lists less than half of its devices, and ``accept_fewer`` was not given.
    """
    with source_lock(source), transaction.atomic():
        listed = [entry.key for entry in inventory.records]
        gone = Device.objects.filter(source=source).exclude(source_key__in=listed)
        if not accept_fewer:
            check_shrinking(source, gone, advice=_SHRANK)
        return _sync(source, inventory, actor, kind, gone)


def _sync(source: str, inventory: Inventory, actor: Actor, kind: SourceKind, gone: DeviceQuerySet) -> SyncReport:
    started, tally = timezone.now(), Tally()
    known, _ = InventorySource.objects.get_or_create(name=source, defaults={"kind": kind})
    for some in batches(inventory.records):
        apply_records(source, some, tally, actor=actor)
    mark_missing(gone, tally, actor=actor)
    settle_names(source, actor=actor)
    keep_refused(known, inventory.refused)
    now = timezone.now()
    InventorySource.objects.filter(pk=known.pk).update(kind=kind, loaded_at=now, synced_at=now)
    SyncRun.objects.create(
        source=known,
        scope=SyncScope.FULL,
        state=SyncState.SUCCEEDED,
        requested_by=actor.username,
        started_at=started,
        ended_at=now,
        done=len(inventory.records),
        total=len(inventory.records),
        created=tally.created,
        updated=tally.updated,
        unchanged=tally.unchanged,
        missing=tally.missing,
        refused=len(inventory.refused),
    )
    return SyncReport(tally.created, tally.updated, tally.unchanged, tally.missing, inventory.refused)


def keep_refused(source: InventorySource, refused: tuple[RefusedRecord, ...]) -> None:
    """Put the entries that this load refused in the place of those of the load before."""
    RefusedEntry.objects.filter(source=source).delete()
    RefusedEntry.objects.bulk_create(
        RefusedEntry(source=source, key=entry.key[:200], code=entry.code, sentence=entry.sentence) for entry in refused
    )
