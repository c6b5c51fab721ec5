"""Alerts about devices that prove themselves with a key that nobody pinned for them."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.pins import pin_fingerprint
from devices.errors import DeviceNotFoundError, HostKeyMismatchError, InventoryError, OutdatedError
from devices.models import AlertState, Device, HostKeyAlert
from devices.services.rights import ADMINISTRATOR, checked_reason, require_role

HOST_KEY_MISMATCH = "IDENTITY_HOST_KEY_MISMATCH"


def fingerprint(public_key: str, key_type: str = "") -> str:
    """What a person compares; see :func:`devices.domain.pins.pin_fingerprint`.

    Raises:
        InventoryError: the text is not base64.
    """
    try:
        return pin_fingerprint(key_type, public_key)
    except ValueError as error:
        raise InventoryError("A host key must be given as base64, as in a known_hosts file.") from error


def unproved_report(device: Device, error: HostKeyMismatchError) -> None:
    """Tell the administrators which key or certificate was offered, once for each error.

    Where the device has offered none there is nothing to tell.
    """
    if error.offered is None or error.is_reported:
        return
    error.is_reported = True
    key_type, public_key = error.offered
    alert_raise(device_id=device.pk, key_type=key_type, public_key=public_key, actor=Actor.system("worker"))


@transaction.atomic
def alert_raise(*, device_id: int, key_type: str, public_key: str, actor: Actor) -> HostKeyAlert:
    """Record that a device offered a key that is not pinned for it.

    While the alert about this key is open it is only counted: a device that is tried a hundred times raises one alert
    and writes one audit event.
    """
    device = Device.objects.select_for_update(no_key=True).get(pk=device_id)
    offered = fingerprint(public_key, key_type)
    known = HostKeyAlert.objects.filter(device=device, fingerprint=offered, state=AlertState.OPEN).first()
    if known:
        HostKeyAlert.objects.filter(pk=known.pk).update(times_seen=F("times_seen") + 1, last_seen_at=Now())
        return known
    alert = HostKeyAlert.objects.create(
        device=device, key_type=key_type, public_key=public_key, fingerprint=offered, state=AlertState.OPEN
    )
    _audit(device, alert, "host_key.alert_raised", actor)
    return alert


@transaction.atomic
def alert_acknowledge(*, alert_id: int, reason: str, actor: Actor) -> HostKeyAlert:
    """Note that somebody has looked into an alert, and what they found. The key stays unpinned.

    Raises:
        NotPermittedError: the person is no administrator.
        BadFieldsError: no reason is given.
        DeviceNotFoundError: there is no such alert.
        OutdatedError: somebody has acknowledged it already.
    """
    require_role(actor, "acknowledge a host key alert", ADMINISTRATOR)
    reason = checked_reason(reason, field="reason")
    alert = HostKeyAlert.objects.select_for_update(of=("self",)).select_related("device").filter(pk=alert_id).first()
    if alert is None:
        raise DeviceNotFoundError(f"There is no host key alert with the id {alert_id}.")
    if alert.state != AlertState.OPEN:
        raise OutdatedError(f"{alert.acknowledged_by} has acknowledged this alert already. Nothing was changed.")
    _acknowledge(alert.device, alert, reason, actor)
    return alert


def alerts_settle(*, device: Device, fingerprint: str, actor: Actor) -> None:
    """Close the open alert about a key that was pinned just now; inside the caller's transaction."""
    found = HostKeyAlert.objects.select_for_update().filter(device=device, fingerprint=fingerprint)
    for alert in found.filter(state=AlertState.OPEN):
        _acknowledge(device, alert, "The key was pinned.", actor)


def _acknowledge(device: Device, alert: HostKeyAlert, reason: str, actor: Actor) -> None:
    alert.state = AlertState.ACKNOWLEDGED
    alert.acknowledged_by, alert.acknowledged_at = actor.username, timezone.now()
    alert.acknowledge_reason = reason
    alert.save(update_fields=["state", "acknowledged_by", "acknowledged_at", "acknowledge_reason"])
    _audit(device, alert, "host_key.alert_acknowledged", actor, reason)


def _audit(device: Device, alert: HostKeyAlert, action: str, actor: Actor, reason: str = "") -> None:
    record(
        actor=actor,
        action=action,
        object_type="host_key_alert",
        object_id=alert.pk,
        object_label=f"{device.name} {alert.key_type}",
        device_id=device.pk,
        code=HOST_KEY_MISMATCH,
        reason=reason,
        details={"fingerprint": alert.fingerprint},
    )
