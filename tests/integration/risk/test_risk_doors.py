"""The risk through the API and on the pages: the same services, the same refusals."""

from __future__ import annotations

from typing import Any

from django.test import Client

from changes.models import DevicePlan, RiskOverride
from changes.services.risk import risk_assess
from devices.models import Device
from tests.factories import Cast, draft, ready_plan
from tests.integration.risk.conftest import As, Calls

ACL: dict[str, Any] = {
    "code": "MANAGEMENT_ACL",
    "severity": "critical",
    "line": "ntp server 192.0.2.123",
    "sentence": "The access list decides about our session.",
    "number": 1,
    "path": ["ntp server 192.0.2.123"],
}


def test_the_api_reads_answers_and_sets_the_level(cast: Cast, calls: Calls, devices: list[Device]) -> None:
    change = draft(cast.author)
    address = f"/api/v1/changes/{change.pk}/risk/"
    assert calls(cast.author).get(address).json()["code"] == "PLAN_MISSING"
    revision = ready_plan(change, devices, found={})
    risk_assess(change, revision)

    read = calls(cast.auditor).get(address).json()
    assert (read["level"], read["computed"], read["plan_digest"]) == ("medium", "medium", revision.digest)
    assert sum(part["points"] for part in read["components"]) == read["score"]
    [question] = read["questions"]
    assert (question["fact"], question["answer"]) == ("timing", "")

    body = {"fact": "timing", "answer": "maintenance_window", "plan_digest": revision.digest}
    answered = calls(cast.author).post(f"{address}answer/", body, format="json")
    assert answered.status_code == 200, answered.content
    assert answered.json()["score"] == read["score"] - 8
    assert answered.json()["questions"][0]["answered_by"] == "author"

    set_level = {"level": "high", "plan_digest": revision.digest}
    assert calls(cast.peer).post(f"{address}override/", set_level, format="json").status_code == 403
    assert calls(cast.author).post(f"{address}override/", {**set_level, "why": "x"}, format="json").status_code == 400
    assert calls(cast.author).post(f"{address}override/", set_level, format="json").json()["level"] == "high"
    listed = calls(cast.author).get("/api/v1/changes/?risk=high").json()["results"]
    assert [row["risk_level"] for row in listed] == ["high"]
    assert calls(cast.author).get("/api/v1/changes/?risk=huge").status_code == 400


def test_devices_of_a_plan_are_filtered_by_what_they_are_warned_of(
    cast: Cast, calls: Calls, as_: As, devices: list[Device]
) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices[:2], found={"kinds": ["acl"]})
    assert revision.facts is not None
    other = ready_plan(change, devices, found={"warnings": [ACL], "kinds": ["acl"]})
    assert DevicePlan.objects.filter(revision=other).count() == 3
    address = f"/api/v1/changes/{change.pk}/plan/"
    for value, count in (("MANAGEMENT_ACL", 3), ("critical", 3), ("major", 0)):
        assert len(calls(cast.author).get(f"{address}?warning={value}").json()["devices"]) == count
    assert calls(cast.author).get(f"{address}?warning=NO_SUCH").status_code == 400
    shown = calls(cast.author).get(address).json()["devices"][0]
    assert (shown["warnings"], shown["kinds"]) == ([ACL], ["acl"])


def test_the_page_answers_a_question_and_sets_a_level_without_javascript(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    change = draft(cast.author)
    revision = ready_plan(change, devices, found={})
    risk_assess(change, revision)
    browser = as_(cast.author)
    page = text(browser, f"/changes/{change.pk}/")
    assert "Medium risk" in page
    assert "When is the change carried out?" in page

    answer = {"fact": "timing", "answer": "out_of_hours", "plan_digest": revision.digest}
    kept = browser.post(f"/changes/{change.pk}/risk/answer/", answer)
    assert (kept.status_code, kept["Location"]) == (302, f"/changes/{change.pk}/#risk")
    assert "answered by author" in text(browser, f"/changes/{change.pk}/")

    override = f"/changes/{change.pk}/risk/override/"
    assert "Set another risk level?" in text(browser, override)
    lower = {"level": "low", "reason": "It is only an NTP server.", "plan_digest": revision.digest}
    refused = browser.post(override, lower)
    assert refused.status_code == 403
    assert "It is only an NTP server." in refused.content.decode(), "what was written stays in the form"
    assert not RiskOverride.objects.exists()
    assert browser.post(override, {**lower, "level": "high"}).status_code == 302
    assert "author set high risk in place of medium" in text(browser, f"/changes/{change.pk}/")
    assert "High risk" in text(browser, "/changes/?risk=high")


def test_who_has_no_part_in_the_change_reads_the_risk_and_has_no_form(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    change = draft(cast.author)
    risk_assess(change, ready_plan(change, devices, found={}))
    page = text(as_(cast.auditor), f"/changes/{change.pk}/")
    assert "When is the change carried out?" in page
    assert "risk/answer/" not in page
    assert "risk/override/" not in page


def text(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_a_warning_stands_below_its_very_line_and_in_the_list_by_severity(
    cast: Cast, as_: As, devices: list[Device]
) -> None:
    change = draft(cast.author)
    ready_plan(change, devices, found={"warnings": [ACL], "kinds": ["acl"]})
    page = text(as_(cast.peer), f"/changes/{change.pk}/plan/")
    line = page.index("ntp server 192.0.2.123</td>")
    below = page[line : page.index("</tr>", page.index("diff__warned", line))]
    assert "Critical: A list before our session." in below
    assert "The access list decides about our session." in below
    listed = page[page.index('id="warnings"') : page.index('id="diffs"')]
    assert "A list before our session" in listed
    assert "3 devices" in listed
    assert 'href="/changes/' in listed
    split = text(as_(cast.peer), f"/changes/{change.pk}/plan/?view=split")
    assert split.count("diff__warned") == 1


def test_the_plan_page_shows_the_devices_with_a_warning_alone(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = draft(cast.author)
    ready_plan(change, devices, found={"warnings": [ACL]})
    browser, plan = as_(cast.peer), f"/changes/{change.pk}/plan/"
    assert "Only devices with a critical warning are shown." in text(browser, f"{plan}?warning=critical")
    none = text(browser, f"{plan}?warning=WIDE_NO")
    assert "No device of this plan has the warning “One line takes many away”." in none
    assert "data-device-diff" not in none
    assert "data-device-diff" in text(browser, f"{plan}?warning=nonsense")
