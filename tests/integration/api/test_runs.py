"""Start, follow and close: the run as its readers see it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from audit.models import Event
from changes.api.run_diffs import actual_diffs
from changes.models import ChangeRequest, DevicePlan, DeviceRun, Run
from devices.models import Device
from tests.factories import (
    BASELINE,
    TARGET,
    Cast,
    DeviceFactory,
    PersonFactory,
    approved,
    assessed,
    carried_out,
    started,
)
from tests.integration.api.conftest import As, nothing_changes, refused


def at(change: ChangeRequest, call: str) -> str:
    return f"/api/v1/changes/{change.pk}/{call}/"


def test_an_implementer_starts_the_approved_plan_and_a_worker_is_called(
    cast: Cast,
    as_: As,
    devices: list[Device],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    change = approved(cast, devices)
    with django_capture_on_commit_callbacks(execute=True):
        response = as_(cast.implementer).post(at(change, "start"))
    assert response.status_code == 202, response.content
    run = Run.objects.get()
    assert change.revision
    body = response.json()
    assert response["Location"].endswith(f"/api/v1/runs/{run.pk}/")
    assert (body["id"], body["change"], body["revision"], body["state"]) == (run.pk, change.pk, 1, "running")
    assert (body["plan_digest"], body["device_count"], body["started_by"]) == (
        change.revision.digest,
        3,
        "implementer",
    )
    assert [task.task["args"] for task in OrmQ.objects.all()] == [(run.pk,)]
    assert as_(cast.outsider).get(f"/api/v1/changes/{change.pk}/").json()["state"] == "implementing"
    [listed] = as_(cast.outsider).get(at(change, "runs")).json()
    assert listed == body


def test_starting_twice_is_refused(cast: Cast, as_: As, devices: list[Device]) -> None:
    run = started(cast, devices)
    with nothing_changes(refusals=1):
        refused(as_(cast.implementer).post(at(run.change, "start")), 409, "illegal_transition", says="implementing")


def test_a_change_that_is_not_approved_is_not_started(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)
    with nothing_changes(refusals=1):
        refused(as_(cast.implementer).post(at(change, "start")), 409, "illegal_transition")


@pytest.mark.parametrize("who", ["peer", "approver", "manager", "auditor", "outsider", "superuser", "colleague"])
def test_who_is_no_implementer_starts_nothing(cast: Cast, as_: As, devices: list[Device], who: str) -> None:
    change = approved(cast, devices)
    with nothing_changes(refusals=1):
        refused(as_(getattr(cast, who)).post(at(change, "start")), 403, "GATE_ROLE_DENIED")


def test_who_approved_does_not_start(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)
    both = PersonFactory.create(username="both", roles=["cab", "implementer"])
    client = as_(both)
    client.get(at(change, "plan"))
    assert change.revision
    assert client.post(at(change, "approve"), {"plan_digest": change.revision.digest}).status_code == 200
    with nothing_changes(refusals=1):
        refused(client.post(at(change, "start")), 403, "GATE_SELF_APPROVAL", says="You approved this plan")


def test_a_plan_that_was_edited_in_the_database_is_not_started(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = approved(cast, devices)
    plan = DevicePlan.objects.filter(revision=change.revision).last()
    assert plan
    plan.payload = plan.payload.replace("192.0.2.123", "192.0.2.66")
    plan.save(update_fields=["payload"])
    with nothing_changes(refusals=1):
        refused(as_(cast.implementer).post(at(change, "start")), 409, "PLAN_HASH_MISMATCH")
    assert not Run.objects.exists()
    assert Event.objects.filter(change_id=change.pk).latest("id").action == "change.start_refused"


def test_a_run_shows_each_device_with_its_reason_and_what_to_do_next(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    run = carried_out(started(cast, devices), rejected=[devices[1]])
    body = as_(cast.outsider).get(f"/api/v1/runs/{run.pk}/").json()
    assert (body["state"], body["outcome"], body["device_count"]) == ("ended", "partial", 3)
    assert body["progress"] == {"rolled_back": 1, "succeeded": 2}
    [wave] = body["waves"]
    assert (wave["number"], wave["name"], wave["state"], wave["gate_until"]) == (1, "All devices", "stopped", None)
    assert (wave["decided_by"], wave["code"], wave["failed"]) == (None, "ABORT_THRESHOLD_HIT", 1)
    assert wave["opened_at"] and wave["ended_at"]  # noqa: PT018 - one statement: the wave has come and gone
    good, bad, _ = body["devices"]
    assert (good["device"]["name"], good["state"], good["step"], good["code"]) == (
        "fra-acc-01",
        "succeeded",
        "saving",
        "",
    )
    assert (good["wave"], good["attempts"], good["lines_sent"], good["lines_applied"]) == (1, 1, 1, 1)
    assert good["reason"] is None
    assert good["drift"] == "same"
    assert good["before_sha256"] != good["after_sha256"]
    assert "+ntp server 192.0.2.123" in good["diff"].splitlines()
    assert "s3cr3t-community" not in good["diff"]
    assert (bad["state"], bad["step"], bad["code"]) == ("rolled_back", "backing_out", "COMMAND_REJECTED")
    assert bad["detail"].startswith("The device refused line 1 of 1")
    assert bad["reason"] == {
        "code": "COMMAND_REJECTED",
        "sentence": "The device rejected a configuration line.",
        "next_step": "Read the device's message; correct the content and plan a new revision for this device.",
    }
    assert bad["before_sha256"] == bad["after_sha256"]
    assert (bad["diff"], bad["lines_sent"], bad["lines_applied"]) == ("", 1, 0)
    log = [(step["sequence"], step["name"], step["outcome"], step["code"]) for step in bad["log"]]
    assert log == [
        (1, "connecting", "ok", ""),
        (2, "checking", "ok", ""),
        (3, "snapshotting", "ok", ""),
        (4, "applying", "failed", "COMMAND_REJECTED"),
        (5, "backing_out", "ok", ""),
    ]
    assert bad["log"][3]["transcript"] == "> ntp server 192.0.2.123"
    assert all(step["intent_at"] <= step["ended_at"] for step in bad["log"])


def test_a_run_that_waits_shows_its_devices_as_pending(cast: Cast, as_: As, devices: list[Device]) -> None:
    run = started(cast, devices)
    body = as_(cast.outsider).get(f"/api/v1/runs/{run.pk}/").json()
    assert (body["state"], body["outcome"], body["progress"]) == ("running", "", {"pending": 3})
    device = body["devices"][0]
    assert (device["state"], device["step"], device["diff"], device["log"]) == ("pending", "", "", [])
    assert device["started_at"] is None


def test_a_big_run_is_read_page_by_page_or_narrowed(cast: Cast, as_: As, devices: list[Device]) -> None:
    run = carried_out(started(cast, devices), rejected=[devices[1]])
    client, address, seen = as_(cast.outsider), f"/api/v1/runs/{run.pk}/?limit=1", []
    while address:
        body = client.get(address).json()
        seen += [device["device"]["name"] for device in body["devices"]]
        address = body["next"]
    assert seen == ["fra-acc-01", "fra-acc-02", "fra-acc-03"]
    for query in ("device=fra-acc-02", f"device={devices[1].pk}", "state=rolled_back"):
        [only] = client.get(f"/api/v1/runs/{run.pk}/?{query}").json()["devices"]
        assert only["device"]["name"] == "fra-acc-02"
    refused(client.get(f"/api/v1/runs/{run.pk}/?state=green"), 400, "bad_filter", field="state", says="rolled_back")
    refused(client.get(f"/api/v1/runs/{run.pk}/?colour=x"), 400, "unknown_filter", field="colour")


def test_a_run_that_does_not_exist_is_not_found(cast: Cast, as_: As) -> None:
    refused(as_(cast.author).get("/api/v1/runs/987654/"), 404, "not_found", says="987654")
    refused(as_(cast.author).get("/api/v1/changes/987654/runs/"), 404, "not_found", says="987654")


def test_a_run_costs_the_same_queries_for_3_and_for_20_devices(cast: Cast, as_: As, devices: list[Device]) -> None:
    client = as_(cast.outsider)
    counts = []
    for more in (0, 17):
        run = carried_out(started(cast, [*devices, *DeviceFactory.create_batch(more)]))
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                assert len(client.get(f"/api/v1/runs/{run.pk}/?limit=100").json()["devices"]) == 3 + more
            counts.append(len(queries))
    # Session and person; run, devices, steps, progress, waves; configurations that were not compared yet.
    assert counts[1::2] == [7, 7]
    assert all(count in {7, 8} for count in counts[::2])


def test_a_diff_is_made_once_per_pair_of_configurations(cast: Cast, devices: list[Device]) -> None:
    device = DeviceFactory.create(name="never-seen-before")
    run = carried_out(started(cast, [device, *devices]))
    rows = list(DeviceRun.objects.filter(run=run).select_related("before", "after"))
    actual_diffs(rows)
    with CaptureQueriesContext(connection) as queries:
        diffs = actual_diffs(rows)
    assert len(queries) == 0
    assert BASELINE != TARGET
    assert all("+ntp server 192.0.2.123" in diffs[row.pk] for row in rows)


def test_a_change_manager_closes_what_was_partly_done_with_a_reason(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = carried_out(started(cast, devices), rejected=[devices[0]]).change
    client = as_(cast.manager)
    for body, field, says in (
        ({"close_code": "successful"}, "close_code", "partial"),
        ({"close_code": "successful_with_issues"}, "comment", "say why"),
        ({"close_code": "great"}, "close_code", "rolled_back"),
        ({}, "close_code", "is not a close code"),
    ):
        with nothing_changes(refusals=1):
            refused(client.post(at(change, "close"), body), 400, "invalid_input", field=field, says=says)
    with nothing_changes():
        refused(client.post(at(change, "close"), {"close_code": ["failed"]}), 400, "invalid_input", field="close_code")
    body = {"close_code": "successful_with_issues", "comment": "One switch follows next week."}
    response = client.post(at(change, "close"), body)
    assert response.status_code == 200, response.content
    closed = response.json()
    assert (closed["state"], closed["close_code"], closed["close_note"]) == (
        "closed",
        "successful_with_issues",
        "One switch follows next week.",
    )
    assert closed["closed_at"]
    event = Event.objects.filter(change_id=change.pk).latest("id")
    assert (event.action, event.content()["details"]["outcome"]) == ("change.closed", "partial")


def test_a_full_success_is_closed_without_a_comment(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = carried_out(started(cast, devices)).change
    response = as_(cast.manager).post(at(change, "close"), {"close_code": "successful"})
    assert (response.status_code, response.json()["state"]) == (200, "closed")


def test_who_is_no_change_manager_closes_nothing(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = carried_out(started(cast, devices)).change
    for who in (
        *(cast.author, cast.implementer, cast.peer, cast.approver),
        *(cast.auditor, cast.outsider, cast.superuser),
    ):
        with nothing_changes(refusals=1):
            response = as_(who).post(at(change, "close"), {"close_code": "successful"})
        refused(response, 403, "GATE_ROLE_DENIED")


def test_a_run_that_goes_on_is_not_closed(cast: Cast, as_: As, devices: list[Device]) -> None:
    run = started(cast, devices)
    with nothing_changes(refusals=1):
        response = as_(cast.manager).post(at(run.change, "close"), {"close_code": "successful"})
    refused(response, 409, "illegal_transition", says="implementing")
