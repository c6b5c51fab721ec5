"""Submit, assess, approve, reject, ask for changes, withdraw, cancel: who may, when, and on which plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from audit.models import Event
from changes.models import Approval, ChangeRequest, DevicePlan
from changes.services.requests import change_edit
from devices.models import Device
from tests.factories import Cast, PersonFactory, actor, approved, assessed, draft, ready_plan, submitted
from tests.integration.api.conftest import As, nothing_changes, refused

OLD = "0" * 64


def at(change: ChangeRequest, call: str) -> str:
    return f"/api/v1/changes/{change.pk}/{call}/"


def digest_of(change: ChangeRequest) -> str:
    assert change.revision
    return change.revision.digest


def opened(client: APIClient, change: ChangeRequest) -> APIClient:
    assert client.get(at(change, "plan")).status_code == 200
    return client


def test_the_whole_way_from_draft_to_approved(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    digest = ready_plan(change, devices).digest
    response = as_(cast.author).post(at(change, "submit"))
    assert (response.status_code, response.json()["state"]) == (200, "assessment")
    response = opened(as_(cast.peer), change).post(at(change, "assess"), {"plan_digest": digest, "comment": "Fine."})
    assert (response.status_code, response.json()["state"]) == (200, "authorization")
    response = opened(as_(cast.approver), change).post(at(change, "approve"), {"plan_digest": digest})
    assert (response.status_code, response.json()["state"]) == (200, "approved")
    assert response.json()["blockers"][0]["sentence"] == "An implementer has to start it."
    decisions = list(Approval.objects.values_list("stage", "approver__username", "plan_digest", "comment"))
    assert decisions == [("peer", "peer", digest, "Fine."), ("cab", "approver", digest, "")]
    events = Event.objects.filter(change_id=change.pk, object_type="change").order_by("id")
    assert [(event.action, event.actor_name, event.origin) for event in events] == [
        ("change.created", "author", "web"),
        ("change.submitted", "author", "api"),
        ("change.assessed", "peer", "api"),
        ("change.authorized", "approver", "api"),
    ]


def test_submitting_without_a_ready_plan_is_refused(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    with nothing_changes(refusals=1):
        refused(as_(cast.author).post(at(change, "submit")), 409, "PLAN_MISSING", says="Build the plan first")


def test_submitting_twice_is_refused_with_what_is_possible(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    with nothing_changes(refusals=1):
        refused(as_(cast.author).post(at(change, "submit")), 409, "illegal_transition", says="Possible now: assess")


Build = Callable[[Cast, list[Device]], ChangeRequest]
WAITING: dict[str, tuple[Build, str]] = {
    "assess": (lambda cast, devices: submitted(cast.author, devices), "peer"),
    "approve": (assessed, "approver"),
}


@pytest.mark.parametrize("call", WAITING)
@pytest.mark.parametrize(
    ("who", "codes"),
    [
        ("author", {"GATE_ROLE_DENIED", "GATE_SELF_APPROVAL"}),
        ("outsider", {"GATE_ROLE_DENIED"}),
        ("auditor", {"GATE_ROLE_DENIED"}),
        ("manager", {"GATE_ROLE_DENIED"}),
        ("implementer", {"GATE_ROLE_DENIED"}),
        ("superuser", {"GATE_ROLE_DENIED"}),
    ],
)
def test_who_may_not_decide_leaves_a_refusal_and_nothing_else(
    cast: Cast, as_: As, devices: list[Device], call: str, who: str, codes: set[str]
) -> None:
    change = WAITING[call][0](cast, devices)
    client = opened(as_(getattr(cast, who)), change)
    with nothing_changes(refusals=1):
        response = client.post(at(change, call), {"plan_digest": digest_of(change)})
    refused(response, 403, "GATE_ROLE_DENIED")
    assert {reason["code"] for reason in response.json()["reasons"]} == codes
    event = Event.objects.filter(change_id=change.pk).latest("id")
    assert (event.action, event.actor_name, event.code) == (f"change.{call}_refused", who, "GATE_ROLE_DENIED")


@pytest.mark.parametrize("call", WAITING)
def test_a_superuser_with_every_role_does_not_approve_what_they_wrote(
    cast: Cast, as_: As, devices: list[Device], call: str
) -> None:
    almighty = PersonFactory.create(
        username="almighty", is_superuser=True, is_staff=True, roles=["requester", "peer", "cab", "change-manager"]
    )
    cast = _with_author(cast, almighty)
    change = WAITING[call][0](cast, devices)
    client = opened(as_(almighty), change)
    with nothing_changes(refusals=1):
        response = client.post(at(change, call), {"plan_digest": digest_of(change)})
    refused(response, 403, "GATE_SELF_APPROVAL", says="You wrote this change")


@pytest.mark.parametrize("call", WAITING)
def test_the_last_editor_does_not_approve(cast: Cast, as_: As, devices: list[Device], call: str) -> None:
    change = draft(cast.author)
    change_edit(change_id=change.pk, data={"title": "Better"}, editor=actor(cast.colleague))
    change = ChangeRequest.objects.get(pk=change.pk)
    digest = ready_plan(change, devices).digest
    as_(cast.author).post(at(change, "submit"))
    if call == "approve":
        opened(as_(cast.peer), change).post(at(change, "assess"), {"plan_digest": digest})
    client = opened(as_(cast.colleague), change)
    with nothing_changes(refusals=1):
        response = client.post(at(change, call), {"plan_digest": digest})
    refused(response, 403, "GATE_SELF_APPROVAL", says="You edited this change")


def _with_author(cast: Cast, author: User) -> Cast:
    from dataclasses import replace

    return replace(cast, author=author)


@pytest.mark.parametrize("call", WAITING)
def test_an_old_digest_is_refused_with_409_and_leaves_an_event(
    cast: Cast, as_: As, devices: list[Device], call: str
) -> None:
    build, who = WAITING[call]
    change = build(cast, devices)
    client = opened(as_(getattr(cast, who)), change)
    with nothing_changes(refusals=1):
        response = client.post(at(change, call), {"plan_digest": OLD})
    refused(response, 409, "GATE_DIGEST_MISMATCH", says="Open the plan again")
    event = Event.objects.filter(change_id=change.pk).latest("id")
    assert (event.action, event.code, event.actor_name) == (f"change.{call}_refused", "GATE_DIGEST_MISMATCH", who)
    assert event.content()["details"] == {"plan_digest": OLD}


def test_the_digest_of_the_plan_before_is_old(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)
    old = digest_of(change)
    opened(as_(cast.approver), change)
    as_(cast.author).post(at(change, "withdraw"))
    ready_plan(ChangeRequest.objects.get(pk=change.pk), devices[:2])
    as_(cast.author).post(at(change, "submit"))
    change = ChangeRequest.objects.select_related("revision").get(pk=change.pk)
    opened(as_(cast.peer), change).post(at(change, "assess"), {"plan_digest": digest_of(change)})
    with nothing_changes(refusals=1):
        refused(
            as_(cast.approver).post(at(change, "approve"), {"plan_digest": old}),
            409,
            "GATE_DIGEST_MISMATCH",
            says=old[:12],
        )


@pytest.mark.parametrize("call", WAITING)
@pytest.mark.parametrize("digest", [None, "", "abc", 7, ["0" * 64], "0" * 63 + "G", OLD.upper() + "A", OLD + "\n"])
def test_a_digest_that_is_none_is_bad_input(
    cast: Cast, as_: As, devices: list[Device], call: str, digest: object
) -> None:
    build, who = WAITING[call]
    change = build(cast, devices)
    with nothing_changes():
        response = as_(getattr(cast, who)).post(at(change, call), {"plan_digest": digest})
    refused(response, 400, "invalid_input", field="plan_digest", says="64 digits")


@pytest.mark.parametrize("call", WAITING)
def test_nobody_approves_a_plan_that_they_have_not_opened(
    cast: Cast, as_: As, devices: list[Device], call: str
) -> None:
    build, who = WAITING[call]
    change = build(cast, devices)
    with nothing_changes(refusals=1):
        response = as_(getattr(cast, who)).post(at(change, call), {"plan_digest": digest_of(change)})
    refused(response, 403, "PLAN_NOT_OPENED", says="Open the plan")


def test_nobody_approves_twice(cast: Cast, as_: As, devices: list[Device]) -> None:
    both = PersonFactory.create(username="both", roles=["peer", "cab"])
    change = submitted(cast.author, devices)
    client = opened(as_(both), change)
    body = {"plan_digest": digest_of(change)}
    assert client.post(at(change, "assess"), body).status_code == 200
    with nothing_changes(refusals=1):
        refused(client.post(at(change, "approve"), body), 403, "GATE_DUPLICATE", says="already decided")


@pytest.mark.parametrize("call", WAITING)
def test_a_plan_that_was_edited_in_the_database_is_not_approved(
    cast: Cast, as_: As, devices: list[Device], call: str
) -> None:
    build, who = WAITING[call]
    change = build(cast, devices)
    client = opened(as_(getattr(cast, who)), change)
    plan = DevicePlan.objects.filter(revision=change.revision).first()
    assert plan
    plan.payload = plan.payload.replace("192.0.2.123", "192.0.2.66")
    plan.save(update_fields=["payload"])
    with nothing_changes(refusals=1):
        response = client.post(at(change, call), {"plan_digest": digest_of(change)})
    refused(response, 409, "PLAN_HASH_MISMATCH", says="Nothing may be sent")


@pytest.mark.parametrize("call", ["assess", "approve"])
def test_deciding_in_another_state_is_refused(cast: Cast, as_: As, devices: list[Device], call: str) -> None:
    change = draft(cast.author)
    digest = ready_plan(change, devices).digest
    for person in (cast.peer, cast.approver):
        with nothing_changes(refusals=1):
            response = as_(person).post(at(change, call), {"plan_digest": digest})
        refused(response, 409, "illegal_transition", says="draft")


def test_asking_for_changes_sends_the_change_back_and_voids_approvals(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    change = assessed(cast, devices)
    response = as_(cast.approver).post(at(change, "request-changes"), {"comment": "Use the other server."})
    assert (response.status_code, response.json()["state"]) == (200, "draft")
    decisions = as_(cast.author).get(at(change, "approvals")).json()
    assert [(each["decision"], each["comment"], each["voided_at"] is None) for each in decisions] == [
        ("approved", "", False),
        ("changes_requested", "Use the other server.", False),
    ]


def test_rejecting_ends_the_change(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    body = {"comment": "Not in this quarter.", "plan_digest": digest_of(change)}
    response = as_(cast.approver).post(at(change, "reject"), body)
    assert (response.status_code, response.json()["state"], response.json()["actions"]) == (200, "rejected", [])


def test_withdrawing_takes_the_change_back(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)
    response = as_(cast.author).post(at(change, "withdraw"), {"comment": "A mistake."})
    assert (response.status_code, response.json()["state"]) == (200, "draft")
    assert as_(cast.author).get(at(change, "approvals")).json()[0]["voided_at"]


@pytest.mark.parametrize("who", ["author", "manager"])
def test_cancelling_ends_the_change(cast: Cast, as_: As, devices: list[Device], who: str) -> None:
    change = approved(cast, devices)
    response = as_(getattr(cast, who)).post(at(change, "cancel"), {"comment": "Done by hand."})
    assert (response.status_code, response.json()["state"]) == (200, "canceled")
    assert Event.objects.filter(change_id=change.pk).latest("id").reason == "Done by hand."


@pytest.mark.parametrize(("call", "who"), [("reject", "approver"), ("request-changes", "peer"), ("cancel", "author")])
@pytest.mark.parametrize("comment", [None, "", "   "])
def test_a_decision_against_a_change_needs_its_reason(
    cast: Cast, as_: As, devices: list[Device], call: str, who: str, comment: str | None
) -> None:
    change = submitted(cast.author, devices)
    body = {} if comment is None else {"comment": comment}
    with nothing_changes():
        response = as_(getattr(cast, who)).post(at(change, call), body)
    refused(response, 400, "invalid_input", field="comment", says="say why")


@pytest.mark.parametrize("call", ["reject", "request-changes"])
def test_a_named_digest_must_be_the_current_one_there_too(
    cast: Cast, as_: As, devices: list[Device], call: str
) -> None:
    change = submitted(cast.author, devices)
    with nothing_changes(refusals=1):
        response = as_(cast.approver).post(at(change, call), {"comment": "No.", "plan_digest": OLD})
    refused(response, 409, "GATE_DIGEST_MISMATCH")


@pytest.mark.parametrize(
    ("call", "who", "body"),
    [
        ("request-changes", "author", {"comment": "x"}),
        ("request-changes", "outsider", {"comment": "x"}),
        ("reject", "author", {"comment": "x"}),
        ("reject", "superuser", {"comment": "x"}),
        ("withdraw", "peer", {}),
        ("withdraw", "superuser", {}),
        ("cancel", "approver", {"comment": "x"}),
        ("cancel", "auditor", {"comment": "x"}),
    ],
)
def test_others_are_refused(
    cast: Cast, as_: As, devices: list[Device], call: str, who: str, body: dict[str, str]
) -> None:
    change = submitted(cast.author, devices)
    with nothing_changes(refusals=1):
        response = as_(getattr(cast, who)).post(at(change, call), body)
    assert response.status_code == 403, response.content
    assert response.json()["code"] in {"GATE_ROLE_DENIED", "GATE_SELF_APPROVAL"}


CALLS = ["submit", "withdraw", "request-changes", "assess", "approve", "reject", "start", "close", "cancel"]
BODIES: dict[str, dict[str, object]] = {
    "request-changes": {"comment": "x"},
    "assess": {"plan_digest": OLD},
    "approve": {"plan_digest": OLD},
    "reject": {"comment": "x"},
    "close": {"close_code": "successful"},
    "cancel": {"comment": "x"},
}


@pytest.mark.parametrize("call", CALLS)
def test_a_change_that_does_not_exist_is_not_found(cast: Cast, as_: As, call: str) -> None:
    response = as_(cast.author).post(f"/api/v1/changes/987654/{call}/", BODIES.get(call, {}))
    refused(response, 404, "not_found", says="987654")


@pytest.mark.parametrize("call", CALLS)
def test_unknown_fields_and_other_bodies_are_refused(cast: Cast, as_: As, devices: list[Device], call: str) -> None:
    change = submitted(cast.author, devices)
    with nothing_changes():
        for body, field in (({"coment": "x"}, "coment"), (["a"], "body"), ({"state": "approved"}, "state")):
            response = as_(cast.superuser).post(at(change, call), body)
            refused(response, 400, "invalid_input", field=field)


@pytest.mark.parametrize("call", sorted(set(CALLS) - {"submit", "start"}))
def test_a_comment_that_is_no_text_is_refused(cast: Cast, as_: As, devices: list[Device], call: str) -> None:
    change = submitted(cast.author, devices)
    with nothing_changes():
        response = as_(cast.author).post(at(change, call), {**BODIES.get(call, {}), "comment": ["x"]})
    refused(response, 400, "invalid_input", field="comment")


@pytest.mark.parametrize("call", CALLS)
def test_actions_are_only_posted(cast: Cast, as_: As, devices: list[Device], call: str) -> None:
    change = submitted(cast.author, devices)
    for method in ("get", "put", "patch", "delete"):
        refused(getattr(as_(cast.author), method)(at(change, call)), 405, "method_not_allowed", says="POST")
