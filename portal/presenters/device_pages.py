"""What the pages about devices show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from devices.domain.certificates import CERTIFICATE_TYPE
from devices.domain.criticality import Criticality
from devices.domain.diffing import diff_stat, unified_diff
from devices.domain.drivers import Proof, proof_demanded
from devices.domain.platforms import PLATFORMS
from devices.models import ConfigSnapshot, Device, DeviceQuerySet, DeviceStatus, HostKey, HostKeyState
from devices.selectors import snapshots_of
from portal.forms.filters import choice_label
from portal.presenters.diffs import Block, diff_blocks
from portal.presenters.links import page_url
from portal.presenters.visible import Mask, visible

FRESH_FOR: Final = timedelta(days=1)
"""Inventory facts that no source has confirmed for longer are marked."""
COMPARABLE: Final = 50


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One device in the list. ``synced_at`` is when its source last confirmed it; ``is_old`` marks a long time ago.

    ``exclusion`` is the reason code where its source's facts keep it from being a target.
    """

    id: int
    url: str
    name: str
    status: str
    status_label: str
    site: str
    role: str
    platform: str
    model: str
    address: str
    tags: tuple[str, ...]
    has_key: bool
    source: str
    synced_at: datetime
    is_old: bool
    exclusion: str
    exclusion_detail: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; ``mono`` for what is compared letter by letter, ``missing`` where nothing is known."""

    label: str
    value: str
    mono: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One configuration that was read; ``compared`` with the one before it is ``first``, ``changed`` or ``same``."""

    url: str
    taken_at: datetime
    purpose: str
    sha256: str
    lines: int
    size: int
    compared: str


@dataclass(frozen=True, slots=True)
class ComparedWith:
    """A snapshot to compare with."""

    id: int
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ConfigPage:
    """A configuration, masked, and how it differs from another one of the device."""

    text: str
    against: ConfigSnapshot | None
    against_url: str
    is_same: bool
    choices: tuple[ComparedWith, ...]
    blocks: tuple[Block, ...]
    added: int
    removed: int


def with_keys(devices: DeviceQuerySet) -> DeviceQuerySet:
    """The devices with whether a host key and whether a certificate is pinned, in the same query."""
    pinned = HostKey.objects.filter(device=OuterRef("pk"), state=HostKeyState.PINNED)
    return devices.annotate(
        has_certificate=Exists(pinned.filter(key_type=CERTIFICATE_TYPE)),
        has_ssh_key=Exists(pinned.exclude(key_type=CERTIFICATE_TYPE)),
    )


def _has_key(device: Device) -> bool:
    """Whether what the device's own driver compares with is pinned."""
    proof = proof_demanded(device.platform, device.driver)
    wanted = {Proof.HOST_KEY: "has_ssh_key", Proof.CERTIFICATE: "has_certificate"}.get(proof, "")
    return bool(wanted and getattr(device, wanted, False))


def device_rows(devices: Sequence[Device]) -> list[DeviceRow]:
    """Devices from :func:`with_keys` as rows; no query."""
    oldest = timezone.now() - FRESH_FOR
    return [
        DeviceRow(
            id=device.pk,
            url=reverse("device-detail", args=[device.pk]),
            name=visible(device.name),
            status=device.status,
            status_label=device.get_status_display(),
            site=visible(device.site),
            role=visible(device.role),
            platform=visible(choice_label("platform", device.platform)),
            model=visible(device.model),
            address=visible(_endpoint(device)),
            tags=tuple(map(visible, device.tags)),
            has_key=_has_key(device),
            source=visible(device.source),
            synced_at=device.synced_at,
            is_old=device.synced_at < oldest,
            exclusion=device.exclusion if device.status != DeviceStatus.MISSING else "",
            exclusion_detail=visible(device.exclusion_detail),
        )
        for device in devices
    ]


def is_old(device: Device) -> bool:
    """Whether its source has not confirmed it for long."""
    return device.synced_at < timezone.now() - FRESH_FOR


