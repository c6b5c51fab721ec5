"""Drift, backups, compliance and configuration history in a browser: read by all, decided by those who may."""

from __future__ import annotations

import pytest

from devices.models import (
    BackupRun,
    ComplianceRule,
    ConfigBlob,
    ConfigSnapshot,
    Device,
    DeviceBackup,
    DriftRecord,
    DriftRule,
    SuspectConfig,
)
from devices.services.compliance import compliance_assess_rule
from devices.services.drift import drift_evaluate
from tests.e2e.browsing import DESKTOP, Person
from tests.e2e.pages.conftest import Comes
from tests.factories import BASELINE, Cast, PersonFactory

pytestmark = pytest.mark.e2e


@pytest.fixture
def drifts(cast: Cast, devices: list[Device]) -> list[DriftRecord]:
    """Three devices that somebody changed at the console, a backup that shows it, and a compliance rule."""
    lines = ("snmp-server community hunter2-hunter2 RW\n", "ntp server 192.0.2.66\n", "interface Vlan7\n shutdown\n")
    run = BackupRun.objects.create(
        trigger="manual", requested_by="maria", device_count=3, state="ended", counts={"changed": 2, "failed": 1}
    )
    for device, line in zip(devices, lines, strict=False):
        before = BASELINE.format(name=device.name)
        for text in (before, before + line):
            blob = ConfigBlob.store(text)
            snapshot = ConfigSnapshot.objects.create(device=device, blob=blob, purpose="backup", changed_by="console")
            drift_evaluate(device_id=device.pk, snapshot_id=snapshot.pk)
        DeviceBackup.objects.create(run=run, device=device, state="changed", snapshot=snapshot, startup="unsaved")
    SuspectConfig.objects.create(
        device=devices[3], blob=ConfigBlob.store("hostname x\n"), code="CONFIG_SUSPICIOUS", detail="It has 1 line."
    )
    rule = ComplianceRule.objects.create(
        platform="cisco_ios", feature="NTP", section="ntp server", intended="ntp server 192.0.2.9"
    )
    compliance_assess_rule(rule.pk)
    return list(DriftRecord.objects.order_by("pk"))


def looks_at(person: Person, path: str) -> None:
    """On a phone in dark; the other tests see the pages on a desk."""
    person.page.emulate_media(color_scheme="dark")
    person.page.set_viewport_size({"width": 360, "height": 900})
    person.goes(path)
    person.pictures(f"looks/{path.strip('/').replace('/', '-')}-360-dark", whole=True)
    person.page.emulate_media(color_scheme="light")
    person.page.set_viewport_size(DESKTOP)


def test_every_page_fits_is_accessible_and_shows_no_secret(comes: Comes, cast: Cast, drifts: list[DriftRecord]) -> None:
    manager = comes(cast.manager)
    run, rule = BackupRun.objects.get(), ComplianceRule.objects.get()
    device, found = drifts[0].device_id, drifts[0].found_id
    for path in (
        "/drift/",
        f"/drift/{drifts[0].pk}/",
        "/drift/rules/",
        "/backups/",
        f"/backups/{run.pk}/",
        "/compliance/",
        f"/compliance/rules/{rule.pk}/devices/",
        f"/devices/{device}/configs/",
    ):
        looks_at(manager, path)
        assert "hunter2" not in manager.page.content(), path
    manager.clicks("link", "pick", exact=True)
    manager.clicks("link", "with the picked one")
    assert f"/configs/{found}/?against=" in manager.page.url


def test_manager_accepts_requester_reverts_and_administrator_tries_a_rule(
    comes: Comes, cast: Cast, drifts: list[DriftRecord]
) -> None:
    manager = comes(cast.manager, scripts=False)
    manager.goes("/drift/?drift_class=functional")
    manager.clicks("link", drifts[2].device.name)
    manager.page.get_by_label("Why it is right").fill("Agreed with the site.")
    manager.clicks("button", "Accept", exact=True)
    assert "Accepted: this is the expected configuration" in manager.page.content()
    author = comes(cast.author)
    author.goes(f"/drift/{drifts[1].pk}/")
    author.clicks("button", "Revert by a change request")
    assert "no ntp server 192.0.2.66" in author.page.content()
    administrator = comes(PersonFactory.create(username="root", roles=["administrator"]))
    administrator.goes("/drift/rules/new/")
    page = administrator.page
    page.get_by_label("Name").fill("Clock")
    page.get_by_label("Pattern").fill("(")
    page.get_by_label("Position").fill("1")
    with administrator.expecting(400):
        administrator.clicks("button", "Save", exact=True)
    page.get_by_label("Pattern").fill("^ntp ")
    page.get_by_label("Class").select_option("critical")
    administrator.clicks("button", "Preview")
    assert page.get_by_text("1 of 2 open drift records would get another class").is_visible()
    administrator.clicks("button", "Save", exact=True)
    assert DriftRule.objects.filter(name="Clock").exists()
    looks_at(administrator, f"/compliance/rules/{ComplianceRule.objects.get().pk}/")
