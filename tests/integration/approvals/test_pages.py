"""The pages of approvals: the ladder, abstaining and withdrawing, approving for an absent member, delegations."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from changes.models import Approval, Delegation
from changes.services.people import facts_of
from devices.models import Device
from tests.factories import Cast, actor, joins
from tests.integration.approvals.office import again, decide, delegates, in_review, opened, stage

PEER, CAB = stage("peer", step="assessment"), stage("cab", delegates=["peer"])


def as_(person: object) -> Client:
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]
    return client


def said(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, response.content
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_ladder_says_who_can_still_act_and_for_whom(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices, PEER, CAB)
    deputy = joins(cast.outsider, "peer")
    delegates(cast.approver, deputy, out_of_office=True)
    decide(change, cast.peer)
    page = said(as_(cast.auditor), f"/changes/{change.pk}/approvals/")
    assert "Waiting for a member of CAB. Can decide now: approver, out of office until" in page
    assert "colleague; second; outsider for approver" in page
    assert "peer Approved as Peer" in page
    decide(change, deputy, on_behalf_of=cast.approver)
    page = said(as_(cast.auditor), f"/changes/{change.pk}/approvals/")
    assert "outsider for approver Approved as CAB" in page
    stages = as_(cast.auditor).get(f"/api/v1/changes/{change.pk}/stages/").json()
    assert [(one["name"], one["given"], one["needed"], one["met"], one["open"]) for one in stages] == [
        ("peer", 1, 1, True, False), ("cab", 1, 1, True, False),
    ]  # fmt: skip
    [_peer, row] = as_(cast.auditor).get(f"/api/v1/changes/{change.pk}/approvals/").json()
    assert (row["approver"], row["on_behalf_of"], row["group"]) == ("outsider", "approver", "cab")


def test_a_delegate_approves_beside_the_plan_for_whom_they_choose(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices, PEER, CAB)
    deputy = joins(cast.outsider, "peer")
    decide(change, cast.peer)
    delegates(cast.approver, deputy)
    client = as_(deputy)
    plan = client.get(f"/changes/{change.pk}/plan/").content.decode()
    assert f'<option value="{cast.approver.pk}">approver, who is absent</option>' in plan
    assert ">myself<" not in plan, "they have no right of their own here"
    body = {"plan_digest": facts_of(change).plan_digest, "on_behalf_of": str(cast.approver.pk)}
    answer = client.post(f"/changes/{change.pk}/approve/", body)
    assert answer.status_code == 302, answer.content
    assert "You approved revision 1 on behalf of approver." in said(client, answer["Location"])
    assert again(change).state == "approved"


@pytest.mark.parametrize("named", ["0", "no-id", "99999999999999999999", "-1"])
def test_a_decision_for_somebody_never_becomes_ones_own(cast: Cast, devices: list[Device], named: str) -> None:
    change = in_review(cast.author, devices)
    body = {"plan_digest": opened(change, cast.peer), "on_behalf_of": named}
    assert as_(cast.peer).post(f"/changes/{change.pk}/assess/", body).status_code == 403
    assert not Approval.objects.exists()


def test_abstaining_and_withdrawing_on_the_page(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices)
    digest = opened(change, cast.peer)
    client, address = as_(cast.peer), f"/changes/{change.pk}/approvals/"
    assert "Abstain from this plan?" in said(client, address)
    assert "Your decision" not in said(as_(cast.author), address)
    client.post(f"/changes/{change.pk}/abstain/", {"plan_digest": digest})
    assert Approval.objects.get().decision == "abstained"
    assert "Withdraw your decision?" in said(client, address)
    client.post(f"/changes/{change.pk}/withdraw-decision/")
    assert Approval.objects.get().voided_at is not None
    assert "Its author withdrew it." in said(client, address)
    refused = client.post(f"/changes/{change.pk}/withdraw-decision/")
    assert refused.status_code == 403
    assert "no approval or abstention to withdraw" in refused.content.decode()
    for what in ("abstain", "withdraw-decision", "revise"):
        assert client.get(f"/changes/{change.pk}/{what}/").status_code == 302, "a GET does nothing"


def test_a_carried_over_approval_is_marked_with_the_digest_that_was_seen(cast: Cast, devices: list[Device]) -> None:
    from changes.services.carrying_over import review_begun
    from changes.services.requests import change_submit, change_withdraw
    from tests.factories import ready_plan
    from tests.integration.approvals.office import risk

    change = in_review(cast.author, devices)
    seen = decide(change, cast.peer).plan_digest
    change_withdraw(change_id=change.pk, requester=actor(cast.author))
    ready_plan(again(change), devices[:1])
    change_submit(change_id=change.pk, requester=actor(cast.author))
    risk(change, "low")
    review_begun(again(change))
    html = as_(cast.approver).get(f"/changes/{change.pk}/approvals/").content.decode()
    assert "carried over" in html
    assert seen in html
    assert "Every device of this plan was in it, byte for byte." in html


@pytest.mark.parametrize("body", [
    {"delegate": "a\0b", "ends_at": "2026-12-01T00:00Z"},
    {"delegate": "peer", "starts_at": "9999-12-31T00:00-14:00", "ends_at": "9999-12-31T23:59-14:00"},
    {"delegate": "peer", "starts_at": "2999-01-01T00:00Z", "ends_at": "2999-01-02T00:00Z"},
])  # fmt: skip
def test_a_hostile_delegation_is_refused_with_a_sentence(cast: Cast, body: dict[str, str]) -> None:
    client = as_(cast.approver)
    answer = client.post("/api/v1/delegations/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert client.post("/delegations/new/", body).status_code == 400
    assert not Delegation.objects.exists()


def test_a_username_with_a_nul_is_bad_input(cast: Cast, devices: list[Device]) -> None:
    change = in_review(cast.author, devices)
    body = {"plan_digest": opened(change, cast.peer), "on_behalf_of": "approver\0"}
    answer = as_(cast.peer).post(f"/api/v1/changes/{change.pk}/assess/", body, content_type="application/json")
    assert answer.status_code == 400
    lookup = {"title": "Core", "owner": "a\0b"}
    answer = as_(cast.author).post("/api/v1/templates/", lookup, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")


def test_people_give_and_revoke_delegations_on_their_page(cast: Cast) -> None:
    client = as_(cast.approver)
    assert "Nobody acts for anybody" in said(client, "/delegations/")
    end = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    bad = client.post("/delegations/new/", {"delegate": "nobody-here", "ends_at": end, "reason": "My holiday"})
    assert bad.status_code == 400
    assert "There is no active account of this name." in bad.content.decode()
    assert "My holiday" in bad.content.decode(), "what was written is kept"
    sent = {"delegate": "peer", "ends_at": end, "groups": ["cab"], "out_of_office": "on", "reason": "My holiday"}
    assert client.post("/delegations/new/", sent).status_code == 302
    row = Delegation.objects.get()
    assert (row.principal, row.delegate, row.groups, row.out_of_office) == (cast.approver, cast.peer, ["cab"], True)
    for person, sees in ((cast.peer, True), (cast.manager, True), (cast.auditor, True), (cast.author, False)):
        assert ("peer acts for approver, who is out of office" in said(as_(person), "/delegations/")) is sees
        assert (len(as_(person).get("/api/v1/delegations/").json()["results"]) == 1) is sees
    assert as_(cast.author).post(f"/delegations/{row.pk}/revoke/").status_code == 403
    assert as_(cast.author).get(f"/api/v1/delegations/{row.pk}/").status_code == 404
    assert as_(cast.manager).post(f"/delegations/{row.pk}/revoke/").status_code == 302
    assert not Delegation.objects.in_force().exists()
    assert said(client, "/delegations/?odd=1", 400)
    assert "Auditors only read." in said(as_(cast.auditor), "/delegations/")
