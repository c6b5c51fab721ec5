"""The pages of backups, drift, compliance and configuration history, without a browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.models import Event
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
from devices.services.drift import drift_evaluate
from tests.factories import DeviceFactory, PersonFactory

pytestmark = pytest.mark.django_db
SECRET = "hunter2-hunter2"
TEXT = f"hostname sw1\nsnmp-server community {SECRET} RO\n"


def signed_in(*roles: str) -> tuple[Client, User]:
    person = PersonFactory.create(roles=roles)
    client = Client()
    client.force_login(person)
    return client, person


def read(device: Device, text: str) -> ConfigSnapshot:
    return ConfigSnapshot.objects.create(
        device=device, blob=ConfigBlob.store(text), purpose="backup", changed_by="console"
    )


def drifted(name: str) -> DriftRecord:
    device = DeviceFactory.create(name=name)
    for text in (TEXT, TEXT + f"snmp-server community {SECRET}-2 RW\n"):
        drift_evaluate(device_id=device.pk, snapshot_id=read(device, text).pk)
    return DriftRecord.objects.get(device=device)


def test_queue_costs_the_same_queries_however_long_it_is(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client, _ = signed_in("change-manager")
    drifted("sw1")
    client.get("/drift/")
    for name in ("sw2", "sw3", "sw4"):
        drifted(name)
    # session, person, roles, records, trend; what waits: changes, exceptions, drift
    with django_assert_num_queries(8):
        page = client.get("/drift/").content.decode()
    assert page.count("unauthorized, by console") == 4
    assert '<span class="sidenav__count">4<' in page


def test_no_page_shows_a_secret() -> None:
    drift = drifted("sw1")
    client, _ = signed_in("change-manager", "administrator", "requester")
    device = drift.device_id
    suspect = SuspectConfig.objects.create(
        device=drift.device, blob=ConfigBlob.store(TEXT), code="CONFIG_SUSPICIOUS", detail="Small."
    )
    config = f"/devices/{device}/configs/{drift.found_id}/"
    for url in ("/drift/", f"/drift/{drift.pk}/", f"/devices/{device}/configs/", config, f"{config}text/", "/backups/"):
        answer = client.get(url)
        assert answer.status_code == 200, url
        assert SECRET not in answer.content.decode(), url
    assert suspect.blob.text == TEXT


def test_filters_that_do_not_exist_are_refused_with_a_sentence() -> None:
    client, _ = signed_in("peer")
    drift = drifted("sw1")
    run = BackupRun.objects.create(trigger="manual", requested_by="x", device_count=0)
    for url in (
        "/drift/?colour=red",
        "/drift/?state=lost",
        "/drift/?before=x",
        f"/backups/{run.pk}/?state=lost",
        "/backups/?x=1",
        f"/devices/{drift.device_id}/configs/?picked=0",
    ):
        assert client.get(url).status_code == 400, url
    assert client.get("/drift/999999/").status_code == 404


def test_history_names_the_cause_and_offers_any_two_versions_to_compare() -> None:
    client, _ = signed_in("peer")
    drift = drifted("sw1")
    url = f"/devices/{drift.device_id}/configs/"
    page = client.get(url).content.decode()
    assert f"{drift.number}: unauthorized, by console" in page
    assert ">expected<" in page
    picked = client.get(f"{url}?picked={drift.baseline_id}").content.decode()
    assert f"{url}{drift.found_id}/?against={drift.baseline_id}" in picked
    assert client.get(f"{url}{drift.found_id}/?against={drift.baseline_id}").status_code == 200


def test_decision_needs_the_role_and_a_refusal_keeps_what_was_written() -> None:
    drift = drifted("sw1")
    client, _ = signed_in("peer")
    assert client.post(f"/drift/{drift.pk}/accept/", {"comment": "x"}).status_code == 403
    assert client.get(f"/drift/{drift.pk}/accept/").headers["Location"] == f"/drift/{drift.pk}/"
    manager, _ = signed_in("change-manager")
    stale = manager.post(f"/drift/{drift.pk}/accept/", {"comment": "It is right.", "found_sha256": "0" * 64})
    assert stale.status_code == 409
    assert "It is right.</textarea>" in stale.content.decode()
    wrong = manager.post(f"/drift/{drift.pk}/defer/", {"comment": "Later.", "until": "soon"})
    assert (wrong.status_code, "Write the day as" in wrong.content.decode()) == (400, True)
    body = {"comment": "It is right.", "found_sha256": drift.found.blob_id}
    assert manager.post(f"/drift/{drift.pk}/accept/", body).status_code == 302
    drift.refresh_from_db()
    assert drift.state == "accepted"


def test_who_made_a_part_of_a_drift_is_not_offered_to_accept_it() -> None:
    drift = drifted("sw1")
    client, person = signed_in("change-manager")
    accept = f'action="/drift/{drift.pk}/accept/"'
    assert accept in client.get(f"/drift/{drift.pk}/").content.decode()
    ConfigSnapshot.objects.filter(pk=drift.found_id).update(changed_by=person.username.upper())
    assert accept not in client.get(f"/drift/{drift.pk}/").content.decode()


def test_revert_leads_to_the_draft_and_the_record_links_it() -> None:
    device = DeviceFactory.create(name="sw1")
    for text in (TEXT, TEXT + "ntp server 192.0.2.66\n"):
        drift_evaluate(device_id=device.pk, snapshot_id=read(device, text).pk)
    drift = DriftRecord.objects.get()
    client, _ = signed_in("requester")
    answer = client.post(f"/drift/{drift.pk}/revert/", follow=True)
    assert "no ntp server 192.0.2.66" in answer.content.decode()
    assert "/changes/" in client.get(f"/drift/{drift.pk}/").content.decode().split("Reverted by</dt>")[1]


def test_raw_text_is_sent_to_an_administrator_who_says_why() -> None:
    drift = drifted("sw1")
    url = f"/devices/{drift.device_id}/configs/{drift.found_id}/raw/"
    client, _ = signed_in("change-manager")
    assert client.post(url, {"comment": "Curious"}).status_code == 403
    assert Event.objects.filter(action="config.raw_read_refused", device_id=drift.device_id).count() == 1
    admin, person = signed_in("administrator")
    assert admin.post(url, {"comment": ""}).status_code == 400
    answer = admin.post(url, {"comment": "Replacement"})
    assert SECRET in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Disposition"].startswith("attachment")
    assert Event.objects.get(action="config.raw_read", actor_name=person.username).reason == "Replacement"


def test_backup_page_shows_how_far_it_is_and_stops_asking_when_it_has_ended() -> None:
    client, _ = signed_in("implementer")
    device = DeviceFactory.create(name="sw1")
    started = client.post("/backups/start/", {"name": "sw*"})
    run = BackupRun.objects.get()
    assert started.headers["Location"] == f"/backups/{run.pk}/"
    assert 'hx-trigger="every 2s"' in client.get(f"/backups/{run.pk}/").content.decode()
    DeviceBackup.objects.filter(device=device).update(state="failed", code="PRECHECK_AUTH_FAILED")
    BackupRun.objects.update(state="ended", counts={"failed": 1})
    part = client.get(f"/backups/{run.pk}/", headers={"HX-Request": "true"})
    assert part.status_code == 286
    assert "Check the credential for this device" in part.content.decode()
    refused = client.post("/backups/start/", {"name": "nobody*"})
    assert (refused.status_code, "Loosen them" in refused.content.decode()) == (400, True)


def test_what_was_kept_apart_is_judged_on_the_page() -> None:
    client, _ = signed_in("change-manager")
    device = DeviceFactory.create(name="sw1")
    suspect = SuspectConfig.objects.create(
        device=device, blob=ConfigBlob.store(TEXT), code="CONFIG_SUSPICIOUS", detail="Small."
    )
    url = f"/backups/suspects/{suspect.pk}/"
    assert f'name="seen_sha256" value="{suspect.blob_id}"' in client.get("/backups/").content.decode()
    assert client.post(url, {"take": "1", "comment": ""}).status_code == 400
    assert client.post(url, {"take": "1", "comment": "It was erased."}).status_code == 409
    seen = {"seen_sha256": suspect.blob_id}
    assert client.post(url, {"take": "1", "comment": "It was erased.", **seen}).status_code == 302
    assert client.post(url, {"take": "1", "comment": "Again."}).status_code == 404
    assert device.snapshots.get().blob.text == TEXT


def test_rules_are_tried_saved_and_removed_by_administrators() -> None:
    drifted("sw1")
    client, _ = signed_in("administrator")
    rule = {"name": "Mine", "drift_class": "cosmetic", "pattern": "snmp", "position": "1", "enabled": "on"}
    tried = client.post("/drift/rules/new/", {**rule, "preview": "1"}).content.decode()
    assert "1 of 1 open drift record would get another class" in tried
    assert not DriftRule.objects.filter(name="Mine").exists()
    wrong = client.post("/drift/rules/new/", {**rule, "pattern": "("})
    assert (wrong.status_code, "RE2 cannot read this pattern" in wrong.content.decode()) == (400, True)
    assert client.post("/drift/rules/new/", rule).status_code == 302
    saved = DriftRule.objects.get(name="Mine")
    assert client.post(f"/drift/rules/{saved.pk}/remove/").status_code == 302
    other, _ = signed_in("change-manager")
    assert other.post("/drift/rules/new/", rule).status_code == 403
    assert not DriftRule.objects.filter(name="Mine").exists()


def test_compliance_rule_is_written_on_the_page_and_its_intended_lines_are_for_administrators() -> None:
    client, _ = signed_in("administrator")
    body = {"feature": "SNMP", "platform": "cisco_ios", "section": "snmp-server", "enabled": "on", "sites": "FRA, MUC"}
    wrong = client.post("/compliance/rules/new/", {**body, "intended": "ntp server 192.0.2.1"})
    assert (wrong.status_code, "belongs to none of the sections" in wrong.content.decode()) == (400, True)
    assert client.post("/compliance/rules/new/", {**body, "intended": TEXT.split("\n")[1]}).status_code == 302
    rule = ComplianceRule.objects.get()
    assert rule.sites == ["FRA", "MUC"]
    other, _ = signed_in("peer")
    for url in ("/compliance/", f"/compliance/rules/{rule.pk}/devices/", f"/compliance/rules/{rule.pk}/"):
        answer = other.get(url)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
    assert client.post(f"/compliance/rules/{rule.pk}/remove/").status_code == 302
