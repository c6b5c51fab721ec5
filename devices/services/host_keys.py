"""Pinning and revoking SSH host keys and certificates. A session is opened only with a device that proves one."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.pins import pin_problem
from devices.errors import DeviceNotFoundError, InventoryError, OutdatedError
from devices.models import Device, HostKey, HostKeyState
from devices.services.host_key_alerts import alerts_settle, fingerprint
from devices.services.rights import ADMINISTRATOR, checked_reason, require_role

__all__ = ["fingerprint", "host_key_enrol", "host_key_revoke"]


@transaction.atomic
def host_key_enrol(*, device_id: int, key_type: str, public_key: str, actor: Actor) -> HostKey:
    """Pin a host key or a certificate for a device; an earlier key of the same type is revoked, and both are audited.

    Pinning the key that is pinned already changes nothing and writes no event.

    Raises:
        InventoryError: it is neither a certificate nor an SSH public key of the type that ``key_type`` says.
    """
    problem = pin_problem(key_type, public_key)
    if problem:
        raise InventoryError(problem)
    # Not against inserts that name the device: a lock for those would make running changes wait.
    device = Device.objects.select_for_update(no_key=True).get(pk=device_id)
    pinned = device.host_keys.filter(key_type=key_type, state=HostKeyState.PINNED).first()
    if pinned and pinned.public_key == public_key:
        return pinned
    if pinned:
        _revoke(device, pinned, "Another key of this type was pinned.", actor)
    key = HostKey.objects.create(
        device=device,
        key_type=key_type,
        public_key=public_key,
        fingerprint=fingerprint(public_key, key_type),
        enrolled_by=actor.username,
    )
    _audit(device, key, "host_key.pinned", actor)
    alerts_settle(device=device, fingerprint=key.fingerprint, actor=actor)
    return key


@transaction.atomic
def host_key_revoke(*, host_key_id: int, reason: str, actor: Actor) -> HostKey:
    """Trust a pinned key no longer; sessions with the device are refused until another one is pinned.

    Raises:
        NotPermittedError: the person is no administrator.
        BadFieldsError: no reason is given.
        DeviceNotFoundError: there is no such key.
        OutdatedError: it is revoked already.
    """
    require_role(actor, "revoke a host key", ADMINISTRATOR)
    reason = checked_reason(reason, field="reason")
    found = HostKey.objects.filter(pk=host_key_id).first()
    if found is None:
        raise DeviceNotFoundError(f"There is no host key with the id {host_key_id}.")
    device = Device.objects.select_for_update(no_key=True).get(pk=found.device_id)
    key = HostKey.objects.get(pk=host_key_id)
    if key.state != HostKeyState.PINNED:
        raise OutdatedError("This key is revoked already. Nothing was changed.")
    _revoke(device, key, reason, actor)
    return key


def _revoke(device: Device, key: HostKey, reason: str, actor: Actor) -> None:
    key.state = HostKeyState.REVOKED
    key.revoked_by, key.revoked_at, key.revoke_reason = actor.username, timezone.now(), reason
    key.save(update_fields=["state", "revoked_by", "revoked_at", "revoke_reason"])
    _audit(device, key, "host_key.revoked", actor, reason)


def _audit(device: Device, key: HostKey, action: str, actor: Actor, reason: str = "") -> None:
    record(
        actor=actor,
        action=action,
        object_type="host_key",
        object_id=key.pk,
        object_label=f"{device.name} {key.key_type}",
        device_id=device.pk,
        reason=reason,
        details={"fingerprint": key.fingerprint},
    )
