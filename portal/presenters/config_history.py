"""The history of a device's configuration: each version, what caused it, and any two of them to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.http import urlencode

from changes.models import DevicePlan, DeviceRun
from devices.models import ConfigSnapshot, ConfigState, DriftRecord, SnapshotPurpose
from portal.presenters.links import page_url
from portal.presenters.visible import visible


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a configuration is there: a few words, where to read on, and ``warn`` for what nobody had signed."""

    text: str
    url: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One configuration in the history. ``compare_url`` compares it with the version that was picked."""

    id: int
    url: str
    taken_at: datetime
    seen_until: datetime | None
    purpose: str
    cause: Cause
    sha256: str
    lines: int
    size: int
    compared: str
    is_expected: bool
    compare_url: str
    pick_url: str
    is_picked: bool


def versions(
    snapshots: Sequence[ConfigSnapshot], before: ConfigSnapshot | None, *, device_id: int, picked: int | None
) -> list[Version]:
    """Snapshots, newest first, as versions; ``before`` was read before the last of them. Four queries."""
    causes = _causes(snapshots)
    state = ConfigState.objects.filter(device_id=device_id).first()
    older = [*(snapshot.blob_id for snapshot in snapshots[1:]), before.blob_id if before else ""]
    history = reverse("device-configs", args=[device_id])
    return [
        Version(
            id=snapshot.pk,
            url=page_url("device-config", device_id, snapshot.pk),
            taken_at=snapshot.taken_at,
            seen_until=snapshot.seen_until,
            purpose=snapshot.get_purpose_display(),
            cause=causes.get(snapshot.pk) or _plain(snapshot, sha256),
            sha256=snapshot.blob_id,
            lines=snapshot.blob.line_count,
            size=snapshot.blob.size,
            compared="first" if not sha256 else "same" if snapshot.blob_id == sha256 else "changed",
            is_expected=bool(state and state.baseline_id == snapshot.pk),
            compare_url=_compare_url(device_id, snapshot.pk, picked) if picked and picked != snapshot.pk else "",
            pick_url=f"{history}?{urlencode({'picked': snapshot.pk})}",
            is_picked=snapshot.pk == picked,
        )
        for snapshot, sha256 in zip(snapshots, older, strict=False)
    ]


def _compare_url(device_id: int, one: int, other: int) -> str:
    """The newer beside the older, whichever was picked first."""
    newer, older = max(one, other), min(one, other)
    return f"{page_url('device-config', device_id, newer)}?{urlencode({'against': older})}"


def _plain(snapshot: ConfigSnapshot, sha256_before: str) -> Cause:
    if snapshot.purpose != SnapshotPurpose.BACKUP or not sha256_before or sha256_before == snapshot.blob_id:
        return Cause("read")
    by = f", by {snapshot.changed_by}" if snapshot.changed_by else ""
    return Cause(visible(f"changed out of band{by}"), tone="warn")


def _causes(snapshots: Sequence[ConfigSnapshot]) -> dict[int, Cause]:
    """Change requests and drift that name the snapshots; three queries."""
    ids = [snapshot.pk for snapshot in snapshots]
    causes: dict[int, Cause] = {}
    for record in DriftRecord.objects.filter(found__in=ids):
        by = f", by {record.changed_by}" if record.changed_by else ""
        text = (
            f"{record.number}: unauthorized{by}" if record.unauthorized else f"{record.number}: {record.explained_by}"
        )
        causes[record.found_id] = Cause(visible(text), page_url("drift-detail", record.pk), "warn")
    plans = DevicePlan.objects.filter(baseline__in=ids).select_related("revision__change")
    for plan in plans.only("baseline_id", "revision__change_id", "revision__change__id"):
        if plan.baseline_id is not None:
            change = plan.revision.change
            causes.setdefault(plan.baseline_id, Cause(f"plan of {change.number}", page_url("change-plan", change.pk)))
    runs = DeviceRun.objects.filter(before__in=ids) | DeviceRun.objects.filter(after__in=ids)
    for run in runs.select_related("run__change", "run__started_by").defer("run__change__content"):
        change = run.run.change
        url = page_url("run-device", change.pk, run.run_id, run.pk)
        text = f"{change.number}, started by {run.run.started_by.get_username()}"
        if run.after_id in ids:
            causes[int(run.after_id or 0)] = Cause(visible(text), url)
        if run.before_id in ids:
            causes.setdefault(int(run.before_id or 0), Cause(visible(f"before {change.number}"), url))
    return causes
