from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from changes.domain.strategy import Strategy
from changes.models import ChangeRequest
from changes.services.requests import change_cancel
from devices.models import Device
from tests.factories import DRAFT, Cast, actor, assessed, draft, ready_plan, submitted
from tests.integration.api.conftest import Answer, As, nothing_changes, refused

LIST = "/api/v1/changes/"


def titles(response: Answer) -> list[str]:
    assert response.status_code == 200, response.content
    return [change["title"] for change in response.json()["results"]]


def test_a_requester_writes_a_draft(cast: Cast, as_: As, devices: list[Device]) -> None:
    response = as_(cast.author).post(LIST, DRAFT)
    assert response.status_code == 201, response.content
    body = response.json()
    change = ChangeRequest.objects.get()
    assert response["Location"].endswith(f"/api/v1/changes/{change.pk}/")
    shown = {name: body[name] for name in body if not name.endswith("_at")}
    assert shown == {
        "id": change.pk,
        "number": f"CHG-{change.pk:05d}",
        "title": DRAFT["title"],
        "reason": DRAFT["reason"],
        "type": "normal",
        "state": "draft",
        "risk_level": "",
        "on_hold": False,
        "author": "author",
        "last_editor": "author",
        "version": 1,
        "plan": None,
        "called_by": "",
        "emergency_reason": "",
        "template": None,
        "pre_approval": None,
        "content": DRAFT["content"],
        "variables": DRAFT["variables"],
        "masked": False,
        "targets": DRAFT["targets"],
        "checks": DRAFT["checks"],
        "strategy": Strategy().as_data(),
        "window_start": None,
        "window_end": None,
        "close_code": "",
        "close_note": "",
        "blockers": [
            {
                "kind": "machine",
                "code": "PLAN_MISSING",
                "sentence": "There is no plan yet. Build one, read it, then submit.",
            }
        ],
        "actions": [
            {"name": "edit", "allowed": True, "reasons": []},
            {"name": "plan", "allowed": True, "reasons": []},
            {"name": "submit", "allowed": True, "reasons": []},
            {"name": "cancel", "allowed": True, "reasons": []},
        ],
    }
    event = Event.objects.get(change_id=change.pk)
    assert (event.action, event.actor_name, event.origin) == ("change.created", "author", "api")
    assert event.request_id == response["X-Request-ID"]
    assert event.ip == "127.0.0.1"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("outsider", "GATE_ROLE_DENIED"),
        ("auditor", "GATE_ROLE_DENIED"),
        ("superuser", "GATE_ROLE_DENIED"),
        ("approver", "GATE_ROLE_DENIED"),
    ],
)
def test_who_is_no_requester_writes_nothing(cast: Cast, as_: As, who: str, code: str) -> None:
    with nothing_changes():
        response = as_(getattr(cast, who)).post(LIST, DRAFT)
    refused(response, 403, code)
    assert [reason["code"] for reason in response.json()["reasons"]] == [code]


