"""Templates as people meet them in a browser, without scripts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from changes.domain.templates.rubric import USUAL_QUESTIONS
from changes.models import ChangeRequest, Template, TemplateVersion
from changes.services import templates
from devices.models import Device
from tests.factories import Cast, actor
from tests.integration.pages.conftest import form_fields
from tests.integration.templates.conftest import NTP, SERVER, approved_template, planned, proposed

pytestmark = pytest.mark.django_db

As = Callable[[User], Client]


@pytest.fixture
def as_() -> As:
    def client(person: User) -> Client:
        signed_in = Client()
        signed_in.force_login(person)
        return signed_in

    return client


def text(client: Client, path: str, *, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content.decode()[:2_000]
    return answer.content.decode()


def sent(**fields: object) -> dict[str, object]:
    """The form of a version as a browser sends it."""
    rubric = {
        f"rubric-{at}-{name}": value
        for at, question in enumerate(USUAL_QUESTIONS)
        for name, value in (("question", question), ("answer", "Yes."), ("ready", "on"))
    }
    check = NTP["checks"]["post"][0]
    return {
        "name": "NTP servers",
        "purpose": NTP["purpose"],
        "trigger": NTP["trigger"],
        "variables": json.dumps(NTP["variables"]),
        "content-cisco_ios": "ntp server {{ server }}\r\n",
        "backout_notes": "None.",
        "max_parallel": "5",
        "pre-count": "0",
        "post-count": "1",
        **{f"post-0-{name}": value for name, value in check.items()},
        "rubric-count": str(len(USUAL_QUESTIONS)),
        **rubric,
        "pre_approves": "on",
        "sites": "FRA, MUC",
        "max_devices": "3",
        "bound-max_parallel-max": "5",
        "action": "propose",
        **fields,
    }


def test_a_template_is_written_proposed_reviewed_and_listed(cast: Cast, as_: As) -> None:
    author = as_(cast.author)
    answer = author.post("/templates/new/", sent())
    version = TemplateVersion.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/templates/{version.template_id}/versions/1/")
    assert version.state == "proposed"
    said = version.said["envelope"]
    assert (said["scope"]["sites"], said["scope"]["max_devices"]) == (["FRA", "MUC"], 3)
    page = f"/templates/{version.template_id}/versions/1/"
    assert "Approve this version" not in text(author, page)
    for reviewer in (cast.peer, cast.approver):
        assert "Approve this version" in text(as_(reviewer), page)
        decided = as_(reviewer).post(f"{page}review/", {"digest": version.digest, "decision": "approve"})
        assert decided.status_code == 302
    listed = text(author, "/templates/?state=approved&pre_approved=yes&platform=cisco_ios&q=ntp")
    assert "NTP servers" in listed
    assert "pre-approved" in listed
    assert "No template matches" in text(author, "/templates/?state=deprecated")


def test_what_is_wrong_is_said_beside_its_control_and_nothing_typed_is_lost(cast: Cast, as_: As) -> None:
    wrong = sent(variables="{")
    page = as_(cast.author).post("/templates/new/", wrong)
    assert page.status_code == 422
    assert "Line 1, character 2: this is not JSON" in page.content.decode()
    wrong |= {"variables": '{"properties": {"a": {"type": "text"}}}', "content-cisco_ios": "enable secret 0 letmein\n"}
    page = as_(cast.author).post("/templates/new/", wrong)
    body = page.content.decode()
    assert "This is not JSON Schema 2020-12" in body
    assert "Line 1 holds a secret" in body
    assert "enable secret 0 letmein" in body
    assert not Template.objects.exists()


def test_steps_ranges_and_bounds_are_typed_in_rows_without_scripts(cast: Cast, as_: As) -> None:
    author = as_(cast.author)
    blank = {**sent(action="add-step"), "steps-count": "0"}
    one_row = form_fields(author.post("/templates/new/", blank).content.decode(), 'class="change-form"')
    assert (one_row["steps-count"], one_row["step-0-timeout_s"], one_row["range-key-maximum"]) == (
        ["1"],
        ["3600"],
        [""],
    )
    typed = {
        **sent(),
        "steps-count": "2",
        "step-0-title": "Move the cable",
        "step-0-instruction": "From port 1 to port 2.",
        "step-0-place": "after_wave",
        "step-0-wave": "x",
        "step-0-role": "implementer",
        "step-0-timeout_s": "600",
        "step-0-otherwise": "roll_back",
        "step-1-timeout_s": "3600",
        "range-server-pattern": "^192",
        "range-key-minimum": "ten",
        "range-key-maximum": "20",
        "bound-max_parallel-max": "500",
        "bound-gate-allowed": ["none", "after_canary"],
    }
    page = author.post("/templates/new/", typed)
    body = page.content.decode()
    assert page.status_code == 422
    for problem in ("Decision step 1, number of the wave", "Range of key", "Bounds: Devices at the same time"):
        assert problem in body
    assert 'value="ten"' in body
    right = {"step-0-wave": "1", "range-key-minimum": "10", "bound-max_parallel-max": "5"}
    assert author.post("/templates/new/", typed | right).status_code == 302
    version = TemplateVersion.objects.get()
    said = version.said
    assert [(step["title"], step["wave"], step["timeout_s"]) for step in said["steps"]] == [("Move the cable", 1, 600)]
    ranges = said["envelope"]["variables"]["properties"]
    assert (ranges["key"]["minimum"], ranges["key"]["maximum"], ranges["server"]["pattern"]) == (10, 20, "^192")
    assert said["envelope"]["strategy"] == {"max_parallel": {"max": 5}, "gate": {"allowed": ["none", "after_canary"]}}


def test_an_incomplete_draft_is_kept_and_says_what_it_lacks(cast: Cast, as_: As) -> None:
    version = templates.template_create(data={"name": "Half"}, author=actor(cast.author))
    page = f"/templates/{version.template_id}/versions/1/"
    answer = as_(cast.author).post(f"{page}propose/")
    assert answer.status_code == 400
    assert "Say what a change made from this template achieves." in answer.content.decode()
    form = form_fields(text(as_(cast.author), f"{page}edit/"), 'class="change-form"')
    saved = as_(cast.author).post(f"{page}edit/", {**form, "purpose": "Something.", "action": "save"})
    assert saved.status_code == 302
    version.refresh_from_db()
    assert version.purpose == "Something."
    stale = as_(cast.colleague).post(f"{page}edit/", {**form, "purpose": "Other.", "action": "save"})
    assert stale.status_code == 409
    assert "Other." in stale.content.decode()


def test_a_change_is_made_from_it_with_a_form_of_its_variables(cast: Cast, as_: As, devices: list[Device]) -> None:
    version = approved_template(cast)
    author = as_(cast.author)
    form = text(author, f"/changes/new/?template={version.template_id}")
    assert "Give an IPv4 address" not in form
    assert "An IPv4 address, such as 192.0.2.10." in form
    assert 'name="variable-key"' in form
    data = {
        **form_fields(form, 'class="change-form"'),
        "title": "New server",
        "reason": "The old one is gone.",
        "variable-server": "no address",
        "by": "filter",
        "site": ["FRA"],
        "action": "save",
    }
    refused = author.post("/changes/new/", data)
    assert refused.status_code == 422
    assert "Give an IPv4 address, such as 192.0.2.10." in refused.content.decode()
    assert author.post("/changes/new/", {**data, "variable-server": SERVER}).status_code == 302
    change = ChangeRequest.objects.get()
    assert (change.type, change.variables) == ("standard", {"server": SERVER, "key": 7})
    page = text(author, f"/changes/{change.pk}/")
    assert version.label in page
    assert 'name="variable-server"' in text(author, f"/changes/{change.pk}/edit/")


def test_giving_the_template_up_keeps_the_content_to_be_edited(cast: Cast, as_: As, devices: list[Device]) -> None:
    author = as_(cast.author)
    version = approved_template(cast)
    change = planned(version, cast.author, devices)
    form = form_fields(text(author, f"/changes/{change.pk}/edit/"), 'class="change-form"')
    assert author.post(f"/changes/{change.pk}/edit/", {**form, "site": "FRA", "action": "detach"}).status_code == 302
    change.refresh_from_db()
    assert (change.template_version_id, change.type, change.content) == (None, "normal", "ntp server {{ server }}\n")


def test_the_page_of_a_change_says_why_it_is_not_pre_approved(cast: Cast, as_: As, devices: list[Device]) -> None:
    change = planned(approved_template(cast), cast.author, devices, variables={"server": "198.51.100.9"})
    page = text(as_(cast.author), f"/changes/{change.pk}/")
    assert "outside the approved range" in page
    assert "reviewed like a normal change" in page


def test_emergencies_are_marked_wherever_they_are_shown(cast: Cast, as_: As, devices: list[Device]) -> None:
    form = {
        "title": "Restore FRA",
        "reason": "Users cannot work.",
        "type": "emergency",
        "content": "ntp server 192.0.2.1\n",
        "by": "filter",
        "site": ["FRA"],
        "post-count": "0",
        "pre-count": "0",
        "action": "save",
    }
    author = as_(cast.author)
    refused = author.post("/changes/new/", form)
    assert refused.status_code == 422
    assert "Say who called the emergency" in refused.content.decode()
    author.post("/changes/new/", {**form, "called_by": "NOC, night shift", "emergency_reason": "FRA is cut off."})
    change = ChangeRequest.objects.get()
    for path in (f"/changes/{change.pk}/", f"/changes/{change.pk}/plan/", "/changes/", "/"):
        assert 'class="emergency' in text(author, path), path
    assert "NOC, night shift" in text(author, f"/changes/{change.pk}/")


def test_deprecation_and_comparison_have_pages(cast: Cast, as_: As) -> None:
    old, new = approved_template(cast), approved_template(cast, name="NTP with keys")
    templates.version_create(template_id=new.template_id, author=actor(cast.author))
    templates.version_edit(
        template_id=new.template_id, number=2, data={"trigger": "Always."}, editor=actor(cast.author)
    )
    compared = text(as_(cast.peer), f"/templates/{new.template_id}/versions/2/compare/?against=1")
    assert "Always." in compared
    manager = as_(cast.manager)
    assert new.template.number in text(manager, f"/templates/{old.template_id}/deprecate/")
    answer = manager.post(
        f"/templates/{old.template_id}/deprecate/", {"comment": "Keys.", "successor": str(new.template_id)}
    )
    assert answer.status_code == 302
    assert "NTP with keys" in text(manager, f"/templates/{old.template_id}/")
    refused = text(as_(cast.author), f"/changes/new/?template={old.template_id}", status=400)
    assert "NTP with keys instead" in refused


def test_the_library_asks_the_same_number_of_queries_for_any_number_of_rows(
    cast: Cast, as_: As, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = as_(cast.author)
    for name in ("One", "Two"):
        templates.template_create(data={"name": name}, author=actor(cast.author))
    client.get("/templates/")
    with django_assert_num_queries(COUNT):
        client.get("/templates/")
    for name in ("Three", "Four", "Five"):
        templates.template_create(data={"name": name}, author=actor(cast.author))
    with django_assert_num_queries(COUNT):
        client.get("/templates/")


COUNT = 9


def test_people_who_only_read_are_offered_nothing(cast: Cast, as_: As) -> None:
    version = proposed(cast.author)
    page = text(as_(cast.auditor), f"/templates/{version.template_id}/versions/1/")
    assert "Approve this version" not in page
    assert text(as_(cast.auditor), "/templates/new/", status=403)
    assert as_(cast.auditor).get("/templates/?colour=red").status_code == 400
    assert as_(cast.auditor).get("/templates/99999/").status_code == 404
