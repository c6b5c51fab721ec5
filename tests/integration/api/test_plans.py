from __future__ import annotations

import hashlib

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from pytest_django import DjangoCaptureOnCommitCallbacks

from audit.models import Event
from changes.domain.plan import merkle_root
from changes.domain.states import DevicePlanState, PlanState
from changes.models import ChangeRequest, DevicePlan, PlanOpening, PlanRevision
from devices.models import Device, DeviceStatus, HostKey
from tests.factories import DIFF, Cast, DeviceFactory, draft, ready_plan, submitted
from tests.integration.api.conftest import As, nothing_changes, refused


def plan_of(change: ChangeRequest) -> str:
    return f"/api/v1/changes/{change.pk}/plan/"


def test_a_plan_is_requested_and_a_worker_is_called(
    cast: Cast,
    as_: As,
    devices: list[Device],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    change = draft(cast.author)
    with django_capture_on_commit_callbacks(execute=True):
        response = as_(cast.author).post(plan_of(change))
    assert response.status_code == 202, response.content
    body = response.json()
    assert (body["revision"], body["state"], body["digest"], body["device_count"]) == (1, "building", "", 3)
    assert body["progress"] == {"pending": 3}
    assert [device["device"]["name"] for device in body["devices"]] == ["fra-acc-01", "fra-acc-02", "fra-acc-03"]
    assert {device["state"] for device in body["devices"]} == {"pending"}
    revision = PlanRevision.objects.get()
    [task] = OrmQ.objects.all()
    assert (task.task["func"], task.task["args"]) == ("changes.tasks.plan_revision", (revision.pk,))
    assert as_(cast.author).get(plan_of(change)).json()["state"] == "building"
    assert not PlanOpening.objects.exists(), "a plan that is not ready yet cannot be opened"
    assert Event.objects.get(action="plan.requested", change_id=change.pk).origin == "api"


def test_planning_again_makes_a_new_revision(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    first = ready_plan(change, devices)
    body = as_(cast.author).post(plan_of(change), {}).json()
    assert (body["revision"], body["state"]) == (2, "building")
    first.refresh_from_db()
    assert first.state == PlanState.SUPERSEDED


def test_a_ready_plan_is_read_with_everything_that_a_reviewer_needs(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    body = as_(cast.peer).get(plan_of(change)).json()
    assert (body["state"], body["digest"], body["revision"], body["next"]) == ("ready", revision.digest, 1, None)
    assert (body["code"], body["reason"], body["requested_by"]) == ("", None, "author")
    assert body["progress"] == {"ready": 3}
    first = body["devices"][0]
    plan = DevicePlan.objects.get(revision=revision, device=devices[0])
    masked = first["diff"].split("community ")[1].split(" ")[0]
    assert masked.startswith("<hidden:")
    assert first == {
        "device": {"id": devices[0].pk, "name": "fra-acc-01", "site": "FRA", "platform": "cisco_ios"},
        "wave": 1,
        "state": "ready",
        "code": "",
        "detail": "",
        "reason": None,
        "digest": plan.digest,
        "diff": DIFF.replace("s3cr3t-community", masked),
        "diff_source": "estimate",
        "lines_added": 1,
        "lines_removed": 0,
        "commands": ["ntp server 192.0.2.123"],
        "backout": ["no ntp server 192.0.2.123"],
        "backout_method": "commands",
        "confirm_within_s": 0,
        "driver": "netmiko-cli",
        "warnings": [],
        "kinds": [],
        "gates": [],
        "baseline_sha256": plan.content.baseline_sha256,
        "target_sha256": plan.content.target_sha256,
    }
    assert merkle_root([device["digest"] for device in body["devices"]]) == body["digest"]


def test_secrets_are_masked_in_commands_diff_and_backout(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    secret = "enable secret 0 hunter2-hunter2"
    ready_plan(
        change, devices, commands=(secret, "key chain A", " key 1", "  key-string 7 0822455D0A16"), diff=f"+{secret}\n"
    )
    for person in (cast.author, cast.peer, cast.auditor):
        text = as_(person).get(plan_of(change)).content.decode()
        assert "hunter2" not in text
        assert "0822455D0A16" not in text
        assert text.count("enable secret 0 <hidden:") == 6


def test_reading_a_ready_plan_is_remembered_once_per_person(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    for _ in range(2):
        as_(cast.peer).get(plan_of(change))
    as_(cast.auditor).get(plan_of(change))
    opened = PlanOpening.objects.filter(revision=revision).values_list("person__username", flat=True)
    assert sorted(opened) == ["auditor", "peer"]


def test_there_is_no_plan_yet(cast: Cast, as_: As) -> None:
    refused(as_(cast.author).get(plan_of(draft(cast.author))), 404, "PLAN_MISSING", says="POST to this address")


def test_a_big_plan_is_read_page_by_page_or_device_by_device(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    client, address, seen = as_(cast.peer), f"{plan_of(change)}?limit=1", []
    while address:
        body = client.get(address).json()
        assert body["device_count"] == 3
        seen += [device["device"]["name"] for device in body["devices"]]
        address = body["next"]
    assert seen == ["fra-acc-01", "fra-acc-02", "fra-acc-03"]
    for device in ("fra-acc-02", "FRA-ACC-02", str(devices[1].pk)):
        [only] = client.get(f"{plan_of(change)}?device={device}").json()["devices"]
        assert only["device"]["id"] == devices[1].pk
    assert client.get(f"{plan_of(change)}?device=nobody").json()["devices"] == []
    assert len(client.get(f"{plan_of(change)}?state=ready").json()["devices"]) == 3
    refused(client.get(f"{plan_of(change)}?state=green"), 400, "bad_filter", field="state", says="unchanged")
    refused(client.get(f"{plan_of(change)}?page=2"), 400, "unknown_filter", field="page", says="device, state")


def test_a_forbidden_command_is_shown_on_its_device_with_what_to_do(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    DevicePlan.objects.filter(revision=revision, device=devices[1]).update(
        state=DevicePlanState.FAILED,
        code="COMMAND_FORBIDDEN",
        detail="“rel” is short for reload.",
        payload="",
        digest="",
    )
    PlanRevision.objects.filter(pk=revision.pk).update(state=PlanState.FAILED, code="COMMAND_FORBIDDEN", detail="One.")
    body = as_(cast.author).get(plan_of(change)).json()
    assert (body["state"], body["code"]) == ("failed", "COMMAND_FORBIDDEN")
    assert "Take the line out" in body["reason"]["next_step"]
    device = body["devices"][1]
    assert (device["state"], device["detail"]) == ("failed", "“rel” is short for reload.")
    assert device["reason"]["code"] == "COMMAND_FORBIDDEN"
    assert "no change may send" in device["reason"]["sentence"]
    assert (device["commands"], device["diff"]) == ([], "")


@pytest.mark.parametrize(
    ("content", "variables", "says"),
    [
        (
            "ntp server {{ server }}\nntp source {{ sorce }}\n",
            {"server": "a", "source": "b"},
            'Line 2: there is no variable "sorce"',
        ),
        ("ntp server {{ server }}\n", {}, 'Line 1: there is no variable "server"'),
        ("hostname a\n{% if x %}\n", {"x": True}, "Line 2: the template cannot be read"),
        ("a\nb\n{{ device.name | nofilter }}\n", {}, "Line 3"),
        ("{% include '/etc/passwd' %}", {}, "Line 1"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused_with_its_line(
    cast: Cast, as_: As, devices: list[Device], content: str, variables: dict[str, object], says: str
) -> None:
    change = draft(cast.author, content=content, variables=variables)
    with nothing_changes(refusals=1):
        response = as_(cast.author).post(plan_of(change))
    refused(response, 422, "TEMPLATE_ERROR", says=says)


def test_a_failed_attempt_to_plan_keeps_the_plan_that_stands(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    ChangeRequest.objects.filter(pk=change.pk).update(content="{{ nobody }}")
    with nothing_changes(refusals=1):
        refused(as_(cast.author).post(plan_of(change)), 422, "TEMPLATE_ERROR")
    assert as_(cast.author).get(plan_of(change)).json()["digest"] == revision.digest


def test_targets_that_match_nothing_are_refused(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author, targets={"filter": {"site": ["NOWHERE"]}})
    with nothing_changes(refusals=1):
        response = as_(cast.author).post(plan_of(change))
    refused(response, 400, "invalid_input", field="targets", says="No device matches")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda device: Device.objects.filter(pk=device.pk).update(status=DeviceStatus.MAINTENANCE), "maintenance"),
        (lambda device: Device.objects.filter(pk=device.pk).update(address=""), "no address"),
        (lambda device: Device.objects.filter(pk=device.pk).update(platform="toaster"), "not supported"),
        (lambda device: HostKey.objects.filter(device=device).update(state="revoked"), "host key"),
    ],
)
def test_a_named_device_that_cannot_be_changed_is_refused_with_its_reason(
    cast: Cast, as_: As, devices: list[Device], spoil: object, says: str
) -> None:
    change = draft(cast.author, targets={"device_ids": [device.pk for device in devices]})
    spoil(devices[1])  # type: ignore[operator]  # one of the functions above
    with nothing_changes(refusals=1):
        response = as_(cast.author).post(plan_of(change))
    refused(response, 400, "invalid_input", field="targets", says=says)
    assert "fra-acc-02" in response.json()["detail"]


def test_a_device_id_that_does_not_exist_is_refused(cast: Cast, as_: As) -> None:
    change = draft(cast.author, targets={"device_ids": [987654]})
    with nothing_changes(refusals=1):
        response = as_(cast.author).post(plan_of(change))
    refused(response, 400, "invalid_input", field="targets.device_ids", says="987654")


@pytest.mark.parametrize("who", ["colleague", "peer", "manager", "auditor", "outsider", "superuser"])
def test_who_did_not_write_the_change_does_not_plan_it(cast: Cast, as_: As, devices: list[Device], who: str) -> None:
    change = draft(cast.author)
    with nothing_changes(refusals=1):
        refused(as_(getattr(cast, who)).post(plan_of(change)), 403, "GATE_ROLE_DENIED")


def test_a_change_in_review_is_not_planned_again(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    with nothing_changes(refusals=1):
        refused(as_(cast.author).post(plan_of(change)), 409, "illegal_transition")


def test_a_plan_takes_no_fields(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    with nothing_changes():
        refused(as_(cast.author).post(plan_of(change), {"device": 1}), 400, "invalid_input", field="device")


@pytest.mark.parametrize("digest_too", [False, True])
def test_a_plan_that_was_edited_in_the_database_is_not_shown(
    cast: Cast, as_: As, devices: list[Device], *, digest_too: bool
) -> None:
    change = submitted(cast.author, devices)
    plan = DevicePlan.objects.get(revision=change.revision, device=devices[1])
    plan.payload = plan.payload.replace("192.0.2.123", "192.0.2.66")
    if digest_too:
        plan.payload = "{}"
        plan.digest = hashlib.sha256(b"{}").hexdigest()
    plan.save()
    response = as_(cast.peer).get(plan_of(change))
    refused(response, 409, "PLAN_HASH_MISMATCH", says="plan again" if not digest_too else "Plan the change again")
    assert "192.0.2.66" not in response.content.decode()
    assert not PlanOpening.objects.exists(), "what was not shown was not opened"


def test_a_plan_costs_the_same_queries_for_3_and_for_40_devices(cast: Cast, as_: As, devices: list[Device]) -> None:
    client = as_(cast.peer)
    counts = []
    for more in (0, 37):
        targets = [*devices, *DeviceFactory.create_batch(more)]
        change = draft(cast.author)
        ready_plan(change, targets)
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(f"{plan_of(change)}?limit=100").json()["devices"]) == 3 + more
        counts.append(len(queries))
    # Session and person; change, devices, progress, who asked for the plan; the opening.
    assert counts == [7, 7]