BAD_INPUT: dict[str, tuple[Mapping[str, object], str, str]] = {
    "no title": ({"title": ""}, "title", "not empty"),
    "no reason": ({"reason": None}, "reason", "not empty"),
    "targets are empty": ({"targets": {}}, "targets", "device_ids"),
    "no device named": ({"targets": {"device_ids": []}}, "targets.device_ids", "No device is named"),
    "an empty filter": ({"targets": {"filter": {}}}, "targets.filter", "every device"),
    "both kinds of target": ({"targets": {"filter": {"site": "FRA"}, "device_ids": [1]}}, "targets", "one of the two"),
    "an unknown filter": ({"targets": {"filter": {"colour": "red"}}}, "targets.filter.colour", "name, platform, role"),
    "an id that is none": ({"targets": {"device_ids": ["1"]}}, "targets.device_ids", "whole numbers"),
    "a line break in a variable": ({"variables": {"a": "x\nreload"}}, "variables.a", "line break"),
    "a carriage return in a variable": ({"variables": {"a": "x\rreload"}}, "variables.a", "carriage return"),
    "an escape in a list": ({"variables": {"a": ["ok", "\x1b[2J"]}}, "variables.a", "escape"),
    "a NUL in a variable": ({"variables": {"a": "\x00"}}, "variables.a", "NUL"),
    "a direction mark in the content": ({"content": "ntp server \u202e1"}, "content", "U+202E"),
    "a fraction": ({"variables": {"a": 1.5}}, "variables.a", "write it as text"),
    "no content": ({"content": " \n"}, "content", "empty"),
    "300 KiB of content": ({"content": "x" * 300_000}, "content", "262,144 are allowed"),
    "content that is no text": ({"content": ["a"]}, "content", "must be text"),
    "a mask in the content": (
        {"content": "snmp-server community <hidden:0123abcd> RO"},
        "content",
        "masked",
    ),
    "a mask in a variable": ({"variables": {"a": "<hidden>"}}, "variables.a", "masked"),
    "a writing check": (
        {"checks": {"pre": [{"name": "a", "command": "reload", "expect": "contains", "value": "x"}]}},
        "checks.pre[0].command",
        "may only read",
    ),
    "an unknown type": ({"type": "huge"}, "type", "normal"),
    "a misspelt field": ({"titel": "x"}, "titel", 'Did you mean "title"?'),
    "a field of another": ({"state": "approved"}, "state", "no field"),
    "the author": ({"author": "superuser"}, "author", "no field"),
    "too much at once": ({"strategy": {"max_parallel": 1000}}, "strategy.max_parallel", "1 to 100"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_gets_a_sentence_and_changes_nothing(cast: Cast, as_: As, devices: list[Device], name: str) -> None:
    fields, field, says = BAD_INPUT[name]
    with nothing_changes():
        response = as_(cast.author).post(LIST, {**DRAFT, **fields})
    refused(response, 400, "invalid_input", field=field, says=says)


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_edits_get_a_sentence_and_change_nothing(cast: Cast, as_: As, devices: list[Device], name: str) -> None:
    fields, field, says = BAD_INPUT[name]
    change = draft(cast.author)
    ready_plan(change, devices)
    with nothing_changes(refusals=1):
        response = as_(cast.author).patch(f"{LIST}{change.pk}/", fields)
    refused(response, 400, "invalid_input", field=field, says=says)


def test_everything_that_is_wrong_is_said_at_once(cast: Cast, as_: As) -> None:
    response = as_(cast.author).post(LIST, {"title": "", "variables": {"a": "\n", "b": None}, "colour": 1})
    refused(response, 400, "invalid_input")
    assert set(response.json()["fields"]) == {
        "title", "reason", "content", "targets", "variables.a", "variables.b", "colour",
    }  # fmt: skip


def test_an_edit_counts_up_the_version_and_voids_the_plan(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    response = as_(cast.colleague).patch(f"{LIST}{change.pk}/", {"content": "ntp server 192.0.2.1\n", "version": 1})
    assert response.status_code == 200, response.content
    body = response.json()
    assert (body["version"], body["plan"], body["last_editor"]) == (2, None, "colleague")
    assert body["content"] == "ntp server 192.0.2.1\n"
    assert body["title"] == DRAFT["title"]


def test_an_edit_of_the_title_keeps_the_plan(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices)
    body = as_(cast.author).patch(f"{LIST}{change.pk}/", {"title": "Better"}).json()
    assert (body["title"], body["version"], body["plan"]["digest"]) == ("Better", 2, revision.digest)


def test_a_stale_edit_is_refused(cast: Cast, as_: As) -> None:
    change = draft(cast.author)
    address = f"{LIST}{change.pk}/"
    assert as_(cast.colleague).patch(address, {"title": "First", "version": 1}).status_code == 200
    with nothing_changes(refusals=1):
        response = as_(cast.author).patch(address, {"title": "Second", "version": 1})
    refused(response, 409, "stale_edit", says="colleague edited")


@pytest.mark.parametrize("version", ["1", 1.0, True, [1]])
def test_a_version_that_is_no_number_is_refused(cast: Cast, as_: As, version: object) -> None:
    change = draft(cast.author)
    with nothing_changes():
        response = as_(cast.author).patch(f"{LIST}{change.pk}/", {"title": "x", "version": version})
    refused(response, 400, "invalid_input", field="version")


def test_an_edit_of_nothing_is_refused(cast: Cast, as_: As) -> None:
    change = draft(cast.author)
    with nothing_changes(refusals=1):
        response = as_(cast.author).patch(f"{LIST}{change.pk}/", {})
    refused(response, 400, "invalid_input", field="body", says="Nothing to change")


def test_a_change_in_review_is_not_edited(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = submitted(cast.author, devices)
    with nothing_changes(refusals=1):
        response = as_(cast.author).patch(f"{LIST}{change.pk}/", {"title": "Sneaky"})
    refused(response, 409, "illegal_transition", says="assessment")


@pytest.mark.parametrize("who", ["outsider", "auditor", "superuser", "peer"])
def test_strangers_edit_nothing(cast: Cast, as_: As, who: str) -> None:
    change = draft(cast.author)
    with nothing_changes(refusals=1):
        response = as_(getattr(cast, who)).patch(f"{LIST}{change.pk}/", {"title": "Mine"})
    refused(response, 403, "GATE_ROLE_DENIED")


def test_secrets_in_a_change_are_shown_to_those_who_wrote_them_alone(cast: Cast, as_: As) -> None:
    change = draft(
        cast.author,
        content="snmp-server community pl4intext RO\n",
        variables={"snmp_password": "pl4intext", "servers": ["username x password 0 pl4intext"], "vlan": 7},
    )
    address = f"{LIST}{change.pk}/"
    own = as_(cast.author).get(address).json()
    assert (own["masked"], own["content"]) == (False, change.content)
    for person in (cast.peer, cast.auditor, cast.superuser, cast.colleague):
        response = as_(person).get(address)
        assert "pl4intext" not in response.content.decode()
        body = response.json()
        assert body["masked"] is True
        assert body["content"].startswith("snmp-server community <hidden:")
        assert body["variables"]["vlan"] == 7
    # Who takes the masked text for the true one is stopped, so that no device is given a mask for a secret.
    with nothing_changes(refusals=1):
        response = as_(cast.colleague).patch(address, {"content": body["content"]})
    refused(response, 400, "invalid_input", field="content", says="masked")
    with nothing_changes(refusals=1):
        response = as_(cast.colleague).patch(address, {"variables": body["variables"]})
    refused(response, 400, "invalid_input", field="variables.snmp_password", says="masked")


def test_everybody_who_is_signed_in_reads_every_change(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)
    for person in (cast.outsider, cast.auditor, cast.implementer):
        body = as_(person).get(f"{LIST}{change.pk}/").json()
        assert (body["state"], body["plan"]["state"]) == ("authorization", "ready")


def test_what_a_person_may_do_is_said_with_the_rules_against_it(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)

    def actions(person: User) -> dict[str, list[str] | bool]:
        listed = as_(person).get(f"{LIST}{change.pk}/").json()["actions"]
        return {each["name"]: each["allowed"] or [reason["code"] for reason in each["reasons"]] for each in listed}

    assert actions(cast.author) == {
        "request-changes": ["GATE_ROLE_DENIED", "GATE_SELF_APPROVAL"],
        "withdraw": True,
        "reject": ["GATE_ROLE_DENIED", "GATE_SELF_APPROVAL"],
        "approve": ["GATE_ROLE_DENIED", "GATE_SELF_APPROVAL", "PLAN_NOT_OPENED"],
        "cancel": True,
        "abstain": ["GATE_ROLE_DENIED", "GATE_SELF_APPROVAL"],
        "withdraw-decision": ["GATE_ROLE_DENIED"],
    }
    assert actions(cast.approver)["approve"] == ["PLAN_NOT_OPENED"]
    assert actions(cast.approver)["abstain"] is True, "without having opened the plan"
    assert actions(cast.peer)["withdraw-decision"] is True, "what they decided is theirs to take back"
    assert actions(cast.peer)["abstain"] == ["GATE_ROLE_DENIED", "GATE_DUPLICATE"]
    as_(cast.approver).get(f"{LIST}{change.pk}/plan/")
    assert actions(cast.approver)["approve"] is True


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["third", "second", "first"]),
        ("ordering=id", ["first", "second", "third"]),
        ("ordering=-updated_at&limit=1", ["first"]),
        ("state=draft", ["second", "first"]),
        ("state=canceled,draft", ["third", "second", "first"]),
        ("type=normal&state=canceled", ["third"]),
        ("author=COLLEAGUE", ["second"]),
        ("text=SECO", ["second"]),
        ("text=clock", ["third", "second", "first"]),
        ("device=FRA-ACC-02", ["first"]),
        ("device=fra-acc-99", []),
        ("author=", ["third", "second", "first"]),
    ],
)
def test_lists_are_filtered_and_ordered(
    cast: Cast, as_: As, devices: list[Device], query: str, expected: list[str]
) -> None:
    first = draft(cast.author, title="first")
    draft(cast.colleague, title="second")
    change_cancel(change_id=draft(cast.author, title="third").pk, actor=actor(cast.author), comment="No.")
    ready_plan(first, devices)
    first.save()
    assert titles(as_(cast.outsider).get(f"{LIST}?{query}")) == expected


def test_a_number_finds_its_change(cast: Cast, as_: As) -> None:
    changes = [draft(cast.author, title=f"number {n}") for n in range(3)]
    for text in (changes[1].number, changes[1].number.lower(), str(changes[1].pk)):
        assert "number 1" in titles(as_(cast.author).get(f"{LIST}?text={text}"))


def test_two_devices_of_one_name_do_not_list_a_change_twice(cast: Cast, as_: As, devices: list[Device]) -> None:
    Device.objects.filter(pk__in=[device.pk for device in devices]).update(name="twin")
    ready_plan(draft(cast.author, title="once"), list(Device.objects.all()))
    assert titles(as_(cast.author).get(f"{LIST}?device=twin")) == ["once"]


@pytest.mark.parametrize(
    ("query", "code", "field", "says"),
    [
        ("colour=red", "unknown_filter", "colour", "state, type, risk, author, device, text, limit, cursor, ordering"),
        ("state=open", "invalid_input", "state", "approved"),
        ("type=huge", "invalid_input", "type", "emergency"),
        ("text=%00", "bad_filter", "text", "characters"),
        ("state=draft&state=review", "bad_filter", "state", "once"),
        ("ordering=title", "bad_filter", "ordering", "updated_at"),
    ],
)
def test_bad_filters_are_refused(cast: Cast, as_: As, query: str, code: str, field: str, says: str) -> None:
    refused(as_(cast.author).get(f"{LIST}?{query}"), 400, code, field=field, says=says)


@pytest.mark.parametrize("ordering", ["-id", "id", "-updated_at", "updated_at"])
def test_following_next_meets_every_change_once(cast: Cast, as_: As, ordering: str) -> None:
    made = [draft(cast.author, title=str(n)).pk for n in range(5)]
    client, address, seen = as_(cast.author), f"{LIST}?limit=2&ordering={ordering}", []
    while address:
        body = client.get(address).json()
        seen += [change["id"] for change in body["results"]]
        address = body["next"]
    assert seen == (made[::-1] if ordering.startswith("-") else made)


def test_lists_cost_the_same_queries_however_many_rows(cast: Cast, as_: As, devices: list[Device]) -> None:
    client = as_(cast.author)
    counts = []
    for more in (1, 9):
        for _ in range(more):
            ready_plan(draft(cast.author), devices)
        for address in (LIST, f"/api/v1/devices/{devices[0].pk}/changes/"):
            with CaptureQueriesContext(connection) as queries:
                titles(client.get(address))
            counts.append(len(queries))
    # Session and person, then the changes; of a device, first the device.
    assert counts == [3, 4, 3, 4]


def test_one_change_costs_a_fixed_number_of_queries(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)
    client = as_(cast.author)
    with CaptureQueriesContext(connection) as queries:
        client.get(f"{LIST}{change.pk}/")
    # Session and person; change; person and roles; editors, implementers, openings and approvals.
    assert len(queries) == 9


def test_the_timeline_tells_what_happened_newest_first_refusals_included(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    change = assessed(cast, devices)
    digest = change.revision.digest if change.revision else ""
    as_(cast.author).post(f"{LIST}{change.pk}/approve/", {"plan_digest": digest})
    client = as_(cast.outsider)
    body = client.get(f"{LIST}{change.pk}/timeline/?limit=3").json()
    assert [event["action"] for event in body["results"]] == [
        "change.approve_refused",
        "approval.approved",
        "change.assessed",
    ]
    newest = body["results"][0]
    assert (newest["actor_name"], newest["code"], newest["origin"]) == ("author", "GATE_ROLE_DENIED", "api")
    assert not {"ip", "request_id", "body"} & set(newest)
    rest = client.get(body["next"]).json()
    assert [event["action"] for event in rest["results"]] == [
        "change.submitted",
        "plan_demand.settled",
        "risk.assessed",
    ]
    first = client.get(rest["next"]).json()
    assert ([event["action"] for event in first["results"]], first["next"]) == (["change.created"], None)
    refused(client.get(f"{LIST}{change.pk}/timeline/?action=x"), 400, "unknown_filter", field="action")
    refused(client.get(f"{LIST}{change.pk + 999}/timeline/"), 404, "not_found")


def test_decisions_are_listed_with_the_digest_that_each_saw(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = assessed(cast, devices)
    [approval] = as_(cast.outsider).get(f"{LIST}{change.pk}/approvals/").json()
    assert change.revision
    assert approval == {
        "id": approval["id"],
        "stage": "peer",
        "group": "peer",
        "decision": "approved",
        "approver": "peer",
        "on_behalf_of": None,
        "carried_from": "",
        "void_cause": "",
        "revision": 1,
        "plan_digest": change.revision.digest,
        "comment": "",
        "created_at": approval["created_at"],
        "voided_at": None,
    }
