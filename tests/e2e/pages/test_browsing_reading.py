"""Finding one's way: inbox, lists, devices, the audit log and its exports, the account."""

from __future__ import annotations

import csv
import json

import pytest
from playwright.sync_api import expect

from audit.models import Event
from devices.models import Device, SnapshotPurpose
from devices.services.snapshots import snapshot_store
from tests.e2e.pages.conftest import Comes
from tests.factories import PASSWORD, Cast, carried_out, draft, started, submitted

pytestmark = pytest.mark.e2e


def test_from_the_inbox_to_what_waits(cast: Cast, devices: list[Device], comes: Comes) -> None:
    change = submitted(cast.author, devices[:3], title="Please assess me")
    person = comes(cast.peer)
    expect(person.page.get_by_role("heading", name="To assess")).to_be_visible()
    expect(person.page.get_by_role("link", name="Inbox 1 waiting for you")).to_be_visible()
    person.clicks("link", "Please assess me")
    assert f"/changes/{change.pk}/plan/" in person.page.url


def test_keys_lead_everywhere(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.auditor)
    page = person.page
    for key, path in (("c", "/changes/"), ("d", "/devices/"), ("a", "/audit/"), ("i", "/")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"{person.address}{path}")
    page.goto("/changes/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False])
def test_filters_are_set_and_reset(cast: Cast, devices: list[Device], comes: Comes, scripts: bool) -> None:
    draft(cast.author, title="A draft")
    submitted(cast.author, devices[:1], title="Handed in")
    page = comes(cast.peer, scripts=scripts).page
    page.goto("/changes/")
    page.get_by_label("State").select_option("assessment")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="Handed in")).to_be_visible()
    expect(page.get_by_role("link", name="A draft")).to_have_count(0)
    expect(page.get_by_label("State")).to_have_value("assessment")
    page.get_by_role("link", name="Reset").click()
    expect(page.get_by_role("link", name="A draft")).to_be_visible()


def test_search_of_the_top_bar_finds_a_change_by_its_number(cast: Cast, devices: list[Device], comes: Comes) -> None:
    change = draft(cast.author, title="Wanted")
    draft(cast.author, title="Other")
    page = comes(cast.peer).page
    page.keyboard.press("/")
    page.keyboard.type(change.number)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Wanted")).to_be_visible()
    expect(page.get_by_role("link", name="Other")).to_have_count(0)


def test_two_configurations_are_compared(cast: Cast, devices: list[Device], comes: Comes) -> None:
    for number in range(3):
        text = f"hostname a\nntp server 192.0.2.{number}\n"
        snapshot_store(device=devices[0], text=text, purpose=SnapshotPurpose.PLAN)
    person = comes(cast.peer)
    page = person.page
    person.goes(f"/devices/{devices[0].pk}/")
    page.get_by_role("region", name="Configurations").get_by_role("link").first.click()
    page.get_by_label("Compared with").select_option(index=1)
    person.clicks("button", "Compare")
    table = page.get_by_role("region", name="differences between two configurations")
    expect(table.locator("tr[data-kind=del]")).to_contain_text("192.0.2.0")
    expect(table.locator("tr[data-kind=add]")).to_contain_text("192.0.2.2")
    person.clicks("link", "Split")
    expect(page.locator(".diff--split")).to_be_visible()


def test_events_are_filtered_read_and_taken_away(cast: Cast, devices: list[Device], comes: Comes) -> None:
    run = carried_out(started(cast, devices[:2], title="Wanted"), rejected=[devices[0]])
    number = run.change.number
    exports = Event.objects.filter(action="audit.exported", pk__gt=Event.objects.latest("pk").pk)
    person = comes(cast.auditor)
    page = person.page
    person.goes("/audit/")
    page.get_by_role("textbox", name="Change", exact=True).fill(number)
    page.get_by_label("What", exact=True).fill("change.finished")
    person.clicks("button", "Filter")
    page.get_by_role("region", name="Audit events").get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="change.finished")).to_be_visible()
    person.checks()
    person.clicks("link", "Everything about this change")
    for label in ("CSV", "JSON Lines"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"Export {label}").click()
        path = download.value.path()
        if label == "CSV":
            rows = list(csv.DictReader(path.read_text().splitlines()))
            ids = [int(row["id"]) for row in rows]
        else:
            ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
        wanted = Event.objects.filter(object_type="change", object_id=str(run.change_id)).order_by("pk")
        assert ids == list(wanted.values_list("pk", flat=True))
    assert [event.actor_name for event in exports] == ["auditor", "auditor"]
    assert person.complaints == []


@pytest.mark.parametrize("scripts", [True, False])
def test_token_is_made_shown_once_and_revoked(cast: Cast, comes: Comes, scripts: bool) -> None:
    page = comes(cast.author, scripts=scripts).page
    page.locator("summary.menu__button").click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_label("What will use it").fill("a script")
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("#new-token").inner_text()
    assert token.startswith("cs_")
    page.goto("/account/")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke the token “a script”").click()
    expect(page.get_by_text("The token is revoked.")).to_be_visible()
    expect(page.get_by_text("You have no token.")).to_be_visible()


def test_new_token_is_copied_by_its_button(cast: Cast, comes: Comes) -> None:
    person = comes(cast.author)
    person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.goes("/account/")
    person.page.get_by_label("What will use it").fill("a script")
    person.clicks("button", "Make the token")
    person.page.get_by_role("button", name="Copy", exact=True).click()
    expect(person.page.locator(".toast")).to_have_text("Copied.")
    assert person.page.evaluate("navigator.clipboard.readText()") == person.page.locator("#new-token").inner_text()


def test_who_signs_out_sees_nothing_any_more(cast: Cast, comes: Comes) -> None:
    person = comes(cast.author)
    page = person.page
    page.locator("summary.menu__button").click()
    person.clicks("button", "Sign out")
    assert page.url == f"{person.address}/sign-in/"
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/devices/?site=FRA")
    page.get_by_label("Username").fill("author")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert page.url == f"{person.address}/devices/?site=FRA"
