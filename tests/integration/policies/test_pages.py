"""The pages about policies, and the API beside them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from changes.domain.approval_policy.reading import read_policy
from changes.domain.approval_policy.shipped_policies import BUILTIN_POLICY, shipped_policy
from changes.models import ApprovalPolicyVersion
from changes.services.requests import change_submit
from devices.models import Device
from tests.factories import Cast, actor, approved, draft, ready_plan, submitted
from tests.integration.policies.conftest import SECURITY_TOO, Board, strict

As = Callable[[User], Client]
Make = Callable[[str], ApprovalPolicyVersion]
HTTP_200, HTTP_201, HTTP_302 = 200, 201, 302


def active() -> ApprovalPolicyVersion:
    return ApprovalPolicyVersion.objects.active().get()


def test_the_list_and_a_version_say_what_a_policy_asks_in_sentences(cast: Cast, as_: As) -> None:
    page = as_(cast.outsider).get(reverse("policy-list")).content.decode()
    assert "builtin-2" in page
    assert "recommended-1" in page
    row = ApprovalPolicyVersion.objects.get(name="recommended")
    page = as_(cast.outsider).get(reverse("policy-detail", args=[row.pk])).content.decode()
    assert "2 approvals from members of ECAB." in page
    assert "Where the change is an emergency change, ECAB is asked" in page
    assert "Compared with builtin-2" in page
    assert "Propose</button>" not in page


def test_each_file_that_is_exported_reads_as_the_same_policy(cast: Cast, as_: As) -> None:
    row = ApprovalPolicyVersion.objects.get(name="recommended")
    for name in ("policy-yaml", "policy-json"):
        answer = as_(cast.outsider).get(reverse(name, args=[row.pk]))
        assert read_policy(answer.content.decode()).digest == row.digest
        assert row.label in answer["Content-Disposition"]


def test_a_version_goes_from_the_form_to_active_by_two_people(board: Board, as_: As) -> None:
    upload = SimpleUploadedFile("strict.yaml", strict().encode())
    sent = as_(board.writer).post(reverse("policy-new"), {"document": "", "file": upload}, follow=True)
    assert "strict-1 is kept as a draft" in sent.content.decode()
    row = ApprovalPolicyVersion.objects.get(name="strict")
    as_(board.writer).post(reverse("policy-propose", args=[row.pk]))
    own = as_(board.writer).post(reverse("policy-activate", args=[row.pk]), {"comment": "I may."})
    assert own.status_code == 403
    as_(board.manager).post(reverse("policy-activate", args=[row.pk]), {"comment": "Agreed."})
    assert active().label == "strict-1"


def test_a_file_that_is_wrong_names_line_and_place_and_loses_nothing(board: Board, as_: As) -> None:
    text = strict().replace("quorum: 2}]}", "quorum: many}]}")
    answer = as_(board.writer).post(reverse("policy-new"), {"document": text})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "rules[0].ask[1].quorum: Line 13" in page
    assert "quorum: many" in page


def test_the_form_begins_with_the_next_version_of_another_one(board: Board, as_: As) -> None:
    page = as_(board.writer).get(reverse("policy-new"), {"from": active().pk}).content.decode()
    assert "version: 3" in page
    assert as_(board.writer).get(reverse("policy-new"), {"from": "0"}).status_code == 404


def test_who_may_not_write_policies_is_told_and_gets_no_form(cast: Cast, as_: As) -> None:
    page = as_(cast.peer).get(reverse("policy-new")).content.decode()
    assert "Administrator or Change manager" in page
    assert "<textarea" not in page
    assert as_(cast.peer).post(reverse("policy-new"), {"document": strict()}).status_code == 403


def test_the_page_before_an_activation_names_the_changes_that_it_makes_stale(
    cast: Cast, devices: list[Device], board: Board, proposed: Make, as_: As
) -> None:
    waiting = [submitted(cast.author, devices), approved(cast, devices)]
    row = proposed(strict())
    page = as_(board.manager).get(reverse("policy-activate", args=[row.pk])).content.decode()
    assert "<strong>1</strong> approved or scheduled change would become stale" in page
    assert all(change.number in page for change in waiting)
    assert "The stage CAB asks for 2 approvals instead of 1." in page
    assert "The stage ECAB may ask for 2 of ECAB, which has no member." in page
    assert "The stage Security" not in page, "one member is enough"


def test_a_version_that_names_an_unknown_group_cannot_be_activated_on_the_page(
    board: Board, proposed: Make, as_: As
) -> None:
    row = proposed(strict().replace("groups: [security]", "groups: [secrity]"))
    client = as_(board.manager)
    page = client.get(reverse("policy-activate", args=[row.pk])).content.decode()
    assert "The stage Security asks “secrity”, and there is no such group." in page
    assert 'name="comment"' not in page
    assert client.post(reverse("policy-activate", args=[row.pk]), {"comment": "Agreed."}).status_code == 409
    assert api(client, f"{row.pk}/activate/", {"comment": "Agreed."})[1]["code"] == "policy_group_unknown"
    assert len(api(client, f"{row.pk}/forecast/")[1]["unknown_groups"]) == 1  # type: ignore[arg-type]


def test_what_would_it_ask_of_that_change(cast: Cast, devices: list[Device], as_: As) -> None:
    change = submitted(cast.author, devices)
    row = ApprovalPolicyVersion.objects.get(name="recommended")
    url = reverse("policy-ask", args=[row.pk])
    page = as_(cast.outsider).get(url, {"change": change.number}).content.decode()
    assert "Security is asked because" in page
    assert "The stage Security is new." in page
    assert as_(cast.outsider).get(url, {"change": "CHG-99999"}).status_code == 400


def test_what_would_it_ask_of_made_up_facts(cast: Cast, as_: As) -> None:
    row = ApprovalPolicyVersion.objects.get(name="recommended")
    url = reverse("policy-ask", args=[row.pk])
    facts = {
        "change_type": "normal", "risk": "low", "device_count": "3", "sites": "FRA=2, BER", "content": ["acl"],
        "warnings": "none", "window_start": "2026-11-21T22:00", "window_end": "2026-11-21T23:00",
    }  # fmt: skip
    page = as_(cast.outsider).get(url, facts).content.decode()
    assert "Security is asked because the change is a normal change, and an access list (ACL) is touched" in page
    assert "Service owner is asked" not in page
    wrong = as_(cast.outsider).get(url, facts | {"sites": "FRA=many", "window_end": "2026-11-20T23:00"})
    page = wrong.content.decode()
    assert wrong.status_code == 400
    assert "This must be a whole number" in page
    assert "The window must end after it starts." in page


def api(client: Client, path: str, body: object = None) -> tuple[int, dict[str, object]]:
    url = f"/api/v1/policies/{path}"
    answer = client.get(url) if body is None else client.post(url, json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def test_the_api_takes_a_version_all_the_way(cast: Cast, board: Board, as_: As) -> None:
    status, made = api(as_(board.administrator), "", {"document": json.dumps(read_policy(strict()).to_data())})
    assert (status, made["state"], made["author"]) == (HTTP_201, "draft", "admin1")
    pk = made["id"]
    assert api(as_(board.writer), f"{pk}/propose/", {})[1]["state"] == "proposed"
    assert api(as_(board.writer), f"{pk}/activate/", {"comment": "I may."})[0] == 403
    assert api(as_(board.manager), f"{pk}/activate/", {"comment": ""})[0] == 400
    assert api(as_(board.manager), f"{pk}/activate/", {"comment": "Agreed."})[1]["state"] == "active"
    assert api(as_(board.manager), f"{pk}/retire/", {"comment": "No."})[0] == 409
    listed = api(as_(cast.outsider), "?state=active")[1]["results"]
    assert [row["label"] for row in listed] == ["strict-1"]  # type: ignore[attr-defined]
    assert api(as_(cast.outsider), "?state=open")[0] == 400
    assert api(as_(cast.outsider), "999/")[0] == 404


def test_the_api_answers_what_a_policy_would_ask_and_do(
    cast: Cast, devices: list[Device], as_: As, proposed: Make
) -> None:
    change = approved(cast, devices)
    row = proposed(strict(rules=SECURITY_TOO))
    client = as_(cast.outsider)
    found = api(client, f"{row.pk}/ask/", {"facts": {"content": {"ntp": 1}}})[1]
    assert [stage["name"] for stage in found["demand"]["stages"]] == ["peer", "cab"]  # type: ignore[index]
    assert found["more_than_active"] == ["The stage CAB asks for 2 approvals instead of 1."]
    assert api(client, f"{row.pk}/ask/", {"change": change.pk})[0] == HTTP_200
    assert api(client, f"{row.pk}/ask/", {"facts": {"sites": ["FRA"]}})[1]["code"] == "invalid_input"
    assert api(client, f"{row.pk}/ask/", {"change": change.pk, "facts": {}})[0] == 400
    forecast = api(client, f"{row.pk}/forecast/")[1]
    assert (forecast["stale"], forecast["looked_at"]) == (1, 1)
    assert [sentence[:18] for sentence in forecast["short_of_people"]] == ["The stage ECAB may"]  # type: ignore[attr-defined]
    assert api(client, "schema/")[1]["title"] == "Countersign approval policy"


@pytest.mark.parametrize("name", ["policy-list", "policy-new"])
def test_who_is_not_signed_in_is_sent_to_the_sign_in_page(db: None, name: str) -> None:
    assert Client().get(reverse(name)).status_code == HTTP_302


def test_the_list_costs_the_same_however_long_it_is(
    cast: Cast, board: Board, as_: As, proposed: Make, django_assert_num_queries: Callable[..., object]
) -> None:
    client = as_(cast.outsider)
    client.get(reverse("policy-list"))

    def cost() -> int:
        with django_assert_num_queries(6) as seen:  # type: ignore[attr-defined]
            client.get(reverse("policy-list"))
        return len(seen.captured_queries)

    before = cost()
    for version in (1, 2, 3):
        proposed(strict(version=version))
    assert cost() == before
    assert BUILTIN_POLICY.digest != shipped_policy("recommended").digest


def test_a_draft_says_who_would_be_asked_and_a_submitted_change_who_is(
    cast: Cast, devices: list[Device], as_: As, recommended: ApprovalPolicyVersion
) -> None:
    change = draft(cast.author)
    ready_plan(change, devices)
    client = as_(cast.author)
    page = client.get(reverse("change-approvals", args=[change.pk])).content.decode()
    assert "Who will be asked" in page
    assert "Security is asked because" in page
    change_submit(change_id=change.pk, requester=actor(cast.author))
    page = client.get(reverse("change-approvals", args=[change.pk])).content.decode()
    assert f"Policy {recommended.label} asks this." in page
    assert "Post-implementation review: asked because" in page
    assert "Who is asked, and why" in client.get(reverse("change-plan", args=[change.pk])).content.decode()
