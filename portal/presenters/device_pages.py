"""What the pages about devices show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from devices.domain.diffing import Hunk, diff_stat, diff_view, unified_diff
from devices.domain.platforms import PLATFORMS
from devices.models import ConfigSnapshot, Device
from portal.presenters.visible import Mask, visible


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the inventory; ``mono`` for what is compared letter by letter."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One configuration that was read; ``is_new`` where it differs from the one before it."""

    url: str
    taken_at: datetime
    purpose: str
    sha256: str
    lines: int
    size: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class ConfigPage:
    """A configuration, masked, and its difference from the one that was read before it."""

    text: str
    previous: ConfigSnapshot | None
    hunks: tuple[Hunk, ...]
    added: int
    removed: int


def device_facts(device: Device) -> list[Fact]:
    """Everything that the inventory says of a device, for people; empty values say so."""
    platform = PLATFORMS.get(device.platform)
    return [
        Fact("Platform", platform.label if platform else device.platform or "not set"),
        Fact("Address", f"{device.address}:{device.port}" if device.address else "none", mono=True),
        Fact("Site", visible(device.site) or "not set"),
        Fact("Role", visible(device.role) or "not set"),
        Fact("Hostname", visible(device.hostname) or "not set: it is not compared", mono=True),
        Fact("Serial number", visible(device.serial) or "not set: it is not compared", mono=True),
        Fact("Model", visible(device.model) or "not set: it is not compared"),
        Fact("Credential", visible(device.credential) or "none: it cannot be signed in to", mono=True),
        Fact("Source", f"{visible(device.source)} / {visible(device.source_key)}", mono=True),
    ]


def snapshot_rows(snapshots: Sequence[ConfigSnapshot], *, limit: int) -> list[SnapshotRow]:
    """The first ``limit`` of some snapshots, newest first, as rows; no query beyond that of the snapshots.

    Each is compared with the one before it, so give one more than are shown where there are more.
    """
    older = [*(snapshot.blob_id for snapshot in snapshots[1:]), ""]
    return [
        SnapshotRow(
            url=reverse("device-config", args=[snapshot.device_id, snapshot.pk]),
            taken_at=snapshot.taken_at,
            purpose=snapshot.get_purpose_display(),
            sha256=snapshot.blob_id,
            lines=snapshot.blob.line_count,
            size=snapshot.blob.size,
            is_new=snapshot.blob_id != before,
        )
        for snapshot, before in zip(snapshots[:limit], older, strict=False)
    ]


def config_page(snapshot: ConfigSnapshot) -> ConfigPage:
    """A configuration and what changed since the last different one; one query for that."""
    mask = Mask.load()
    text = mask.text(snapshot.blob.text)
    previous = (
        ConfigSnapshot.objects.filter(device_id=snapshot.device_id, pk__lt=snapshot.pk)
        .exclude(blob_id=snapshot.blob_id)
        .select_related("blob")
        .order_by("-pk")
        .first()
    )
    diff = unified_diff(mask.text(previous.blob.text), text) if previous else ""
    stat = diff_stat(diff)
    return ConfigPage(text, previous, diff_view(diff), stat.added, stat.removed)
