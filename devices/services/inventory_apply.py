"""Making the devices of a source equal to what it delivered, some hundred at a time, each difference audited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from django.db.models import Q, QuerySet
from django.db.models.aggregates import Count
from django.db.models.functions import Lower
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.exclusions import DUPLICATE_NAME
from devices.errors import SourceShrankError
from devices.models import Device, DeviceQuerySet, DeviceStatus
from devices.sources.records import DeviceRecord

BATCH: Final = 500
SHRANK_FROM: Final = 10
"""Devices; smaller sources may lose more than half of them without a question."""
_FACTS: Final = (
    "name", "platform", "address", "port", "site", "role", "tags", "redundancy_group", "uplinks", "tenant",
    "criticality", "status", "hostname",
    "serial", "model", "credential", "driver", "exclusion", "exclusion_detail",
)  # fmt: skip

Item = TypeVar("Item")


@dataclass(slots=True)
class Tally:
    """What was done; counts are devices."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    missing: int = 0


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists of at most :data:`BATCH`."""
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some


def apply_records(source: str, records: Sequence[DeviceRecord], tally: Tally, *, actor: Actor) -> None:
    """Create and update the devices of one batch, in the caller's transaction.

    What did not change costs no query of its own. Names that repeat are settled afterwards.
    """
    # Not against inserts that name a device: a lock for those would make running changes wait for the inventory.
    locked = Device.objects.select_for_update(no_key=True).order_by("pk")
    known = {
        device.source_key: device
        for device in locked.filter(source=source, source_key__in=[entry.key for entry in records])
    }
    new = [entry for entry in records if entry.key not in known]
    same = [
        known[entry.key].pk
        for entry in records
        if entry.key in known and not _update(known[entry.key], entry, actor=actor)
    ]
    Device.objects.filter(pk__in=same).update(synced_at=timezone.now())
    _create(source, new, actor=actor)
    tally.created += len(new)
    tally.unchanged += len(same)
    tally.updated += len(records) - len(new) - len(same)


def check_shrinking(source: str, gone: DeviceQuerySet, *, advice: str) -> None:
    """Make sure that a whole load still lists half of the devices that the source had; two queries.

    Raises:
        SourceShrankError: it does not; ``advice`` ends the sentence.
    """
    known = Device.objects.filter(source=source).exclude(status=DeviceStatus.MISSING).count()
    lost = gone.exclude(status=DeviceStatus.MISSING).count()
    if known >= SHRANK_FROM and lost * 2 > known:
        raise SourceShrankError(
            f"“{source}” no longer lists {lost} of the {known} devices that are known from it. {advice}"
        )


def mark_missing(gone: DeviceQuerySet, tally: Tally, *, actor: Actor) -> None:
    """Mark devices as no longer listed by their source: they stay visible and can no longer be targeted."""
    here = gone.exclude(status=DeviceStatus.MISSING).order_by("pk")
    while some := list(here.select_for_update(no_key=True)[:BATCH]):
        for device in some:
            _mark_missing(device, actor)
        tally.missing += len(some)


def settle_names(source: str, *, actor: Actor) -> None:
    """Exclude active devices whose name another active one of the source has, and let in those where that is over.

    Case makes no difference between names. One query where nothing changes.
    """
    active = Device.objects.filter(source=source, status=DeviceStatus.ACTIVE)
    repeated = _repeated_names(active)
    alike = Q(plain_name__in=repeated, status=DeviceStatus.ACTIVE)
    wrong = (Q(exclusion="") & alike) | (Q(exclusion=DUPLICATE_NAME) & ~alike)
    devices = Device.objects.filter(source=source).alias(plain_name=Lower("name")).filter(wrong).order_by("pk")
    for device in devices.select_for_update(no_key=True):
        if device.exclusion:
            _exclude(device, "", "", actor)
        else:
            sentence = f"Another active device of the source is called “{device.name}” too."
            _exclude(device, DUPLICATE_NAME, sentence, actor)


def _repeated_names(active: DeviceQuerySet) -> QuerySet[Any, Any]:
    named = active.order_by().annotate(plain_name=Lower("name")).values("plain_name")
    return named.annotate(count=Count("pk")).filter(count__gt=1).values("plain_name")


def _facts(entry: DeviceRecord) -> dict[str, object]:
    facts = {name: value for name, value in asdict(entry).items() if name in _FACTS}
    return {**facts, "tags": list(entry.tags), "uplinks": list(entry.uplinks)}


def _create(source: str, entries: Sequence[DeviceRecord], *, actor: Actor) -> None:
    now = timezone.now()
    devices = Device.objects.bulk_create(
        Device(source=source, source_key=entry.key, synced_at=now, **_facts(entry)) for entry in entries
    )
    for device, entry in zip(devices, entries, strict=True):
        _audit(device, actor, "device.discovered", before=None, after=_facts(entry))


def _update(device: Device, entry: DeviceRecord, *, actor: Actor) -> bool:
    new = _facts(entry)
    if device.exclusion == DUPLICATE_NAME and not entry.exclusion:
        # Its name is judged over all devices, when all are there.
        new |= {"exclusion": device.exclusion, "exclusion_detail": device.exclusion_detail}
    before = {name: value for name in _FACTS if (value := getattr(device, name)) != new[name]}
    if not before:
        return False
    for name in before:
        setattr(device, name, new[name])
    device.synced_at = timezone.now()
    device.save(update_fields=[*before, "synced_at"])
    _audit(device, actor, "device.updated", before=before, after={name: new[name] for name in before})
    return True


def _mark_missing(device: Device, actor: Actor) -> None:
    before = device.status
    device.status = DeviceStatus.MISSING
    device.save(update_fields=["status"])
    _audit(device, actor, "device.missing", before={"status": before}, after={"status": device.status})


def _exclude(device: Device, code: str, sentence: str, actor: Actor) -> None:
    before = {"exclusion": device.exclusion}
    device.exclusion, device.exclusion_detail = code, sentence[:300]
    device.save(update_fields=["exclusion", "exclusion_detail"])
    action = "device.excluded" if code else "device.readmitted"
    _audit(device, actor, action, before=before, after={"exclusion": code}, code=code)


def _audit(
    device: Device,
    actor: Actor,
    action: str,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
    code: str = "",
) -> None:
    # "credential" is only the credential's name; it is audited under a key that says so.
    renamed = [
        {("credential_name" if key == "credential" else key): value for key, value in facts.items()} if facts else None
        for facts in (before, after)
    ]
    record(
        actor=actor,
        action=action,
        object_type="device",
        object_id=device.pk,
        object_label=device.name,
        device_id=device.pk,
        before=renamed[0],
        after=renamed[1],
        code=code,
    )
