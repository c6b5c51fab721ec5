"""What people do about devices, their keys, their configurations and the inventory."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from audit.actor import Actor
from devices.models import (
    CircuitBreaker,
    ComplianceRule,
    ConfigBlob,
    ConfigSnapshot,
    Device,
    DriftRecord,
    DriftRule,
    HostKey,
    HostKeyAlert,
    JournalNote,
    OfferedKey,
    PlatformMapping,
    SuspectConfig,
)
from devices.services.drift import drift_evaluate
from devices.services.host_key_alerts import alert_raise
from tests.factories import DeviceFactory, joins, public_key
from tests.integration.coverage.walking import WHY, Walk, ids
from tests.integration.inventory.netbox_stub import NetBoxStub
from tests.integration.lab_fixtures import LabFactory


def read(device: Device, text: str) -> ConfigSnapshot:
    return ConfigSnapshot.objects.create(device=device, blob=ConfigBlob.store(text), purpose="backup", changed_by="x")


def drifted() -> DriftRecord:
    device = DeviceFactory.create()
    for text in ("hostname sw1\n", "hostname sw1\nntp server 192.0.2.66\n"):
        drift_evaluate(device_id=device.pk, snapshot_id=read(device, text).pk)
    return DriftRecord.objects.get(device=device)


def test_host_keys(admin_walk: Walk, lab: LabFactory) -> None:
    walk, admin = admin_walk, admin_walk.cast.superuser
    [switch] = lab(1).devices
    device = DeviceFactory.create(address=switch.host, port=switch.port, pinned=False)
    walk.act(admin, "device-host-key-read", api="api-host-key-read", device_id=device.pk)
    offer = OfferedKey.objects.get()
    if walk.door == "page":
        walk.page(
            admin, "device-host-key-confirm", {"fingerprint": offer.fingerprint}, device_id=device.pk, offer_id=offer.pk
        )
    else:
        walk.api(
            admin, "api-host-key-confirm", {"offer": offer.pk, "fingerprint": offer.fingerprint}, device_id=device.pk
        )
    key = HostKey.objects.get(device=device)
    if walk.door == "page":
        walk.page(admin, "device-host-key-revoke", {"comment": WHY}, device_id=device.pk, host_key_id=key.pk)
    else:
        walk.api(admin, "api-host-key-revoke", {"reason": WHY}, host_key_id=key.pk)
    known = f"[{device.address}]:{device.port} ssh-ed25519 {public_key(5)}\n"
    walk.act(
        admin, "device-host-key-import", {"known_hosts": known}, form={"known_hosts": known, "confirm": "1"},
        api="api-host-key-import",
    )  # fmt: skip
    alert_raise(device_id=device.pk, key_type="ssh-ed25519", public_key=public_key(9), actor=Actor.system("worker"))
    walk.act(
        admin, "device-host-key-alert", {"reason": WHY}, form={"comment": WHY}, api="api-host-key-alert-acknowledge",
        alert_id=HostKeyAlert.objects.get().pk,
    )  # fmt: skip


def test_trust_and_breakers(admin_walk: Walk) -> None:
    walk, admin = admin_walk, admin_walk.cast.superuser
    device = DeviceFactory.create()
    body = {"source": device.source, "field": "serial", "mode": "advisory"}
    if walk.door == "page":
        address = f"{reverse('device-trust-edit')}?source={device.source}&field=serial"
        walk.page(admin, "device-trust-edit", body, url=address)
    else:
        walk.api(admin, "api-trust", body, method="PUT")
    breaker = CircuitBreaker.objects.create(kind="site", name="FRA", state="open", failures=5, opened_at=timezone.now())
    walk.act(admin, "breaker-reset", {"comment": WHY}, breaker_id=breaker.pk)


def test_drift(admin_walk: Walk) -> None:
    walk, cast = admin_walk, admin_walk.cast
    drift = drifted()
    one = ids(drift_id=drift.pk)
    later = (timezone.now() + timedelta(days=3)).date().isoformat()
    walk.act(cast.manager, "drift-take", **one)
    walk.act(
        cast.manager, "drift-defer", {"reason": WHY, "until": later}, form={"comment": WHY, "until": later}, **one,
    )  # fmt: skip
    walk.act(cast.manager, "drift-reopen", {"reason": WHY}, form={"comment": WHY}, **one)
    walk.act(cast.author, "drift-revert", **one)
    other = drifted()
    found = {"found_sha256": other.found.blob_id}
    walk.act(cast.manager, "drift-accept", {"reason": WHY, **found}, form={"comment": WHY, **found}, drift_id=other.pk)


def test_rules(admin_walk: Walk) -> None:
    walk, admin = admin_walk, admin_walk.cast.superuser
    DeviceFactory.create()
    rule = {"name": "Clock", "pattern": "ntp", "drift_class": "cosmetic", "position": 1}
    form = {"name": "Clock", "pattern": "ntp", "drift_class": "cosmetic", "position": "1", "enabled": "on"}
    walk.act(admin, "drift-rule-new", rule, form=form, api="api-drift-rules")
    drift_rule = DriftRule.objects.get(name="Clock")
    walk.act(
        admin, "drift-rule", {**rule, "pattern": "ntp server"}, form={**form, "pattern": "ntp server"},
        api_method="PUT", rule_id=drift_rule.pk,
    )  # fmt: skip
    ntp = {"feature": "NTP", "platform": "cisco_ios", "section": "ntp server", "enabled": True}
    typed = {**ntp, "enabled": "on", "sites": "", "intended": ""}
    walk.act(admin, "compliance-rule-new", ntp, form=typed, api="api-compliance")
    saved = ComplianceRule.objects.get()
    walk.act(
        admin, "compliance-rule", {**ntp, "feature": "Time"}, form={**typed, "feature": "Time"}, api_method="PUT",
        rule_id=saved.pk,
    )  # fmt: skip
    if walk.door == "page":
        walk.page(admin, "drift-rule-remove", rule_id=drift_rule.pk)
        walk.page(admin, "compliance-rule-remove", rule_id=saved.pk)
    else:
        walk.api(admin, "api-drift-rule", method="DELETE", rule_id=drift_rule.pk)
        walk.api(admin, "api-compliance-rule", method="DELETE", rule_id=saved.pk)


def test_backups_and_what_was_kept_apart(admin_walk: Walk) -> None:
    walk, admin = admin_walk, admin_walk.cast.superuser
    device = DeviceFactory.create()
    snapshot = read(device, "hostname sw1\n")
    walk.act(
        admin_walk.cast.manager, "backup-begin", {"filter": {"site": "FRA"}}, form={"site": "FRA"}, api="api-backups"
    )
    walk.act(
        admin, "device-config-raw", {"reason": WHY}, form={"comment": WHY}, device_id=device.pk,
        snapshot_id=snapshot.pk,
    )  # fmt: skip
    if walk.door == "page":
        suspect = SuspectConfig.objects.create(
            device=device, blob=ConfigBlob.store("hostname sw2\n"), code="CONFIG_SUSPICIOUS", detail="Small."
        )
        walk.page(
            admin_walk.cast.manager, "backup-suspect", {"take": "1", "comment": WHY, "seen_sha256": suspect.blob_id},
            suspect_id=suspect.pk,
        )  # fmt: skip


def test_inventory(admin_walk: Walk, netbox: NetBoxStub) -> None:
    walk, admin = admin_walk, admin_walk.cast.superuser
    joins(admin, "administrator")
    netbox.add(1)
    walk.act(admin, "inventory-sync", source="netbox")
    if walk.door == "page":
        walk.page(admin, "inventory-platform-set", {"value": "vyos", "platform": "frr", "driver": ""})
        mapping = PlatformMapping.objects.get(value="vyos")
        walk.page(admin, "inventory-platform-remove", mapping_id=mapping.pk)
        JournalNote.objects.create(
            device=DeviceFactory.create(), source="netbox", source_key="1", reference="r", kind="info", text="x",
            state="given_up", error="Why.",
        )  # fmt: skip
        walk.page(admin, "inventory-journal-retry")
    else:
        walk.api(admin, "api-inventory-platforms", {"value": "vyos", "platform": "frr"}, method="PUT")
        mapping = PlatformMapping.objects.get(value="vyos")
        walk.api(admin, "api-inventory-platform", method="DELETE", mapping_id=mapping.pk)