def inventory_facts(device: Device) -> list[Fact]:
    """Where it is and how it is reached."""
    platform = PLATFORMS.get(device.platform)
    unknown = f"{device.platform}, which is not supported" if device.platform else ""
    return [
        _fact("Platform", platform.label if platform else unknown),
        _fact("Address", _endpoint(device), "no address to connect to", mono=True),
        _fact("Site", device.site),
        _fact("Role", device.role),
        _fact("Tenant", device.tenant, "none"),
        _fact("Criticality", Criticality(device.criticality).label if device.criticality else "", "not known"),
        _fact("Redundancy group", device.redundancy_group, "none"),
        _fact("Uplinks", ", ".join(device.uplinks), "none declared"),
        _fact("Credential", device.credential, "none: nobody can sign in", mono=True),
        _fact("Source", device.source),
        _fact("Key there", device.source_key, mono=True),
    ]


def identity_facts(device: Device) -> list[Fact]:
    """What the device itself must say before anything is sent to it."""
    free = "not compared"
    return [
        _fact("Hostname", device.hostname, free, mono=True),
        _fact("Serial number", device.serial, free, mono=True),
        _fact("Model", device.model, free, mono=True),
    ]


def _fact(label: str, value: str, instead: str = "not set", *, mono: bool = False) -> Fact:
    return Fact(label, visible(value) or instead, mono=mono and bool(value), missing=not value)


def _endpoint(device: Device) -> str:
    host = f"[{device.address}]" if ":" in device.address else device.address
    return f"{host}:{device.port}" if device.address else ""


def snapshot_rows(snapshots: Sequence[ConfigSnapshot], before: ConfigSnapshot | None) -> list[SnapshotRow]:
    """Snapshots, newest first, as rows; ``before`` is the one that was read before the last of them. No query."""
    older = [*(snapshot.blob_id for snapshot in snapshots[1:]), before.blob_id if before else ""]
    return [
        SnapshotRow(
            url=reverse("device-config", args=[snapshot.device_id, snapshot.pk]),
            taken_at=snapshot.taken_at,
            purpose=snapshot.get_purpose_display(),
            sha256=snapshot.blob_id,
            lines=snapshot.blob.line_count,
            size=snapshot.blob.size,
            compared="first" if not sha256 else "same" if snapshot.blob_id == sha256 else "changed",
        )
        for snapshot, sha256 in zip(snapshots, older, strict=False)
    ]


def config_page(snapshot: ConfigSnapshot, against: ConfigSnapshot | None) -> ConfigPage:
    """A configuration beside ``against``, or beside the last one that differs from it; at most three queries."""
    mask = Mask.load()
    other = against or _last_different(snapshot)
    old, new = (other.blob.text, snapshot.blob.text) if other else ("", "")
    diff = unified_diff(old, new) if other and other.blob_id != snapshot.blob_id else ""
    stat = diff_stat(diff)
    return ConfigPage(
        text=mask.text(snapshot.blob.text),
        against=other,
        against_url=page_url("device-config", snapshot.device_id, other.pk) if other else "",
        is_same=other is not None and other.blob_id == snapshot.blob_id,
        choices=tuple(_choices(snapshot, other)),
        blocks=diff_blocks(diff, mask, line_count=other.blob.line_count if other else 0),
        added=stat.added,
        removed=stat.removed,
    )


def _last_different(snapshot: ConfigSnapshot) -> ConfigSnapshot | None:
    earlier = ConfigSnapshot.objects.filter(device_id=snapshot.device_id, pk__lt=snapshot.pk)
    return earlier.exclude(blob_id=snapshot.blob_id).select_related("blob").order_by("-pk").first()


def _choices(snapshot: ConfigSnapshot, chosen: ConfigSnapshot | None) -> Sequence[ComparedWith]:
    found = {item.pk: item for item in snapshots_of(snapshot.device_id)[:COMPARABLE]}
    if chosen:
        found.setdefault(chosen.pk, chosen)
    return [
        ComparedWith(item.pk, _label(item, same=item.blob_id == snapshot.blob_id), item == chosen)
        for item in found.values()
        if item.pk != snapshot.pk
    ]


def _label(snapshot: ConfigSnapshot, *, same: bool) -> str:
    said = f"{snapshot.taken_at:%d %b %Y %H:%M:%S} UTC, {snapshot.get_purpose_display().lower()}"
    return f"{said} (the same)" if same else said
