"""The library, reviews and changes from templates for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from changes.models import ChangeRequest
from devices.models import Device
from tests.factories import Cast, ready_plan
from tests.integration.templates.conftest import NTP, SERVER, approved_template, proposed

pytestmark = pytest.mark.django_db

Call = Callable[..., tuple[int, Any]]
LIST = "/api/v1/templates/"


@pytest.fixture
def call() -> Call:
    def answer(person: User, method: str, path: str, body: object | None = None) -> tuple[int, Any]:
        client = Client()
        client.force_login(person)
        response = client.generic(
            method, path, "" if body is None else json.dumps(body), content_type="application/json"
        )
        return response.status_code, response.json()

    return answer


def test_a_template_from_its_first_line_to_its_deprecation(cast: Cast, call: Call) -> None:
    status, version = call(cast.author, "POST", LIST, dict(NTP))
    assert (status, version["number"], version["state"], version["editors"]) == (201, 1, "draft", ["author"])
    template = call(cast.author, "GET", LIST)[1]["results"][0]
    path = f"{LIST}{template['id']}/"
    one = f"{path}versions/1/"
    assert call(cast.colleague, "PATCH", one, {"trigger": "Now.", "edits": 1})[1]["edits"] == 2
    assert call(cast.author, "PATCH", one, {"trigger": "Then.", "edits": 1})[0] == 409
    digest = call(cast.author, "POST", f"{one}propose/")[1]["digest"]
    assert call(cast.colleague, "POST", f"{one}approve/", {"digest": digest})[1]["code"] == "GATE_SELF_APPROVAL"
    assert call(cast.peer, "POST", f"{one}approve/", {"digest": "0" * 64})[1]["code"] == "GATE_DIGEST_MISMATCH"
    assert call(cast.peer, "POST", f"{one}return/", {"digest": digest})[1]["fields"].keys() == {"comment"}
    assert call(cast.peer, "POST", f"{one}approve/", {"digest": digest})[1]["state"] == "proposed"
    assert call(cast.approver, "POST", f"{one}approve/", {"digest": digest})[1]["state"] == "approved"
    assert call(cast.author, "POST", f"{path}versions/")[0] == 201
    assert call(cast.author, "PATCH", f"{path}versions/2/", {"trigger": "Later."})[0] == 200
    assert "+Later." in call(cast.author, "GET", f"{path}versions/2/diff/?against=1")[1]["diff"]
    found = call(cast.author, "GET", path)[1]
    assert (found["version"], found["pre_approved"], [row["number"] for row in found["versions"]]) == (1, True, [2, 1])
    assert call(cast.author, "PATCH", path, {"owner": "nobody"})[1]["fields"].keys() == {"owner"}
    assert call(cast.manager, "POST", f"{path}restore/", {"comment": "Why not."})[1]["code"] == "nothing_lost"
    assert call(cast.manager, "POST", f"{path}deprecate/", {"comment": "Old."})[1]["pre_approved"] is False


def test_filters_that_are_not_known_are_refused(cast: Cast, call: Call) -> None:
    approved_template(cast)
    proposed(cast.author, name="Other", content={"frr": "ntp server {{ server }}\n"}, envelope=None)
    for query, names in (
        ("state=approved", ["NTP servers"]),
        ("platform=frr", ["Other"]),
        ("pre_approved=no", ["Other"]),
        ("owner=colleague", ["NTP servers"]),
        ("text=tpl", []),
        ("text=servers", ["NTP servers", "Other"]),
    ):
        results = call(cast.auditor, "GET", f"{LIST}?{query}")[1]["results"]
        assert [row["name"] for row in results] == names, query
    for query in ("state=good", "platform=ios", "pre_approved=perhaps", "colour=red"):
        assert call(cast.auditor, "GET", f"{LIST}?{query}")[0] == 400, query
    assert call(cast.auditor, "GET", f"{LIST}999/")[0] == 404
    assert call(cast.auditor, "POST", LIST, {"name": "Mine"})[0] == 403


def test_a_standard_change_says_whether_it_is_inside(cast: Cast, call: Call, devices: list[Device]) -> None:
    version = approved_template(cast)
    body = {
        "title": "New server",
        "reason": "The old one is gone.",
        "type": "standard",
        "template": version.template_id,
        "variables": {"server": SERVER},
        "targets": {"filter": {"site": "FRA"}},
    }
    status, bad = call(cast.author, "POST", "/api/v1/changes/", {**body, "content": "x", "variables": {"server": 1}})
    assert (status, bad["fields"].keys()) == (400, {"content"})
    assert call(cast.author, "POST", "/api/v1/changes/", {**body, "variables": {}})[1]["fields"].keys() == {
        "variables.server"
    }
    made = call(cast.author, "POST", "/api/v1/changes/", body)[1]
    assert (made["template"]["label"], made["template"]["digest"]) == (version.label, version.digest)
    assert made["pre_approval"] is None
    change = ChangeRequest.objects.get(pk=made["id"])
    ready_plan(change, devices)
    assert call(cast.author, "GET", f"/api/v1/changes/{change.pk}/")[1]["pre_approval"] == {
        "holds": True,
        "why_not": [],
    }


def test_an_emergency_says_who_called_it(cast: Cast, call: Call) -> None:
    body = {
        "title": "Restore FRA",
        "reason": "Users cannot work.",
        "type": "emergency",
        "content": "ntp server 192.0.2.1\n",
        "targets": {"filter": {"site": "FRA"}},
    }
    refused = call(cast.author, "POST", "/api/v1/changes/", body)[1]
    assert refused["fields"].keys() == {"called_by", "emergency_reason"}
    given = {"called_by": "NOC", "emergency_reason": "FRA is cut off."}
    made = call(cast.author, "POST", "/api/v1/changes/", {**body, **given})[1]
    assert {name: made[name] for name in given} == given
