"""Backups, drift and compliance in the API."""

from __future__ import annotations

import pytest

from audit.models import Event
from devices.models import BackupRun, ConfigBlob, ConfigSnapshot, Device, DriftRecord
from devices.services.drift import drift_evaluate
from tests.factories import Cast, DeviceFactory, PersonFactory
from tests.integration.api.conftest import As, refused

pytestmark = pytest.mark.django_db
TEXT = "hostname sw1\nsnmp-server community hunter2-hunter2 RO\n"


def read(device: Device, text: str) -> ConfigSnapshot:
    return ConfigSnapshot.objects.create(
        device=device, blob=ConfigBlob.store(text), purpose="backup", changed_by="console"
    )


@pytest.fixture
def drift() -> DriftRecord:
    device = DeviceFactory.create(name="sw1")
    for text in (TEXT, TEXT + "ntp server 192.0.2.66\n"):
        drift_evaluate(device_id=device.pk, snapshot_id=read(device, text).pk)
    return DriftRecord.objects.select_related("found").get()


def test_configuration_with_its_secrets_needs_the_right_and_a_reason_and_is_audited(as_: As, cast: Cast) -> None:
    device = DeviceFactory.create()
    snapshot = read(device, TEXT)
    url = f"/api/v1/devices/{device.pk}/configs/{snapshot.pk}/raw/"
    admin = PersonFactory.create(roles=["administrator"])
    refused(as_(cast.manager).post(url, {"reason": "Replacement"}), 403, "GATE_ROLE_DENIED")
    refused(as_(admin).post(url, {"reason": " "}), 400, "invalid_input")
    refused(
        as_(admin).post(f"/api/v1/devices/{device.pk + 1}/configs/{snapshot.pk}/raw/", {"reason": "x"}),
        404,
        "not_found",
    )
    assert not Event.objects.filter(action="config.raw_read", device_id=device.pk).exists()
    answer = as_(admin).post(url, {"reason": "Replacement of the switch"})
    assert answer.json() == {"text": TEXT}
    event = Event.objects.get(action="config.raw_read", device_id=device.pk)
    assert (event.actor_name, event.reason) == (admin.username, "Replacement of the switch")
    masked = as_(cast.peer).get(f"/api/v1/devices/{device.pk}/configs/{snapshot.pk}/").json()
    assert "hunter2" not in masked["text"]
    assert masked["changed_by"] == "console"


def test_backup_is_started_listed_and_shown_with_its_devices(as_: As, cast: Cast) -> None:
    DeviceFactory.create(name="sw1", site="FRA")
    DeviceFactory.create(name="sw2", site="MUC")
    url = "/api/v1/backups/"
    refused(as_(cast.auditor).post(url, {}), 403, "GATE_ROLE_DENIED")
    refused(as_(cast.manager).post(url, {"filter": {"colour": "red"}}), 400, "unknown_filter")
    refused(as_(cast.manager).post(url, {"filter": {"site": "nowhere"}}), 400, "invalid_input")
    assert not BackupRun.objects.exists()
    answer = as_(cast.manager).post(url, {"filter": {"site": "FRA"}})
    assert (answer.status_code, answer.json()["device_count"]) == (202, 1)
    one = f"{url}{answer.json()['id']}/"
    shown = as_(cast.auditor).get(f"{one}?state=pending").json()
    assert [(row["device"], row["state"]) for row in shown["results"]] == [("sw1", "pending")]
    refused(as_(cast.auditor).get(f"{one}?state=lost"), 400, "bad_filter")
    assert len(as_(cast.auditor).get(url).json()["results"]) == 1


def test_drift_is_listed_by_strict_filters_and_decided_by_those_who_may(
    as_: As, cast: Cast, drift: DriftRecord
) -> None:
    url = f"/api/v1/drift/{drift.pk}/"
    found = as_(cast.auditor).get("/api/v1/drift/?state=open_all&unauthorized=yes&drift_class=functional").json()
    assert [(row["number"], row["device"], row["changed_by"]) for row in found["results"]] == [
        (drift.number, "sw1", "console")
    ]
    refused(as_(cast.auditor).get("/api/v1/drift/?class=critical"), 400, "unknown_filter")
    refused(as_(cast.auditor).get("/api/v1/drift/?state=lost"), 400, "invalid_input")
    body = {"reason": "Agreed.", "found_sha256": drift.found.blob_id}
    refused(as_(cast.author).post(f"{url}accept/", body), 403, "GATE_ROLE_DENIED")
    refused(as_(cast.manager).post(f"{url}defer/", {"reason": "Later.", "until": "soon"}), 400, "invalid_input")
    refused(as_(cast.manager).post(f"{url}accept/", {**body, "found_sha256": "0" * 64}), 409, "conflict")
    assert as_(cast.manager).post(f"{url}take/").json()["owner"] == cast.manager.username
    assert as_(cast.manager).post(f"{url}accept/", body).json()["state"] == "accepted"
    refused(as_(cast.manager).post(f"{url}accept/", body), 409, "conflict")
    refused(as_(cast.manager).get("/api/v1/drift/999999/"), 404, "not_found")


def test_revert_writes_a_draft_of_the_requester_that_is_linked(as_: As, cast: Cast, drift: DriftRecord) -> None:
    url = f"/api/v1/drift/{drift.pk}/revert/"
    refused(as_(cast.manager).post(url), 403, "GATE_ROLE_DENIED")
    answer = as_(cast.author).post(url)
    assert answer.status_code == 201
    assert "no ntp server 192.0.2.66" in answer.json()["content"]
    assert as_(cast.author).get(f"/api/v1/drift/{drift.pk}/").json()["state"] == "reverting"
    refused(as_(cast.author).post(url), 409, "conflict")


def test_rules_are_written_by_administrators_alone(as_: As, cast: Cast) -> None:
    admin = PersonFactory.create(roles=["administrator"])
    rule = {"name": "Clock", "drift_class": "critical", "pattern": "^ntp ", "position": 1}
    refused(as_(cast.manager).post("/api/v1/drift-rules/", rule), 403, "GATE_ROLE_DENIED")
    refused(as_(admin).post("/api/v1/drift-rules/", {**rule, "pattern": "("}), 400, "invalid_input")
    made = as_(admin).post("/api/v1/drift-rules/", rule).json()
    assert as_(cast.auditor).get("/api/v1/drift-rules/").json()[0]["name"] == "Clock"
    assert as_(admin).put(f"/api/v1/drift-rules/{made['id']}/", {**rule, "drift_class": "cosmetic"}).status_code == 200
    assert as_(admin).delete(f"/api/v1/drift-rules/{made['id']}/").status_code == 204
    ntp = {"platform": "cisco_ios", "feature": "NTP", "section": "ntp server", "intended": "ntp server 192.0.2.1"}
    refused(as_(cast.manager).post("/api/v1/compliance/", ntp), 403, "GATE_ROLE_DENIED")
    refused(as_(admin).post("/api/v1/compliance/", {**ntp, "section": ""}), 400, "invalid_input")
    one = as_(admin).post("/api/v1/compliance/", ntp).json()
    shown = as_(cast.auditor).get(f"/api/v1/compliance/{one['id']}/").json()
    assert shown["score"] == {"compliant": 0, "assessed": 0, "not_assessed": 0, "percent": None}
    assert "intended" not in as_(cast.auditor).get("/api/v1/compliance/").json()["results"][0]


RULE = {"name": "a", "drift_class": "critical", "pattern": "x", "position": 1}
FEATURE = {"platform": "cisco_ios", "feature": "NTP", "section": "ntp server"}


@pytest.mark.parametrize(
    ("url", "body", "field"),
    [
        ("backups/", {"filter": []}, "filter"),
        ("backups/", {"filter": {"site": []}}, "filter.site"),
        ("backups/", {"filter": {"name": "sw\0"}}, "filters"),
        ("drift-rules/", {**RULE, "name": "a\0"}, "name"),
        ("drift-rules/", {**RULE, "platforms": "cisco_ios"}, "platforms"),
        ("drift-rules/", {**RULE, "enabled": "false"}, "enabled"),
        ("drift-rules/", {**RULE, "position": "9" * 5000}, "position"),
        ("compliance/", {**FEATURE, "sites": "FRA"}, "sites"),
        ("compliance/", {**FEATURE, "section": "ntp server\0"}, "section"),
    ],
)
def test_what_would_be_misread_is_refused_at_its_field(
    as_: As, cast: Cast, url: str, body: dict[str, object], field: str
) -> None:
    DeviceFactory.create()
    answer = as_(PersonFactory.create(roles=["administrator"])).post(f"/api/v1/{url}", body)
    refused(answer, 400, "invalid_input")
    assert list(answer.json()["fields"]) == [field]


def test_a_reason_that_cannot_be_stored_is_refused_and_rules_have_no_filters(
    as_: As, cast: Cast, drift: DriftRecord
) -> None:
    body = {"reason": "Right\0", "found_sha256": drift.found.blob_id}
    refused(as_(cast.manager).post(f"/api/v1/drift/{drift.pk}/accept/", body), 400, "invalid_input")
    refused(as_(cast.manager).get("/api/v1/drift-rules/?name=x"), 400, "unknown_filter")
