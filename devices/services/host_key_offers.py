"""First contact: reading the keys that a device offers, and pinning them once a person has compared them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actor import Actor
from audit.recorder import record
from devices.domain.drivers import Proof, proof_demanded
from devices.domain.ssh_keys import MAX_KNOWN_HOSTS, KnownHost, parse_known_hosts
from devices.drivers.key_scan import scan_keys
from devices.drivers.tls import scan_certificate
from devices.errors import BadFieldsError, DeviceNotFoundError, OutdatedError
from devices.models import Device, HostKey, HostKeyState, OfferedKey, OfferState
from devices.services.host_keys import fingerprint, host_key_enrol
from devices.services.rights import ADMINISTRATOR, require_role

SCAN_TIMEOUT_S: Final = 5.0
"""A person waits for it; up to three key exchanges follow one another."""
PROBLEMS_SHOWN: Final = 20


def host_keys_read(*, device_id: int, actor: Actor) -> list[OfferedKey]:
    """Ask the device for its host keys or its certificate and keep what it offers, for a person to compare.

    Only the key exchange or the TLS handshake takes place: no user name and no password is sent, and nothing is
    pinned. Offers that were read before and not confirmed are superseded.

    Raises:
        NotPermittedError: the person is no administrator.
        DeviceNotFoundError: there is no such device.
        BadFieldsError: the inventory has no address for it, or its driver speaks plain HTTP.
        UnreachableError: it shows no key.
    """
    require_role(actor, "read a device's host key", ADMINISTRATOR)
    device = Device.objects.filter(pk=device_id).first()
    if device is None:
        raise DeviceNotFoundError(f"There is no device with the id {device_id}.")
    if not device.address:
        raise BadFieldsError({"device": ["The inventory has no address for this device, so nobody can be asked."]})
    return _store(device_id, _shown(device), actor)


def _shown(device: Device) -> tuple[tuple[str, str], ...]:
    """What the device shows to whoever asks, by what its driver speaks."""
    proof = proof_demanded(device.platform, device.driver)
    timeout_s = min(SCAN_TIMEOUT_S, settings.DEVICE_CONNECT_TIMEOUT_S)
    if proof is Proof.NOTHING:
        problem = "The driver of this device speaks plain HTTP, where a device proves itself by nothing."
        raise BadFieldsError({"device": [problem]})
    if proof is Proof.CERTIFICATE:
        return (scan_certificate(device.address, device.port, timeout_s=timeout_s, device=device.name),)
    return scan_keys(device.address, device.port, timeout_s=timeout_s, device=device.name)


@transaction.atomic
def _store(device_id: int, keys: Iterable[tuple[str, str]], actor: Actor) -> list[OfferedKey]:
    device = Device.objects.select_for_update(no_key=True).get(pk=device_id)
    device.offered_keys.filter(state=OfferState.OFFERED).update(
        state=OfferState.SUPERSEDED, decided_by=actor.username, decided_at=timezone.now()
    )
    offers = [
        OfferedKey.objects.create(
            device=device,
            key_type=key_type,
            public_key=public_key,
            fingerprint=fingerprint(public_key, key_type),
            state=OfferState.OFFERED,
            read_by=actor.username,
        )
        for key_type, public_key in keys
    ]
    record(
        actor=actor,
        action="host_key.offered",
        object_type="device",
        object_id=device.pk,
        object_label=device.name,
        device_id=device.pk,
        details={"fingerprints": [offer.fingerprint for offer in offers]},
    )
    return offers


@transaction.atomic
def host_key_confirm(*, device_id: int, offer_id: int, fingerprint: str, actor: Actor) -> HostKey:
    """Pin exactly the key that was read and whose fingerprint the person's page showed.

    The key that is pinned is the stored one: the device is not asked again, so it cannot show another key meanwhile.

    Raises:
        NotPermittedError: the person is no administrator.
        DeviceNotFoundError: there is no such offer.
        OutdatedError: it was read again or confirmed since, or the fingerprint is another one.
    """
    require_role(actor, "pin a host key", ADMINISTRATOR)
    # The device first, as whoever reads its keys does: two people at once wait for each other and neither is refused.
    Device.objects.select_for_update(no_key=True).filter(pk=device_id).first()
    offer = OfferedKey.objects.select_for_update().filter(pk=offer_id, device_id=device_id).first()
    if offer is None:
        raise DeviceNotFoundError(f"The device has offered no key with the id {offer_id}.")
    if offer.state != OfferState.OFFERED:
        raise OutdatedError(
            "This key was confirmed or read again after your page was drawn. Nothing was pinned. Look at the keys that"
            " the device offers now."
        )
    if fingerprint.strip() != offer.fingerprint:
        raise OutdatedError(
            "The fingerprint that you confirmed is not the one that the device offered. Nothing was pinned."
        )
    key = host_key_enrol(device_id=offer.device_id, key_type=offer.key_type, public_key=offer.public_key, actor=actor)
    offer.state, offer.decided_by, offer.decided_at = OfferState.CONFIRMED, actor.username, timezone.now()
    offer.save(update_fields=["state", "decided_by", "decided_at"])
    return key


@dataclass(frozen=True, slots=True)
class ImportLine:
    """What becomes of one key of a known_hosts text.

    ``effect`` is ``pin``, ``same`` (pinned already), ``conflict`` (another key of this type is pinned), ``unknown`` (no
    device has this address) or ``ambiguous`` (several have).
    """

    line: int
    host: str
    port: int
    key_type: str
    fingerprint: str
    effect: str
    device_id: int | None = None
    device_name: str = ""


def host_keys_preview(*, text: str, actor: Actor) -> list[ImportLine]:
    """What :func:`host_keys_import` would do with this text; nothing is changed. Three queries.

    Raises:
        NotPermittedError: the person is no administrator.
        BadFieldsError: the text is too long, holds no key, or has lines that cannot be read.
    """
    require_role(actor, "import host keys", ADMINISTRATOR)
    return [line for line, _entry in _planned(_entries(text))]


@transaction.atomic
def host_keys_import(*, text: str, actor: Actor) -> list[ImportLine]:
    """Pin the keys of a known_hosts text for the devices with these addresses, and audit each.

    A pinned key is never replaced here: revoke it first. Hosts that are no device are left out.

    Raises:
        NotPermittedError, BadFieldsError: as for :func:`host_keys_preview`; nothing was changed.
    """
    require_role(actor, "import host keys", ADMINISTRATOR)
    planned = _planned(_entries(text))
    for line, entry in planned:
        if line.effect == "pin" and line.device_id:
            host_key_enrol(device_id=line.device_id, key_type=entry.key_type, public_key=entry.public_key, actor=actor)
    return [line for line, _entry in planned]


def _entries(text: str) -> tuple[KnownHost, ...]:
    if len(text) > MAX_KNOWN_HOSTS:
        raise BadFieldsError({"known_hosts": ["The text is too long. Import it in parts of up to 2 MB."]})
    found = parse_known_hosts(text)
    if found.problems:
        more = len(found.problems) - PROBLEMS_SHOWN
        sentences = [*found.problems[:PROBLEMS_SHOWN], *([f"And {more} more lines."] if more > 0 else [])]
        raise BadFieldsError({"known_hosts": sentences})
    if not found.entries:
        raise BadFieldsError({"known_hosts": ["There is no key in this text. Paste lines as ssh-keyscan prints them."]})
    return found.entries


def _planned(entries: Iterable[KnownHost]) -> list[tuple[ImportLine, KnownHost]]:
    entries = list(entries)
    hosts = {entry.host for entry in entries}
    devices: dict[tuple[str, int], list[Device]] = {}
    for device in Device.objects.filter(address__in=hosts).only("id", "name", "address", "port"):
        devices.setdefault((device.address, device.port), []).append(device)
    ids = [device.pk for found in devices.values() for device in found]
    pinned = {
        (key.device_id, key.key_type): key.public_key
        for key in HostKey.objects.filter(device_id__in=ids, state=HostKeyState.PINNED)
    }
    planned = []
    for entry in entries:
        found = devices.get((entry.host, entry.port), [])
        line = _line(entry, found, pinned)
        if line.effect == "pin" and line.device_id:
            # A second, different key of the type in the same text is a conflict, not a replacement.
            pinned[line.device_id, entry.key_type] = entry.public_key
        planned.append((line, entry))
    return planned


def _line(entry: KnownHost, devices: list[Device], pinned: dict[tuple[int, str], str]) -> ImportLine:
    print_of = fingerprint(entry.public_key)
    if len(devices) != 1:
        effect = "ambiguous" if devices else "unknown"
        return ImportLine(entry.line, entry.host, entry.port, entry.key_type, print_of, effect)
    [device] = devices
    held = pinned.get((device.pk, entry.key_type))
    effect = "pin" if held is None else "same" if held == entry.public_key else "conflict"
    return ImportLine(entry.line, entry.host, entry.port, entry.key_type, print_of, effect, device.pk, device.name)
