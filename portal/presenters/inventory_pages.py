"""What the pages about inventory sources show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count
from django.urls import reverse

from devices.domain.drivers import drivers_of
from devices.domain.platforms import PLATFORMS
from devices.domain.reasons import REASONS
from devices.models import Device, PlatformMapping, RefusedEntry, SourceKind, SyncRun, SyncState
from devices.services.inventory_sources import (
    SourceState,
    excluded_devices,
    journal_counts,
    last_journal_error,
    source_states,
)
from portal.presenters.links import device_url
from portal.presenters.visible import visible
from portal.presenters.words import counted

RUNS_SHOWN: Final = 15
_LOOKS: Final = {
    SyncState.QUEUED: "pending",
    SyncState.LOADING: "running",
    SyncState.APPLYING: "running",
    SyncState.SUCCEEDED: "succeeded",
    SyncState.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a synchronisation is."""

    value: int
    total: int
    text: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One synchronisation; ``look`` is the state that it is drawn like, ``next_step`` what to do where it failed."""

    look: str
    state: str
    source: str
    scope: str
    by: str
    at: datetime
    ended_at: datetime | None
    started_at: datetime | None
    result: str
    code: str
    detail: str
    next_step: str


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source. ``sync_url`` is empty where it cannot be synchronised from here."""

    name: str
    kind: str
    place: str
    devices: int
    excluded: int
    missing: int
    refused: int
    loaded_at: datetime | None
    synced_at: datetime | None
    run: RunRow | None
    progress: Progress | None
    sync_url: str


@dataclass(frozen=True, slots=True)
class LiveSources:
    """The part of the page that moves; ``is_busy`` while a synchronisation waits or runs."""

    sources: tuple[SourceRow, ...]
    runs: tuple[RunRow, ...]
    is_busy: bool


@dataclass(frozen=True, slots=True)
class Why:
    """A reason code with how many devices it keeps out."""

    code: str
    sentence: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    """Something that a source lists and that cannot be a target; ``url`` is empty where it became no device."""

    name: str
    url: str
    sentence: str
    code: str
    next_step: str
    source: str
    key: str


@dataclass(frozen=True, slots=True)
class JournalState:
    """How the entries for NetBox's journal stand."""

    waiting: int
    given_up: int
    error: str


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One row of the platform table, with what follows from it."""

    id: int
    value: str
    platform: str
    netmiko_type: str
    napalm_driver: str
    driver: str
    problem: str
    updated_by: str
    updated_at: datetime


def live_sources() -> LiveSources:
    """The sources and their last synchronisations; five queries."""
    states = source_states()
    last = SyncRun.objects.order_by("-pk")[:RUNS_SHOWN]
    return LiveSources(
        sources=tuple(_source(state) for state in states),
        runs=tuple(map(_run, last)),
        is_busy=any(state.is_busy for state in states),
    )


def _source(state: SourceState) -> SourceRow:
    source, run = state.source, state.run
    return SourceRow(
        name=source.name,
        kind=SourceKind(source.kind).label,
        place=urlsplit(settings.NETBOX_URL).netloc if source.kind == SourceKind.NETBOX else "",
        devices=state.devices,
        excluded=state.excluded,
        missing=state.missing,
        refused=state.refused,
        loaded_at=source.loaded_at,
        synced_at=source.synced_at,
        run=_run(run) if run else None,
        progress=_progress(run) if run and state.is_busy else None,
        sync_url=reverse("inventory-sync", args=[source.name]) if state.is_syncable and not state.is_busy else "",
    )


def _progress(run: SyncRun) -> Progress:
    if run.state == SyncState.APPLYING:
        return Progress(run.done, max(run.done, 1), f"{counted(run.done, 'device')} read; now compared")
    if run.total is None:
        return Progress(0, 1, SyncState(run.state).label)
    return Progress(run.done, max(run.total, 1), f"{run.done:,} of {counted(run.total, 'device')} read")


def _run(run: SyncRun) -> RunRow:
    reason = REASONS.get(run.code)
    changed = [
        f"{count:,} {word}"
        for count, word in (
            (run.created, "new"),
            (run.updated, "updated"),
            (run.missing, "missing"),
            (run.refused, "refused"),
            (run.unchanged, "unchanged"),
        )
        if count
    ]
    return RunRow(
        look=_LOOKS[SyncState(run.state)],
        state=SyncState(run.state).label,
        source=run.source_id,
        scope=run.get_scope_display(),
        by=run.requested_by,
        at=run.requested_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        result=(", ".join(changed) or "nothing to do") if run.state == SyncState.SUCCEEDED else "",
        code=run.code,
        detail=run.detail,
        next_step=reason.next_step if reason else "",
    )


def reasons_now(chosen: str) -> list[Why]:
    """Why devices are left out, the most frequent first; one query."""
    counts = excluded_devices().order_by().values("exclusion").annotate(count=Count("pk")).order_by("-count")
    return [
        Why(row["exclusion"], _sentence(row["exclusion"]), row["count"], row["exclusion"] == chosen) for row in counts
    ]


def _sentence(code: str) -> str:
    return REASONS[code].sentence if code in REASONS else code


def _next_step(code: str) -> str:
    return REASONS[code].next_step if code in REASONS else ""


def excluded_rows(devices: Sequence[Device]) -> list[LeftOutRow]:
    """Excluded devices as rows; no query."""
    return [
        LeftOutRow(
            name=visible(device.name),
            url=device_url(device.pk),
            sentence=visible(device.exclusion_detail),
            code=device.exclusion,
            next_step=_next_step(device.exclusion),
            source=device.source,
            key=visible(device.source_key),
        )
        for device in devices
    ]


def refused_rows(entries: Sequence[RefusedEntry]) -> list[LeftOutRow]:
    """Refused entries as rows; no query."""
    return [
        LeftOutRow(
            name=visible(entry.key),
            url="",
            sentence=visible(entry.sentence),
            code=entry.code,
            next_step=_next_step(entry.code),
            source=entry.source_id,
            key="",
        )
        for entry in entries
    ]


def journal_state() -> JournalState:
    """How the journal entries stand; at most two queries."""
    counts = journal_counts()
    waiting, given_up = counts["waiting"], counts["given_up"]
    return JournalState(waiting, given_up, last_journal_error() if waiting or given_up else "")


def mapping_rows(rows: Sequence[PlatformMapping]) -> list[MappingRow]:
    """The platform table; no query."""
    return [_mapping(row) for row in rows]


def _mapping(row: PlatformMapping) -> MappingRow:
    platform, known = PLATFORMS.get(row.platform), drivers_of(row.platform)
    return MappingRow(
        id=row.pk,
        value=visible(row.value),
        platform=platform.label if platform else row.platform,
        netmiko_type=platform.netmiko_type if platform else "",
        napalm_driver=next((name.removeprefix("napalm-") for name in known if name.startswith("napalm-")), ""),
        driver=row.driver or (known[0] if known else ""),
        problem="" if platform else "Not driven by this version: devices with this word are left out.",
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )
