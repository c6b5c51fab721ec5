"""Synchronising with NetBox: whole, by its change log, or some devices by their ids."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit.actor import Actor
from devices.credentials.seen import remember
from devices.domain.exclusions import MappedPlatform
from devices.errors import DeviceError, InventoryError, SourceDeniedError
from devices.models import (
    Device,
    DeviceQuerySet,
    InventorySource,
    PlatformMapping,
    StagedDevice,
    SyncRun,
    SyncScope,
    SyncState,
)
from devices.services import inventory_runs as runs
from devices.services.inventory_apply import BATCH, Tally, apply_records, check_shrinking, mark_missing, settle_names
from devices.services.inventory_lock import assert_locked, source_lock
from devices.services.inventory_sources import netbox_source
from devices.sources.netbox import Reading
from devices.sources.netbox_client import NetBoxClient, Page
from devices.sources.records import DeviceRecord

logger = logging.getLogger(__name__)

RECENT: Final = 100
"""How many entries below the position are looked at again: entries become visible out of the order of their ids."""
RING_AGAIN_S: Final = 10
_SHRANK: Final = (
    "A token whose rights were narrowed looks like this, so nothing was replaced. If the network did shrink, run "
    "manage.py devices_sync netbox --accept-fewer."
)
_DEVICE, _ADDRESS = "dcim.device", "ipam.ipaddress"
_SHARED: Final = frozenset({
    "dcim.site", "tenancy.tenant", "dcim.devicerole", "dcim.devicetype", "dcim.platform", "extras.tag",
    "extras.customfield", "extras.customfieldchoiceset",
})  # fmt: skip
"""A change of one of these may touch any number of devices: the source is loaded as a whole."""


def netbox_client() -> NetBoxClient:
    """The way to the NetBox of the settings; close it. Its token is masked in texts from now on."""
    remember(settings.NETBOX_TOKEN)
    return NetBoxClient(settings.NETBOX_URL, settings.NETBOX_TOKEN, read_timeout_s=settings.NETBOX_TIMEOUT_S)


def netbox_sync(
    *, actor: Actor, scope: SyncScope = SyncScope.FULL, ids: Sequence[int] = (), accept_fewer: bool = False
) -> SyncRun:
    """Synchronise here and now; the run says how it ended, failures included.

    Raises:
        UnknownSourceError: NETBOX_URL is not set.
        SyncRunningError: another process synchronises the source.
    """
    source = netbox_source()
    with source_lock(source.name):
        run = SyncRun.objects.create(source=source, scope=scope, requested_by=actor.username)
        return _work(run, ids=ids, accept_fewer=accept_fewer)


def netbox_run(run_id: int) -> SyncRun | None:
    """Do a synchronisation that somebody asked for; None where it is done or under way. Safe to deliver twice.

    Raises:
        SyncRunningError: another process synchronises the source; the run waits no longer, and says so.
    """
    run = SyncRun.objects.select_related("source").filter(pk=run_id, state=SyncState.QUEUED).first()
    if run is None:
        return None
    try:
        with source_lock(run.source_id):
            return _work(run)
    except DeviceError as error:
        runs.fail(run, error)
        raise


def netbox_waiting() -> SyncRun | None:
    """Do the oldest synchronisation that was asked for and not taken up, where the queue lost the call for it."""
    late = timezone.now() - timedelta(seconds=RING_AGAIN_S)
    waiting = SyncRun.objects.filter(state=SyncState.QUEUED, requested_at__lt=late).order_by("pk")
    found = waiting.values_list("pk", flat=True).first()
    return netbox_run(found) if found is not None and settings.NETBOX_URL else None


def netbox_due(*, actor: Actor) -> SyncRun | None:
    """What is due now: a full load where the last is too old or the change log cannot be followed, else the changes."""
    if not settings.NETBOX_URL:
        return None
    source = netbox_source()
    too_old = timezone.now() - timedelta(seconds=settings.NETBOX_FULL_SYNC_S)
    full = source.position is None or source.loaded_at is None or source.loaded_at < too_old
    return netbox_sync(actor=actor, scope=SyncScope.FULL if full else SyncScope.CHANGES)


def _work(waiting: SyncRun, *, ids: Sequence[int] = (), accept_fewer: bool = False) -> SyncRun:
    runs.close_lost(waiting.source_id, but=waiting.pk)
    run = runs.begin(waiting.pk)
    if run is None:
        return waiting
    try:
        with netbox_client() as client:
            load = _stage(run, client, ids)
        SyncRun.objects.filter(pk=run.pk).update(state=SyncState.APPLYING)
        with transaction.atomic():
            _take_in(run, load, accept_fewer=accept_fewer)
    except DeviceError as error:
        runs.fail(run, error)
    except Exception:
        logger.exception("The synchronisation %s failed for a cause that the product does not know.", run.pk)
        runs.fail(run, InventoryError("The synchronisation failed for an unknown cause; see the worker's log."))
        raise
    return run


@dataclass(slots=True)
class _Load:
    """What was read into staging rows: the whole source (``asked`` is None), or the devices ``asked`` for."""

    asked: set[int] | None = None
    position: int | None = None
    recent: list[int] = field(default_factory=list)
    note: str = ""

    def saw(self, number: int) -> None:
        """Note an entry of the change log as taken in."""
        self.recent = [*self.recent, number][-RECENT:]
        self.position = max(self.position or 0, number)


def _stage(run: SyncRun, client: NetBoxClient, ids: Sequence[int]) -> _Load:
    client.version()
    if run.scope == SyncScope.DEVICES:
        load = _Load(asked=set(ids))
    elif run.scope == SyncScope.CHANGES:
        load = _changed(run.source, client)
    else:
        load = _whole(client)
    if load.asked is None:
        run.scope = SyncScope.FULL
        SyncRun.objects.filter(pk=run.pk).update(scope=run.scope)
        pages = client.device_pages(settings.NETBOX_FILTER)
    else:
        pages = client.devices_by_id(sorted(load.asked), settings.NETBOX_FILTER)
    _keep(run, pages, len(load.asked) if load.asked is not None else None)
    return load


def _whole(client: NetBoxClient) -> _Load:
    try:
        # Before the devices are read: what changes meanwhile is read again next time.
        load = _Load(position=client.newest_change())
        # The newest entries are taken in too: one that asks for a full load shall not ask for the next one as well.
        for page in client.changes_after(max((load.position or 0) - RECENT, 0)):
            for row in page.rows:
                load.saw(int(row["id"]))
    except SourceDeniedError as error:
        return _Load(note=f"{error.detail} Until then every synchronisation loads all devices.")
    return load


def _changed(source: InventorySource, client: NetBoxClient) -> _Load:
    newest, position = client.newest_change(), source.position
    if position is None or newest < position:
        # A NetBox that went back in time was restored from a backup.
        return _whole(client)
    load, seen = _Load(asked=set(), position=position), set(source.recent)
    addresses: set[int] = set()
    for page in client.changes_after(max(position - RECENT, 0)):
        for row in page.rows:
            number, kind = int(row["id"]), str(row["changed_object_type"])
            load.saw(number)
            if number <= position and number in seen:
                continue
            if kind in _SHARED:
                return _whole(client)
            if kind == _DEVICE and load.asked is not None:
                load.asked.add(int(row["changed_object_id"]))
            elif kind == _ADDRESS:
                addresses.add(int(row["changed_object_id"]))
    if addresses and load.asked is not None:
        load.asked |= client.devices_of_addresses(sorted(addresses))
    return load


def _keep(run: SyncRun, pages: Iterator[Page], total: int | None) -> None:
    reading = Reading(
        platforms={row.value: MappedPlatform(row.platform, row.driver) for row in PlatformMapping.objects.all()},
        platform_field=settings.NETBOX_PLATFORM_FIELD,
        credential_field=settings.NETBOX_CREDENTIAL_FIELD,
        criticality_field=settings.NETBOX_CRITICALITY_FIELD,
        criticality_tag=settings.NETBOX_CRITICALITY_TAG,
        credential=settings.NETBOX_CREDENTIAL,
    )
    done = 0
    if total is not None:
        runs.progress(run, done=0, total=total)
    for page in pages:
        StagedDevice.objects.bulk_create((_staged(run, reading.record(row)) for row in page.rows), batch_size=BATCH)
        if total is None:
            total = page.remaining
        done += len(page.rows)
        runs.progress(run, done=done, total=total)


def _staged(run: SyncRun, entry: DeviceRecord) -> StagedDevice:
    facts = asdict(entry)
    del facts["host_keys"]
    return StagedDevice(run=run, key=entry.key, facts=facts)


def _take_in(run: SyncRun, load: _Load, *, accept_fewer: bool) -> None:
    assert_locked(run.source_id)
    actor, tally = runs.actor_of_run(run), Tally()
    gone = _gone(run, load.asked)
    if load.asked is None and not accept_fewer:
        check_shrinking(run.source_id, gone, advice=_SHRANK)
    for some in _staged_batches(run):
        apply_records(run.source_id, some, tally, actor=actor)
    mark_missing(gone, tally, actor=actor)
    settle_names(run.source_id, actor=actor)
    _advance(run.source, load)
    run.created, run.updated, run.unchanged, run.missing = tally.created, tally.updated, tally.unchanged, tally.missing
    runs.succeed(run, detail=load.note)


def _gone(run: SyncRun, asked: set[int] | None) -> DeviceQuerySet:
    staged = StagedDevice.objects.filter(run=run, key=OuterRef("source_key"))
    gone = Device.objects.filter(~Exists(staged), source=run.source_id)
    return gone if asked is None else gone.filter(source_key__in=map(str, asked))


def _staged_batches(run: SyncRun) -> Iterator[list[DeviceRecord]]:
    last = 0
    while rows := list(StagedDevice.objects.filter(run=run, pk__gt=last).order_by("pk")[:BATCH]):
        last = rows[-1].pk
        yield [_record(row.facts) for row in rows]


def _record(facts: Mapping[str, Any]) -> DeviceRecord:
    lists = {name: tuple(facts.get(name, ())) for name in ("tags", "uplinks")}
    return DeviceRecord(**{**facts, **lists})


def _advance(source: InventorySource, load: _Load) -> None:
    now = timezone.now()
    source.synced_at = now
    if load.asked is None:
        source.loaded_at, source.position, source.recent = now, load.position, load.recent
    elif load.position is not None:
        source.position, source.recent = load.position, load.recent
    source.save(update_fields=["synced_at", "loaded_at", "position", "recent"])
