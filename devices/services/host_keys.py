"""Pinning SSH host keys. A session is opened only with a device that proves a pinned key."""

from __future__ import annotations

import base64
import hashlib

from django.db import transaction

from audit.actor import Actor
from audit.recorder import record
from devices.domain.ssh_keys import key_problem
from devices.errors import InventoryError
from devices.models import Device, HostKey, HostKeyState


def fingerprint(public_key: str) -> str:
    """``SHA256:…`` of a base64 public key, as ``ssh-keygen -l`` prints it.

    Raises:
        InventoryError: the text is not base64.
    """
    try:
        digest = hashlib.sha256(base64.b64decode(public_key, validate=True)).digest()
    except ValueError as error:
        raise InventoryError("A host key must be given as base64, as in a known_hosts file.") from error
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@transaction.atomic
def host_key_enrol(*, device_id: int, key_type: str, public_key: str, actor: Actor) -> HostKey:
    """Pin a host key for a device; an earlier key of the same type is revoked, and both are audited.

    Pinning the key that is pinned already changes nothing and writes no event.

    Raises:
        InventoryError: it is no SSH public key, or one of another type than ``key_type`` says.
    """
    problem = key_problem(key_type, public_key)
    if problem:
        raise InventoryError(problem)
    # Not against inserts that name the device: a lock for those would make running changes wait.
    device = Device.objects.select_for_update(no_key=True).get(pk=device_id)
    pinned = device.host_keys.filter(key_type=key_type, state=HostKeyState.PINNED).first()
    if pinned and pinned.public_key == public_key:
        return pinned
    if pinned:
        pinned.state = HostKeyState.REVOKED
        pinned.save(update_fields=["state"])
        _audit(device, pinned, "host_key.revoked", actor)
    key = HostKey.objects.create(
        device=device,
        key_type=key_type,
        public_key=public_key,
        fingerprint=fingerprint(public_key),
        enrolled_by=actor.username,
    )
    _audit(device, key, "host_key.pinned", actor)
    return key


def _audit(device: Device, key: HostKey, action: str, actor: Actor) -> None:
    record(
        actor=actor,
        action=action,
        object_type="host_key",
        object_id=key.pk,
        object_label=f"{device.name} {key.key_type}",
        device_id=device.pk,
        details={"fingerprint": key.fingerprint},
    )
