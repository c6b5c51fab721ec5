"""Bringing an inventory source's devices into the database."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.models import Device, DeviceStatus
from devices.sources.records import DeviceRecord, Inventory, RefusedRecord

_FACTS = (
    "name", "platform", "address", "port", "site", "role", "tags", "status", "hostname", "serial", "model",
    "credential", "driver",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one synchronisation did; counts are devices."""

    created: int
    updated: int
    unchanged: int
    missing: int
    refused: tuple[RefusedRecord, ...]


@transaction.atomic
def inventory_sync(*, source: str, inventory: Inventory, actor: Actor) -> SyncReport:
    """Make the devices of ``source`` equal to what it delivered, all or nothing, and audit each difference.

    Devices that the source no longer lists become *missing*: they stay visible and can no longer be targeted.
    Host keys are not enrolled here; see :mod:`devices.services.host_keys`.
    """
    # Not against inserts that name a device: a lock for those would make running changes wait for the inventory.
    locked = Device.objects.select_for_update(no_key=True).filter(source=source)
    known = {device.source_key: device for device in locked}
    created = updated = 0
    same: list[int] = []
    for entry in inventory.records:
        device = known.pop(entry.key, None)
        if device is None:
            _create(source, entry, actor)
            created += 1
        elif _update(device, entry, actor):
            updated += 1
        else:
            same.append(device.pk)
    Device.objects.filter(pk__in=same).update(synced_at=timezone.now())
    missing = sum(_mark_missing(device, actor) for device in known.values())
    return SyncReport(created, updated, len(same), missing, inventory.refused)


def _facts(entry: DeviceRecord) -> dict[str, object]:
    facts = {name: value for name, value in asdict(entry).items() if name in _FACTS}
    return {**facts, "tags": list(entry.tags)}


def _create(source: str, entry: DeviceRecord, actor: Actor) -> None:
    device = Device.objects.create(source=source, source_key=entry.key, synced_at=timezone.now(), **_facts(entry))
    _audit(device, actor, "device.discovered", before=None, after=_facts(entry))


def _update(device: Device, entry: DeviceRecord, actor: Actor) -> bool:
    new = _facts(entry)
    before = {name: value for name in _FACTS if (value := getattr(device, name)) != new[name]}
    if not before:
        return False
    for name in before:
        setattr(device, name, new[name])
    device.synced_at = timezone.now()
    device.save(update_fields=[*before, "synced_at"])
    _audit(device, actor, "device.updated", before=before, after={name: new[name] for name in before})
    return True


def _mark_missing(device: Device, actor: Actor) -> bool:
    if device.status == DeviceStatus.MISSING:
        return False
    before = device.status
    device.status = DeviceStatus.MISSING
    device.save(update_fields=["status"])
    _audit(device, actor, "device.missing", before={"status": before}, after={"status": device.status})
    return True


def _audit(
    device: Device, actor: Actor, action: str, *, before: dict[str, object] | None, after: dict[str, object]
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
    )
