"""Writing a change in a browser: with scripts, without, and by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from changes.models import ChangeRequest
from devices.models import Device
from tests.e2e.browsing import Person
from tests.e2e.pages.conftest import Comes
from tests.factories import Cast, draft

pytestmark = pytest.mark.e2e

SAVED = re.compile(r"/changes/\d+/$")
CONTENT = "{% for server in servers %}\nntp server {{ server }}\n{% endfor %}\n"


def fill(page: Page, *, title: str = "Set the NTP servers") -> None:
    page.get_by_label("Title").fill(title)
    page.get_by_label("Reason").fill("The old one is switched off.")
    page.locator("#id_content").fill(CONTENT)
    page.locator("#id_variables").fill("servers:\n  - 192.0.2.1\n  - 192.0.2.2\n")


def box(page: Page, facet: str, value: str) -> None:
    page.get_by_role("group", name=facet, exact=True).get_by_label(value, exact=True).check()


def test_devices_are_counted_while_they_are_chosen(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.author)
    page = person.page
    person.goes("/changes/new/")
    summary = page.locator("#targets-summary")
    expect(summary).to_have_text("No devices chosen yet")
    box(page, "Site", "FRA")
    expect(summary).to_have_text("10 devices, 1 left out")
    expect(page.locator("#savebar-summary")).to_have_text("10 devices, 1 left out")
    expect(page.get_by_text("fra-acc-11 is in maintenance.")).to_be_visible()
    page.get_by_label("Name", exact=True).first.press_sequentially("fra-acc-0*")
    expect(summary).to_have_text("9 devices")
    page.get_by_text("Show the devices").click()
    expect(page.get_by_role("link", name="fra-acc-03")).to_be_visible()
    expect(page.get_by_label("Preview for").locator("option")).to_have_count(9)
    person.checks()


def test_devices_are_picked_one_by_one(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.author)
    page = person.page
    person.goes("/changes/new/")
    page.get_by_label("Only devices that I pick").check()
    box(page, "Site", "MUC")
    found = page.get_by_role("group", name="Found by the filters")
    found.get_by_label("muc-dist-01").check()
    summary = page.locator("#targets-summary")
    expect(summary).to_have_text("1 device")
    page.get_by_role("group", name="Site", exact=True).get_by_label("MUC").uncheck()
    box(page, "Site", "FRA")
    others = page.get_by_role("group", name="Picked, but not found by the filters")
    expect(others.get_by_label("muc-dist-01")).to_be_checked()
    page.get_by_role("button", name="Pick all 11 listed").click()
    expect(summary).to_have_text("11 devices, 1 left out")
    found.get_by_label("fra-acc-11").uncheck()
    expect(summary).to_have_text("11 devices")
    fill(page)
    person.clicks("button", "Save draft")
    change = ChangeRequest.objects.get()
    assert sorted(change.targets["device_ids"]) == sorted(device.pk for device in devices if device.status == "active")


def test_a_late_answer_takes_no_pick_away(cast: Cast, devices: list[Device], comes: Comes) -> None:
    """The answer to an earlier choice comes after the next one was made: it must not put the old list over it."""
    person = comes(cast.author)
    page = person.page
    page.goto("/changes/new/")
    page.get_by_label("Only devices that I pick").check()
    muc = page.get_by_role("group", name="Found by the filters").get_by_label("muc-dist-01")
    expect(muc).to_be_visible()
    held: list[Route] = []
    # Playwright marks the handler, and a method of a list cannot be marked.
    page.route("**/changes/targets/", lambda route: held.append(route), times=1)  # noqa: PLW0108
    with page.expect_request("**/changes/targets/"):
        box(page, "Site", "MUC")
    muc.check()
    page.wait_for_timeout(100)
    assert len(held) == 1
    held[0].continue_()
    expect(page.locator("#targets-summary")).to_have_text("1 device")
    expect(muc).to_be_checked()
    person.checks()


def test_focus_stays_where_somebody_works(cast: Cast, devices: list[Device], comes: Comes) -> None:
    page = comes(cast.author).page
    page.goto("/changes/new/?by=devices&site=FRA")
    first = page.get_by_label("fra-acc-01")
    first.focus()
    page.keyboard.press("Space")
    expect(page.locator("#targets-summary")).to_have_text("1 device")
    expect(page.get_by_label("fra-acc-01")).to_be_focused()
    page.get_by_role("button", name="Add a post-check").click()
    expect(page.locator("#id_post-1-name")).to_be_focused()


def test_preview_then_plan(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.author)
    page = person.page
    person.goes("/changes/new/")
    fill(page)
    box(page, "Role", "access")
    page.get_by_label("Preview for").select_option(label="fra-acc-02")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview", exact=True)
    expect(preview).to_contain_text("fra-acc-02")
    expect(preview).to_contain_text("ntp server 192.0.2.1")
    assert page.get_by_label("Title").input_value() == "Set the NTP servers"
    person.clicks("button", "Save and build plan")
    change = ChangeRequest.objects.get()
    assert page.url.endswith(f"/changes/{change.pk}/")
    assert change.revision
    assert change.revision.device_count == 10


def test_first_problem_is_in_sight_and_its_link_leads_to_the_field(
    cast: Cast, devices: list[Device], comes: Comes
) -> None:
    person = comes(cast.author)
    page = person.page
    person.goes("/changes/new/")
    page.locator("#id_variables").fill("a: True")
    with person.expecting(422):
        person.clicks("button", "Save draft")
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#problems")).to_be_in_viewport()
    page.locator("#problems").get_by_role("link", name="Variables").click()
    expect(page.locator("#id_variables")).to_be_in_viewport()
    assert page.locator("#id_variables").input_value() == "a: True"


def test_lines_are_numbered_and_a_template_error_shows_its_line(
    cast: Cast, devices: list[Device], comes: Comes
) -> None:
    person = comes(cast.author)
    page = person.page
    person.goes("/changes/new/")
    fill(page)
    box(page, "Site", "FRA")
    page.locator("#id_content").fill("one\ntwo {{ nothing }}\nthree\n")
    expect(page.locator(".editor__numbers").first).to_have_text("1 2 3 4", use_inner_text=True)
    person.clicks("button", "Save and build plan")
    expect(page.locator(".excerpt__line[data-marked]")).to_have_text("2two {{ nothing }}")
    expect(page.locator("#id_content")).to_have_value("one\ntwo {{ nothing }}\nthree\n")
    person.checks()


def left_with_a_question(page: Page, path: str) -> bool:
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.goto(path)
    page.remove_listener("dialog", answer)
    return asked == ["beforeunload"]


def test_typed_text_is_not_lost_without_a_question(cast: Cast, devices: list[Device], comes: Comes) -> None:
    page = comes(cast.author).page
    page.goto("/changes/new/")
    assert not left_with_a_question(page, "/changes/")
    page.goto("/changes/new/")
    page.get_by_label("Title").press_sequentially("A")
    assert left_with_a_question(page, "/changes/")
    page.goto("/changes/new/")
    page.get_by_label("Title").press_sequentially("A")
    page.get_by_role("button", name="Save draft").last.click()
    page.locator("#problems").wait_for()
    page.get_by_label("Title").focus()
    assert left_with_a_question(page, "/changes/"), "what came back with problems is not saved either"


def test_saving_asks_nothing(cast: Cast, devices: list[Device], comes: Comes) -> None:
    person = comes(cast.author)
    asked: list[str] = []
    person.page.on("dialog", lambda dialog: asked.append(dialog.message))
    person.goes("/changes/new/")
    fill(person.page)
    box(person.page, "Site", "FRA")
    person.clicks("button", "Save draft")
    assert ChangeRequest.objects.count() == 1
    assert asked == []


def test_enter_in_a_field_saves_and_does_not_press_the_first_button(
    cast: Cast, devices: list[Device], comes: Comes
) -> None:
    person = comes(cast.author)
    person.goes("/changes/new/?site=FRA")
    fill(person.page)
    person.page.get_by_label("Title").press("Enter")
    person.page.wait_for_url(SAVED)
    assert ChangeRequest.objects.get().title == "Set the NTP servers"


def test_whole_form_works_without_scripts(cast: Cast, devices: list[Device], comes: Comes) -> None:
    page = comes(cast.author, scripts=False).page
    page.goto("/changes/new/")
    fill(page)
    box(page, "Site", "FRA")
    page.get_by_role("button", name="Show matching devices").click()
    expect(page.locator("#targets-summary")).to_have_text("10 devices, 1 left out")
    page.get_by_label("Preview for").select_option(label="fra-acc-03")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview", exact=True)).to_contain_text("ntp server 192.0.2.2")
    page.get_by_role("button", name="Add a pre-check").click()
    row = page.get_by_role("group", name="Pre-check 1")
    row.get_by_label("Name").fill("Clock")
    row.get_by_label("Show command").fill("reload")
    row.get_by_label("Value").fill("UTC")
    page.get_by_role("button", name="Save draft").last.click()
    expect(page.get_by_text("A check may only read").first).to_be_visible()
    row.get_by_label("Show command").fill("show clock")
    page.get_by_role("button", name="Save draft").last.click()
    change = ChangeRequest.objects.get()
    assert page.url.endswith(f"/changes/{change.pk}/")
    assert change.targets == {"filter": {"site": ["FRA"]}}
    assert [check["command"] for check in change.checks["pre"]] == ["show clock"]
    assert change.content == CONTENT


def test_form_by_keyboard_alone(cast: Cast, devices: list[Device], comes: Comes) -> None:
    page = comes(cast.author).page
    page.goto("/changes/new/")
    page.get_by_label("Title").focus()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    page.keyboard.type("Because.")
    for _stop in ("type", "emergency", "how to choose", "site"):
        page.keyboard.press("Tab")
    expect(page.get_by_role("group", name="Site", exact=True).get_by_label("FRA")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#targets-summary")).to_have_text("10 devices, 1 left out")
    page.locator("#id_content").focus()
    page.keyboard.type("ntp server 192.0.2.1")
    page.keyboard.press("Tab")
    expect(page.locator("#id_variables")).to_be_focused()
    page.get_by_role("button", name="Save draft").last.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(SAVED)
    assert ChangeRequest.objects.get().title == "By keyboard"


def test_hostile_text_does_nothing(cast: Cast, devices: list[Device], comes: Comes) -> None:
    evil = "</textarea><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    change = draft(cast.author, title=evil[:200], reason=evil, content=evil)
    Device.objects.filter(pk=devices[0].pk).update(name=evil[:200])
    person: Person = comes(cast.author)
    for path in ("/", "/changes/", f"/changes/{change.pk}/edit/", "/changes/new/?by=devices&site=FRA", "/devices/"):
        person.goes(path)
        assert person.page.title() != "owned"
    assert person.page.locator("img").count() == 0
