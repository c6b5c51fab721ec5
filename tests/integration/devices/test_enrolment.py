"""First contact: the device's key is read without signing in, compared by a person, and pinned exactly as read."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from rest_framework.test import APIClient

from audit.actor import Actor, Origin
from audit.models import Event
from changes.domain.policy import Role
from changes.domain.targets import TargetSpec
from changes.selectors import resolve_targets
from devices.errors import BadFieldsError, HostKeyMismatchError, NotPermittedError, OutdatedError, UnreachableError
from devices.lab import Lab
from devices.models import AlertState, Device, HostKeyAlert, OfferState
from devices.services.host_key_alerts import alert_acknowledge, alert_raise
from devices.services.host_key_offers import host_key_confirm, host_keys_import, host_keys_preview, host_keys_read
from devices.services.host_keys import host_key_enrol, host_key_revoke
from devices.services.sessions import driver_connected, pinned_keys
from portal.presenters.device_pages import device_rows, with_keys
from tests.factories import DeviceFactory, PersonFactory, actor, public_key
from tests.integration.lab_fixtures import LabFactory, eos_device

pytestmark = pytest.mark.django_db
SETUP = Actor(user_id=None, username="setup", origin=Origin.COMMAND)


@pytest.fixture
def running(lab: LabFactory) -> Lab:
    return lab(1)


@pytest.fixture
def device(running: Lab) -> Device:
    [switch] = running.devices
    made: Device = DeviceFactory.create(address=switch.host, port=switch.port, pinned=False)
    return made


@pytest.fixture
def admin() -> Actor:
    return actor(PersonFactory.create(username="admin", roles=[Role.ADMINISTRATOR]))


def test_a_key_is_read_compared_and_pinned_without_a_password(running: Lab, device: Device, admin: Actor) -> None:
    [switch] = running.devices
    [offer] = host_keys_read(device_id=device.pk, actor=admin)
    assert f"{offer.key_type} {offer.public_key}" == switch.host_key
    assert switch.auth_attempts() == []
    assert pinned_keys(device) == ()
    host_key_confirm(device_id=device.pk, offer_id=offer.pk, fingerprint=offer.fingerprint, actor=admin)
    assert pinned_keys(device) == (switch.host_key,)
    actions = Event.objects.filter(device_id=device.pk).order_by("id").values_list("action", "actor_name")
    assert list(actions) == [("host_key.offered", "admin"), ("host_key.pinned", "admin")]


def test_what_was_not_read_or_not_seen_is_not_pinned(running: Lab, device: Device, admin: Actor) -> None:
    [first] = host_keys_read(device_id=device.pk, actor=admin)
    running.devices[0].faults.wrong_host_key = True
    [second] = host_keys_read(device_id=device.pk, actor=admin)
    for offer, shown in ((first, first.fingerprint), (second, first.fingerprint), (second, "")):
        with pytest.raises(OutdatedError):
            host_key_confirm(device_id=device.pk, offer_id=offer.pk, fingerprint=shown, actor=admin)
    first.refresh_from_db()
    assert first.state == OfferState.SUPERSEDED
    assert pinned_keys(device) == ()


def test_only_administrators_enrol_and_superusers_are_not_exempt(device: Device) -> None:
    for roles in ([Role.CHANGE_MANAGER], [Role.ADMINISTRATOR, Role.AUDITOR], []):
        person = actor(PersonFactory.create(roles=roles, is_superuser=True))
        with pytest.raises(NotPermittedError):
            host_keys_read(device_id=device.pk, actor=person)
    assert not device.offered_keys.exists()


def test_a_device_that_is_off_is_told_so(running: Lab, device: Device, admin: Actor) -> None:
    running.devices[0].power_off()
    with pytest.raises(UnreachableError, match="cannot be reached"):
        host_keys_read(device_id=device.pk, actor=admin)


def test_an_alert_is_counted_and_not_repeated_until_somebody_has_looked(device: Device, admin: Actor) -> None:
    def seen() -> HostKeyAlert:
        key = public_key(3)
        return alert_raise(device_id=device.pk, key_type="ssh-ed25519", public_key=key, actor=Actor.system("worker"))

    first = seen()
    assert seen() == first
    with pytest.raises(IntegrityError), transaction.atomic():
        HostKeyAlert.objects.create(device=device, key_type="x", public_key="x", fingerprint=first.fingerprint)
    with pytest.raises(BadFieldsError):
        alert_acknowledge(alert_id=first.pk, reason=" ", actor=admin)
    alert_acknowledge(alert_id=first.pk, reason="The switch was replaced.", actor=admin)
    assert seen() != first
    assert HostKeyAlert.objects.get(state=AlertState.OPEN).times_seen == 1
    # Pinning the very key settles the alert about it.
    host_key_enrol(device_id=device.pk, key_type="ssh-ed25519", public_key=public_key(3), actor=SETUP)
    assert not HostKeyAlert.objects.filter(state=AlertState.OPEN).exists()


def test_a_certificate_is_read_compared_and_pinned_and_a_changed_one_raises_an_alert(
    lab: LabFactory,
    admin: Actor,
    tmp_path: Path,
    settings: Any,  # noqa: ANN401 - the fixture takes any setting
) -> None:
    running = lab(eos_device("leaf1", driver="napalm-eos", tls=True))
    [switch] = running.devices
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(f"lab: {{username: {running.username}, password: {running.password}}}\n")
    credentials.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{credentials}"
    leaf = DeviceFactory.create(
        address=switch.host, port=switch.port, platform="arista_eos", driver="napalm-eos", pinned=True
    )
    assert leaf.host_keys.get().key_type == "ssh-ed25519"
    [excluded] = resolve_targets(TargetSpec(device_ids=(leaf.pk,))).excluded
    assert (excluded.code, excluded.sentence) == (
        "IDENTITY_HOST_KEY_MISMATCH",
        f"No TLS certificate is pinned for {leaf.name}.",
    )
    [row] = device_rows(list(with_keys(Device.objects.filter(pk=leaf.pk))))
    assert not row.has_key, "the list says the same"
    [offer] = host_keys_read(device_id=leaf.pk, actor=admin)
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(switch.certificate)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert offer.fingerprint == "SHA256:" + shown.stdout.strip().partition("=")[2], "as openssl prints it"
    host_key_confirm(device_id=leaf.pk, offer_id=offer.pk, fingerprint=offer.fingerprint, actor=admin)
    assert pinned_keys(leaf) == (switch.host_key,), "the SSH key is nothing to a driver that speaks HTTPS"
    assert resolve_targets(TargetSpec(device_ids=(leaf.pk,))).devices == (leaf,)
    [row] = device_rows(list(with_keys(Device.objects.filter(pk=leaf.pk))))
    assert row.has_key
    with ExitStack() as session:
        assert driver_connected(leaf, session).facts().hostname == "leaf1"
    known = len(switch.auth_attempts())
    switch.faults.wrong_host_key = True
    for _attempt in (1, 2):
        with ExitStack() as session, pytest.raises(HostKeyMismatchError, match="not pinned"):
            driver_connected(leaf, session)
    assert len(switch.auth_attempts()) == known, "no password was sent"
    alert = HostKeyAlert.objects.get(device=leaf)
    assert (alert.key_type, alert.times_seen, alert.state) == ("tls-certificate", 2, AlertState.OPEN)
    [changed] = host_keys_read(device_id=leaf.pk, actor=admin)
    assert changed.fingerprint == alert.fingerprint != offer.fingerprint
    host_key_confirm(device_id=leaf.pk, offer_id=changed.pk, fingerprint=changed.fingerprint, actor=admin)
    alert.refresh_from_db()
    assert (alert.state, pinned_keys(leaf)) == (AlertState.ACKNOWLEDGED, (f"tls-certificate {changed.public_key}",))


def test_a_device_behind_plain_http_has_nothing_to_show(admin: Actor) -> None:
    device = DeviceFactory.create(platform="arista_eos", driver="napalm-eos-http", pinned=False)
    with pytest.raises(BadFieldsError, match="proves itself by nothing"):
        host_keys_read(device_id=device.pk, actor=admin)


def test_a_revoked_key_is_trusted_no_longer(
    running: Lab,
    device: Device,
    admin: Actor,
    tmp_path: Path,
    settings: Any,  # noqa: ANN401 - the fixture takes any setting
) -> None:
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(f"lab: {{username: {running.username}, password: {running.password}}}\n")
    credentials.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{credentials}"
    key_type, text = running.devices[0].host_key.split()[:2]
    key = host_key_enrol(device_id=device.pk, key_type=key_type, public_key=text, actor=SETUP)
    host_key_revoke(host_key_id=key.pk, reason="Its private half was copied.", actor=admin)
    key.refresh_from_db()
    assert (key.state, key.revoked_by) == ("revoked", "admin")
    with pytest.raises(OutdatedError):
        host_key_revoke(host_key_id=key.pk, reason="Again.", actor=admin)
    with ExitStack() as session, pytest.raises(HostKeyMismatchError):
        driver_connected(device, session)
    assert running.devices[0].auth_attempts() == []


def test_a_known_hosts_text_pins_by_address_and_replaces_nothing(admin: Actor) -> None:
    one = DeviceFactory.create(address="192.0.2.1", pinned=False)
    two = DeviceFactory.create(address="192.0.2.2", port=2022)
    text = (
        "# from ssh-keyscan\n"
        f"192.0.2.1 ssh-ed25519 {public_key(11)}\n"
        f"[192.0.2.2]:2022 ssh-ed25519 {public_key(12)}\n"
        f"192.0.2.99 ssh-ed25519 {public_key(13)} a comment\n"
    )
    effects = ["pin", "conflict", "unknown"]
    assert [line.effect for line in host_keys_preview(text=text, actor=admin)] == effects
    assert pinned_keys(one) == ()
    before = pinned_keys(two)
    assert [line.effect for line in host_keys_import(text=text, actor=admin)] == effects
    assert pinned_keys(one) == (f"ssh-ed25519 {public_key(11)}",)
    assert pinned_keys(two) == before
    assert host_keys_preview(text=text, actor=admin)[0].effect == "same"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no key"),
        ("|1|abc=|def= ssh-ed25519 AAAA", "hashed"),
        ("*.example.net ssh-ed25519 AAAA", "pattern"),
        ("@revoked 192.0.2.1 ssh-ed25519 AAAA", "marked"),
        ("192.0.2.1 ssh-ed25519 not-base64", "Line 1: A host key must be given as base64"),
        ("192.0.2.1", "a host, a key type and a key"),
    ],
)
def test_a_text_that_cannot_be_read_pins_nothing(admin: Actor, text: str, problem: str) -> None:
    good = f"192.0.2.1 ssh-ed25519 {public_key(11)}\n" if text else ""
    device = DeviceFactory.create(address="192.0.2.1", pinned=False)
    with pytest.raises(BadFieldsError) as refused:
        host_keys_import(text=f"{text}\n{good}", actor=admin)
    assert problem in str(refused.value)
    assert pinned_keys(device) == ()


def test_the_pages_and_the_api_enrol_alike(device: Device) -> None:
    person = PersonFactory.create(roles=[Role.ADMINISTRATOR])
    browser, script = Client(), APIClient()
    browser.force_login(person)
    script.force_authenticate(person)
    url = f"/devices/{device.pk}/host-keys/"
    page = browser.post(f"{url}read/", follow=True).content.decode()
    offer = device.offered_keys.get()
    assert offer.fingerprint in page
    refused = script.post(
        f"/api/v1/devices/{device.pk}/host-keys/", {"offer": offer.pk, "fingerprint": "SHA256:other"}, format="json"
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    made = script.post(
        f"/api/v1/devices/{device.pk}/host-keys/", {"offer": offer.pk, "fingerprint": offer.fingerprint}, format="json"
    )
    assert made.status_code == 201
    assert "Pinned" in browser.get(url).content.decode()
    revoked = browser.post(f"{url}{made.json()['id']}/revoke/", {"comment": "It was a test."}, follow=True)
    assert "It was a test." in revoked.content.decode()
    outsider = APIClient()
    outsider.force_authenticate(PersonFactory.create(roles=[Role.REQUESTER]))
    answer = outsider.post(f"/api/v1/devices/{device.pk}/host-keys/read/", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "GATE_ROLE_DENIED")


def test_the_trust_table_is_changed_by_administrators_on_record(device: Device) -> None:
    person = PersonFactory.create(roles=[Role.ADMINISTRATOR])
    script = APIClient()
    script.force_authenticate(person)
    body = {"source": device.source, "field": "site", "mode": "advisory"}
    refused = script.put("/api/v1/trust/", body, format="json")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["mode"])
    body |= {"learnt_from": "config", "pattern": r"^snmp-server location (?P<site>\w+)"}
    assert script.put("/api/v1/trust/", body, format="json").json() == body
    [event] = Event.objects.filter(object_type="field_trust", object_id=f"{device.source}/site")
    assert "advisory" in event.body
    rows = script.get("/api/v1/trust/").json()
    assert body in rows
    script.force_authenticate(PersonFactory.create(roles=[Role.CHANGE_MANAGER]))
    assert script.put("/api/v1/trust/", body, format="json").status_code == 403
