"""Pinned host keys: one per type, replaced only on record, and never something that is no key."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from audit.actor import Actor, Origin
from audit.models import Event
from devices.errors import InventoryError
from devices.models import Device, HostKey
from devices.services.host_keys import fingerprint, host_key_enrol
from devices.services.sessions import endpoint_for, pinned_keys
from tests.factories import DeviceFactory, public_key

pytestmark = pytest.mark.django_db
ADMIN = Actor(user_id=None, username="admin", origin=Origin.COMMAND)


@pytest.fixture
def device() -> Device:
    return DeviceFactory.create(pinned=False)


def enrol(device: Device, number: int, key_type: str = "ssh-ed25519") -> HostKey:
    return host_key_enrol(device_id=device.pk, key_type=key_type, public_key=public_key(number), actor=ADMIN)


def events(device: Device) -> list[str]:
    return list(Event.objects.filter(device_id=device.pk).order_by("id").values_list("action", flat=True))


def test_a_key_is_pinned_with_its_fingerprint_and_audited(device: Device) -> None:
    key = enrol(device, 1)
    assert pinned_keys(device) == (f"ssh-ed25519 {public_key(1)}",)
    assert key.enrolled_by == "admin"
    assert events(device) == ["host_key.pinned"]
    assert key.fingerprint in Event.objects.get(device_id=device.pk).body


def test_the_fingerprint_is_that_of_ssh_keygen(device: Device, tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.write_text(f"ssh-ed25519 {public_key(7)}\n")
    shown = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True).stdout
    assert shown.split()[1] == fingerprint(public_key(7))


def test_pinning_the_same_key_again_changes_nothing(device: Device) -> None:
    assert enrol(device, 1) == enrol(device, 1)
    assert events(device) == ["host_key.pinned"]


def test_another_key_of_the_type_revokes_the_first_and_both_are_audited(device: Device) -> None:
    first = enrol(device, 1)
    enrol(device, 2)
    first.refresh_from_db()
    assert first.state == "revoked"
    assert pinned_keys(device) == (f"ssh-ed25519 {public_key(2)}",)
    assert events(device) == ["host_key.pinned", "host_key.revoked", "host_key.pinned"]


def test_a_revoked_key_can_be_pinned_again(device: Device) -> None:
    enrol(device, 1)
    enrol(device, 2)
    enrol(device, 1)
    assert pinned_keys(device) == (f"ssh-ed25519 {public_key(1)}",)
    assert HostKey.objects.filter(device=device).count() == 3


def test_a_revoked_key_is_not_offered_to_the_driver(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_CREDENTIAL_LAB_USERNAME", "lab")
    monkeypatch.setenv("COUNTERSIGN_CREDENTIAL_LAB_PASSWORD", "lab-password")
    enrol(device, 1)
    enrol(device, 2)
    from django.test import override_settings

    with override_settings(DEVICE_CREDENTIALS="env:"):
        assert endpoint_for(device).host_keys == (f"ssh-ed25519 {public_key(2)}",)


@pytest.mark.parametrize(
    ("key_type", "key"),
    [
        ("ssh-ed25519", "not base64!"),
        ("ssh-ed25519", ""),
        ("ssh-ed25519", "AAAA"),
        ("ssh-ed25519", "ключ"),
        ("ssh-rsa", public_key(1)),
        ("ssh-ed25519 AAAA\n* ssh-ed25519", public_key(1)),
        ("", public_key(1)),
        ("ssh-ed25519", f"{public_key(1)}\n* ssh-ed25519 {public_key(2)}"),
    ],
)
def test_what_is_no_key_of_its_type_is_refused_and_nothing_changes(device: Device, key_type: str, key: str) -> None:
    enrol(device, 1)
    with pytest.raises(InventoryError):
        host_key_enrol(device_id=device.pk, key_type=key_type, public_key=key, actor=ADMIN)
    assert pinned_keys(device) == (f"ssh-ed25519 {public_key(1)}",)
    assert events(device) == ["host_key.pinned"]
