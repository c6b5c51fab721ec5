"""Inventory sources as people look at them: what there is, how fresh it is, and what it could not deliver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from devices.errors import UnknownSourceError
from devices.models import (
    SYNC_OPEN,
    Device,
    DeviceQuerySet,
    DeviceStatus,
    InventorySource,
    JournalNote,
    JournalState,
    RefusedEntry,
    SourceKind,
    SyncRun,
)

NETBOX: Final = "netbox"
"""The name of the NetBox source; there is one."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source: counts are devices, ``refused`` entries that became none. ``run`` is its last synchronisation."""

    source: InventorySource
    devices: int
    excluded: int
    missing: int
    refused: int
    run: SyncRun | None

    @property
    def is_syncable(self) -> bool:
        """Whether it can be synchronised from here; a file can be read on its host only."""
        return self.source.kind == SourceKind.NETBOX and bool(settings.NETBOX_URL)

    @property
    def is_busy(self) -> bool:
        """Whether a synchronisation waits or runs."""
        return self.run is not None and self.run.state in SYNC_OPEN


def netbox_source() -> InventorySource:
    """The row of the NetBox source, made when there is none.

    Raises:
        UnknownSourceError: NETBOX_URL is not set.
    """
    if not settings.NETBOX_URL:
        raise UnknownSourceError("No NetBox is set up: set NETBOX_URL and NETBOX_TOKEN, then start again.")
    source, _ = InventorySource.objects.get_or_create(name=NETBOX, defaults={"kind": SourceKind.NETBOX})
    return source


def source_states() -> list[SourceState]:
    """All sources by name; four queries. The NetBox of the settings is there before its first synchronisation."""
    sources = {source.name: source for source in InventorySource.objects.order_by("name")}
    if settings.NETBOX_URL:
        sources.setdefault(NETBOX, InventorySource(name=NETBOX, kind=SourceKind.NETBOX))
    counts: dict[str, dict[str, int]] = {
        row["source"]: {"devices": row["devices"], "excluded": row["excluded"], "missing": row["missing"]}
        for row in Device.objects.order_by()
        .values("source")
        .annotate(
            devices=Count("pk", filter=~Q(status=DeviceStatus.MISSING)),
            excluded=Count("pk", filter=~Q(exclusion="") & ~Q(status=DeviceStatus.MISSING)),
            missing=Count("pk", filter=Q(status=DeviceStatus.MISSING)),
        )
    }
    refused = dict(
        RefusedEntry.objects.order_by().values("source").annotate(count=Count("pk")).values_list("source", "count")
    )
    last = {run.source_id: run for run in SyncRun.objects.order_by("source_id", "-pk").distinct("source_id")}
    nothing = {"devices": 0, "excluded": 0, "missing": 0}
    return [
        SourceState(
            source=source,
            refused=refused.get(name, 0),
            run=last.get(name),
            **counts.get(name, nothing),
        )
        for name, source in sorted(sources.items())
    ]


def excluded_devices() -> DeviceQuerySet:
    """Devices that are listed by their source and cannot be targets, by name."""
    return Device.objects.excluded().exclude(status=DeviceStatus.MISSING).order_by("name", "pk")


def refused_entries() -> QuerySet[RefusedEntry]:
    """Entries of the sources' last loads that became no devices, in the order of their files."""
    return RefusedEntry.objects.order_by("source_id", "pk")


def journal_counts() -> dict[str, int]:
    """How many journal entries wait and how many were given up; one query."""
    return JournalNote.objects.aggregate(
        waiting=Count("pk", filter=Q(state=JournalState.PENDING)),
        given_up=Count("pk", filter=Q(state=JournalState.GIVEN_UP)),
    )


def last_journal_error() -> str:
    """Why the newest entry that NetBox did not take was not taken."""
    failed = JournalNote.objects.exclude(error="").exclude(state=JournalState.SENT).order_by("-pk")
    return failed.values_list("error", flat=True).first() or ""
