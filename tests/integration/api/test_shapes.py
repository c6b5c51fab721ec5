"""Answers are what the OpenAPI document says: every field that it names, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from audit.actor import Actor
from changes.models import ApprovalPolicyVersion, ChangeRequest, Run
from changes.services.delegations import delegation_create
from changes.services.freezes import freeze_declare
from changes.services.gate_exceptions import exception_request
from changes.services.maintenance_windows import window_declare
from changes.services.meetings import attendance_set, meeting_plan
from changes.services.reports.making import report_make
from changes.services.reviews import review_write
from changes.services.risk import risk_assess
from changes.services.templates import template_create
from changes.services.threads import Place, thread_open
from devices.drivers.base import DeviceFacts
from devices.models import (
    BackupRun,
    CircuitBreaker,
    ComplianceRule,
    ConfigBlob,
    ConfigSnapshot,
    Device,
    DeviceBackup,
    SyncRun,
)
from devices.services.compliance import compliance_assess_rule
from devices.services.drift import drift_evaluate
from devices.services.host_key_alerts import alert_raise
from devices.services.identity import Identity, identity_compared, reading_store
from devices.services.inventory import inventory_sync
from devices.sources.records import Inventory, RefusedRecord
from portal.api.schema import document
from portal.pdf import libraries
from tests.factories import Cast, PersonFactory, actor, carried_out, draft, public_key, ready_plan, started
from tests.integration.api.conftest import Answer, As
from tests.integration.reviews.conftest import TEXTS
from tests.integration.templates.conftest import NTP


def strict(schema: Any) -> Any:  # noqa: ANN401 - a JSON schema is any JSON
    """The schema as JSON Schema, without room for fields that it does not name."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return strict(document()["components"]["schemas"][name])
    made = {name: strict(value) for name, value in schema.items()}
    if "properties" in made and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    if "allOf" in made and len(made["allOf"]) == 1:
        [only] = made.pop("allOf")
        made = {**only, **{name: value for name, value in made.items() if name == "nullable"}}
    return {"anyOf": [made, {"type": "null"}]} if made.pop("nullable", False) else made


def conforms(response: Answer, method: str, path: str) -> None:
    operation = document()["paths"][path][method]
    described = operation["responses"][str(response.status_code)]["content"]["application/json"]["schema"]
    jsonschema.validate(response.json(), strict(described))


def test_a_field_too_many_or_too_few_would_be_noticed() -> None:
    schema = strict({"$ref": "#/components/schemas/PlanSummary"})
    good = {"revision": 1, "state": "ready", "digest": "", "device_count": 1}
    jsonschema.validate(good, schema)
    for bad in ({**good, "more": 1}, {"revision": 1}, {**good, "state": "green"}, None):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


CREDENTIALS = "/api/v1/credentials/"
BREAKERS = "/api/v1/breakers/"
BACKUP = "/api/v1/backups/{run_id}/"
REVIEW = "/api/v1/changes/{change_id}/review/"


class World:
    """A change that was carried out, one that waits, and the answers of every address about them.

    ``admin`` asks for what ``client`` may not see.
    """

    def __init__(self, client: APIClient, admin: APIClient, run: Run, waiting: int, device: Device) -> None:
        self.client, self.admin, self.run, self.waiting, self.device = client, admin, run, waiting, device
        self.exception = exception_request(
            data={
                "gate": "health",
                "code": "PRECHECK_STATE_UNHEALTHY",
                "device_ids": [device.pk],
                "reason": "The CPU is busy with a report until tonight.",
                "expires_at": timezone.now() + timedelta(days=1),
            },
            requester=actor(run.started_by),
        )
        facts = DeviceFacts(device.name, device.serial, "another", "15.2", "cisco_ios")
        reading_store(device, identity_compared(Identity.of(device), facts, read_config=str))
        alert_raise(device_id=device.pk, key_type="ssh-ed25519", public_key=public_key(9), actor=Actor.system("worker"))

        for text in ("hostname x\n", "hostname x\nntp server 192.0.2.66\n"):
            found = ConfigSnapshot.objects.create(device=device, blob=ConfigBlob.store(text), purpose="backup")
            drift_evaluate(device_id=device.pk, snapshot_id=found.pk)
        self.backup = BackupRun.objects.create(trigger="manual", requested_by="x", state="ended", counts={"changed": 1})
        DeviceBackup.objects.create(run=self.backup, device=device, state="changed", snapshot=found, startup="saved")
        self.rule = ComplianceRule.objects.create(platform="cisco_ios", feature="NTP", section="ntp server")
        compliance_assess_rule(self.rule.pk)
        CircuitBreaker.objects.create(kind="site", name="FRA", state="open", failures=5, opened_at=timezone.now())
        soon, later = (timezone.now() + timedelta(days=days) for days in (1, 2))
        period = {"name": "Year end", "starts_at": soon.isoformat(), "ends_at": later.isoformat(), "comment": "Books."}
        self.freeze = freeze_declare(actor=actor(User.objects.get(username="manager")), data=period)
        self.template = template_create(data=NTP, author=actor(run.change.author))
        nights = {"name": "Nights", "starts_at": "2026-01-01T02:00", "minutes": 60, "comment": "Agreed."}
        delegate = {"delegate": "peer", "ends_at": later.isoformat()}
        self.delegation = delegation_create(actor=actor(run.change.author), data=delegate)
        manager = actor(User.objects.get(username="manager"))
        self.window = window_declare(actor=manager, data=nights)
        asked = thread_open(change_id=run.change_id, actor=manager, text="Why then? @peer", place=Place(device.pk))
        self.thread = asked.comment.thread
        cab = {"title": "CAB", "starts_at": soon.isoformat(), "chair": "manager"}
        self.meeting = meeting_plan(data=cab, actor=manager)
        attendance_set(meeting_id=self.meeting.pk, actor=manager, people=[], guests=["Kim"])
        planned = ChangeRequest.objects.get(pk=waiting)
        assert planned.revision
        risk_assess(planned, planned.revision, actor=manager)
        review_write(change_id=run.change_id, writer=actor(run.change.author), data=TEXTS)
        day = timezone.now().date() - timedelta(days=7)
        self.report = report_make(actor=manager, kind="weekly", day=day.isoformat())

    def answers(self) -> Iterator[tuple[str, Answer]]:
        snapshot = self.device.snapshots.latest("id")
        for path in document()["paths"]:
            for change_id in (self.run.change_id, self.waiting):
                ids = {
                    "change_id": change_id,
                    "device_id": self.device.pk,
                    "snapshot_id": snapshot.pk,
                    "run_id": self.backup.pk if path == BACKUP else self.run.pk,
                    "rule_id": self.rule.pk,
                    "drift_id": self.device.drifts.get().pk,
                    "sync_id": SyncRun.objects.latest("pk").pk,
                    "event_id": 0,
                    "token_id": "x",
                    "exception_id": self.exception.pk,
                    "freeze_id": self.freeze.pk,
                    "template_id": self.template.template_id,
                    "number": 1,
                    "window_id": self.window.pk,
                    "delegation_id": self.delegation.pk,
                    "thread_id": self.thread.pk,
                    "kind": "draft",
                    "meeting_id": self.meeting.pk,
                    "key": "success-rate",
                    "version_id": ApprovalPolicyVersion.objects.get(state="active").pk,
                    "report_id": self.report.pk,
                }
                if path == REVIEW and change_id == self.waiting:
                    continue  # nothing is reviewed before it was carried out
                client = self.admin if path in {CREDENTIALS, BREAKERS} or "/hooks/" in path else self.client
                if "get" in document()["paths"][path] and not _apart(path):
                    yield path, client.get(path.format(**ids))


def _apart(path: str) -> bool:
    """The audit log, its evidence packs and signed bytes have worlds of their own: tests/integration/audit."""
    return "audit" in path or "evidence-packs" in path or "/payloads/" in path


@pytest.fixture
def world(cast: Cast, as_: As, devices: list[Device]) -> World:
    run = carried_out(started(cast, devices), rejected=[devices[0]])
    refused = (RefusedRecord("k", "INV_FIELD_MISSING", "It has no name."),)
    inventory_sync(source="file", inventory=Inventory((), refused), actor=Actor.system("test"))
    waiting = draft(cast.author)
    ready_plan(waiting, devices)
    client = as_(cast.author)
    assert client.post("/api/v1/tokens/", {"name": "x"}).status_code == 201
    return World(client, as_(PersonFactory.create(roles=["administrator"])), run, waiting.pk, devices[0])


def test_every_address_that_is_read_answers_as_documented(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # To make a PDF takes seconds; that it is one is tested beside its page. Here it answers as on a machine without.
    monkeypatch.setattr(libraries, "missing_libraries", lambda: ("libpango-1.0.so.0",))
    seen = set()
    empty = []
    for path, response in world.answers():
        assert response.status_code == (503 if path.endswith("/pdf/") else 200), (path, response.content)
        conforms(response, "get", path)
        seen.add(path)
        if path in {BACKUP, BREAKERS, CREDENTIALS, "/api/v1/compliance/{rule_id}/"} and not response.json()["results"]:
            empty.append(path)
    documented = {path for path, methods in document()["paths"].items() if "get" in methods and not _apart(path)}
    assert seen == documented
    assert not empty, "a list without rows has no shape"


def test_what_is_written_and_refused_answers_as_documented(
    cast: Cast, as_: As, devices: list[Device], world: World
) -> None:
    def post(who: User, call: str, body: object, status: int) -> None:
        path = f"/api/v1/changes/{{change_id}}/{call}/"
        response = as_(who).post(path.format(change_id=world.waiting), body)
        assert response.status_code == status, response.content
        conforms(response, "post", path)

    made = as_(cast.author).post("/api/v1/changes/", {"title": ""})
    conforms(made, "post", "/api/v1/changes/")
    digest = as_(cast.author).get(f"/api/v1/changes/{world.waiting}/plan/").json()["digest"]
    as_(cast.peer).get(f"/api/v1/changes/{world.waiting}/plan/")
    post(cast.author, "plan", {"x": 1}, 400)
    post(cast.peer, "plan", {}, 403)
    post(cast.peer, "assess", {"plan_digest": digest}, 409)
    post(cast.author, "submit", {}, 200)
    post(cast.author, "assess", {"plan_digest": digest}, 403)
    post(cast.peer, "assess", {"plan_digest": digest}, 200)
    post(cast.author, "withdraw", {}, 200)
    post(cast.author, "plan", {}, 202)
    post(cast.manager, "cancel", {"comment": "x"}, 200)
    token = as_(cast.peer).post("/api/v1/tokens/", {"name": "x"})
    conforms(token, "post", "/api/v1/tokens/")
    conforms(APIClient().get("/api/v1/changes/"), "get", "/api/v1/changes/")
