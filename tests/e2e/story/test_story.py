"""The product's whole story in a real browser, on the product as its users start it.

With ``COUNTERSIGN_SCREENSHOTS=folder`` what the people look at is kept there; docs/images come from that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Person
from tests.e2e.story import auditing, emergency_changes, mistakes, reviewing, running, standard_changes, verifying
from tests.e2e.story.product import Product
from tests.e2e.story.writing import FRANKFURT, MUNICH, Wish, choose_targets, fill_check, fill_texts, previews

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.workers, pytest.mark.timeout(400)]

Comes = Callable[..., Person]


def test_a_change_from_request_to_closed(comes: Comes, product: Product, tmp_path: Path) -> None:
    olivia = comes("olivia")
    olivia.poses("inbox")
    change = _olivia_writes(olivia, FRANKFURT)
    number = olivia.page.locator(".page-header__ref").inner_text()
    reviewing.watches_the_plan(olivia, FRANKFURT)
    reviewing.reads_the_diffs(olivia, change)
    reviewing.submits(olivia)
    reviewing.cannot_decide_on_her_own(olivia, change)
    reviewing.assesses(comes("pete"), change, FRANKFURT)
    reviewing.approves(comes("ana"), change)
    running.starts(olivia, change, FRANKFURT.devices)
    running.watches_the_run(olivia, FRANKFURT.devices)
    running.reads_why(olivia)
    running.closes(comes("maria"), change)
    audrey = comes("audrey")
    auditing.finds_every_step(audrey, number)
    auditing.takes_every_step_away(audrey, number, tmp_path)
    for _seen in verifying.walks_through(audrey, product, number, tmp_path):
        audrey.fits()
    _olivia_looks_around(olivia)


def _olivia_writes(olivia: Person, wish: Wish) -> str:
    """Write the change and have its plan built; its page's path."""
    page = olivia.page
    olivia.clicks("link", "New change")
    fill_texts(olivia, wish)
    expect(page.locator("#targets-summary")).to_have_text("No devices chosen yet")
    choose_targets(olivia, wish)
    expect(page.locator("#targets-summary")).to_have_text(f"{wish.devices} devices")
    expect(page.locator("#savebar-summary")).to_have_text(f"{wish.devices} devices")
    previews(olivia, wish)
    fill_check(olivia, 1)
    page.get_by_role("button", name="Add a post-check").click()
    second = page.get_by_role("group", name="Post-check 2")
    fill_check(olivia, 2)
    second.get_by_role("button", name="Remove this check").click()
    expect(second).to_have_count(0)
    expect(page.get_by_role("group", name="Post-check 1").get_by_label("Value")).to_have_value("ntp server 10.0.0.124")
    page.get_by_label("Failed devices that are borne").fill("1")
    olivia.looks("form", typed=True)
    olivia.clicks("button", "Save and build plan")
    return page.url.removeprefix(olivia.address)


def _olivia_looks_around(olivia: Person) -> None:
    """The pages that the story passes by, and out."""
    page = olivia.page
    olivia.goes("/changes/")
    olivia.poses("list")
    olivia.goes("/devices/")
    olivia.clicks("link", running.TROUBLED)
    olivia.poses("device")
    olivia.goes("/account/")
    olivia.poses("account")
    page.locator("summary").filter(has_text="Your menu").click()
    olivia.clicks("button", "Sign out")
    olivia.poses("sign-in")


def test_a_standard_change_from_its_template_to_its_run(comes: Comes) -> None:
    olivia = comes("olivia")
    template = standard_changes.writes_a_template(olivia)
    standard_changes.reviews(comes("pete"), template, last=False)
    standard_changes.reviews(comes("ana"), template, last=True)
    change = standard_changes.makes_a_change(olivia, template)
    standard_changes.is_pre_approved(olivia, change)
    standard_changes.runs_it(olivia, change)


def test_an_emergency_from_the_call_to_its_review(comes: Comes) -> None:
    olivia, maria = comes("olivia"), comes("maria")
    change = emergency_changes.writes_it(olivia)
    emergency_changes.submits_it(olivia)
    emergency_changes.cannot_sign(comes("pete"), change)
    emergency_changes.signs(comes("ana"), change, last=False)
    emergency_changes.signs(comes("amir"), change, last=True)
    emergency_changes.is_frozen(maria)
    emergency_changes.runs_it(olivia, change)
    emergency_changes.is_free_again(maria)
    emergency_changes.cannot_be_closed_yet(maria, change)
    emergency_changes.is_reviewed(olivia, change)
    emergency_changes.is_closed(maria, change)


def test_the_same_without_scripts(comes: Comes) -> None:
    olivia = comes("olivia", scripts=False)
    page = olivia.page
    olivia.clicks("link", "New change")
    fill_texts(olivia, MUNICH)
    choose_targets(olivia, MUNICH)
    olivia.clicks("button", "Show matching devices")
    expect(page.locator("#targets-summary")).to_have_text(f"{MUNICH.devices} devices")
    previews(olivia, MUNICH)
    fill_check(olivia, 1)
    olivia.clicks("button", "Add a post-check")
    with page.expect_navigation():
        page.get_by_role("group", name="Post-check 2").get_by_role("button", name="Remove this check").click()
    olivia.clicks("button", "Save and build plan")
    change = page.url.removeprefix(olivia.address)
    _refreshes_until_gone(olivia, "#plan-progress")
    olivia.clicks("link", "Plan")
    olivia.clicks("link", "Side by side")
    expect(page.locator("table.diff--split").first).to_be_visible()
    with page.expect_navigation():
        page.locator("[data-device-diff]").first.get_by_role("button", name="Viewed").click()
    expect(page.locator("[data-device-diff]").first).to_have_attribute("data-viewed", "")
    reviewing.submits(olivia)
    reviewing.assesses(comes("pete", scripts=False), change, MUNICH)
    ana = comes("ana", scripts=False)
    ana.goes(f"{change}plan/")
    ana.clicks("button", "Approve", exact=True)
    reviewing.is_in(ana, "Approved")
    running.starts(olivia, change, MUNICH.devices)
    _refreshes_until_gone(olivia, "#run-figures .live-dot")
    reviewing.is_in(olivia, "Review")
    expect(page.locator("#run-figures h2")).to_have_text("All 2 devices hold the change")


def _refreshes_until_gone(person: Person, selector: str) -> None:
    """Press Refresh, which is there without scripts, until what is live has ended."""
    page = person.page
    person.checks()
    for _ in range(60):
        if not page.locator(selector).count():
            return
        page.wait_for_timeout(1000)
        with page.expect_navigation():
            page.get_by_role("link", name="Refresh").first.click()
    pytest.fail(f"{selector} is still there after a minute: {page.locator('#main').inner_text()}")


# ---- what is wrong is said, and changes nothing


@pytest.fixture
def log(comes: Comes) -> Callable[[], object]:
    """What there is by now: the newest event of the audit log, and the newest change."""
    audrey = comes("audrey")

    def newest() -> object:
        events = audrey.context.request.get("/api/v1/audit/events/").json()["results"]
        changes = audrey.context.request.get("/api/v1/changes/").json()["results"]
        return events[0]["id"], changes

    return newest


def test_mistakes_are_named_before_anything_is_saved(comes: Comes, log: Callable[[], object]) -> None:
    olivia = comes("olivia")
    before = log()
    for mistake in mistakes.UNSAVED.values():
        mistakes.makes(olivia, mistake)
        with olivia.expecting(422):
            olivia.clicks("button", "Save draft")
        expect(olivia.page.locator("#problems")).to_contain_text(mistake.told)
        expect(olivia.page.locator("#problems")).to_be_focused()
        mistakes.still_stands(olivia, mistake)
    olivia.pictures("mistake", whole=True)
    for mistake in mistakes.UNPREVIEWED.values():
        mistakes.makes(olivia, mistake)
        olivia.page.get_by_role("button", name="Preview").click()
        expect(olivia.page.get_by_role("region", name="Preview")).to_contain_text(mistake.told)
        mistakes.still_stands(olivia, mistake)
        olivia.checks()
    olivia.pictures("mistake-preview", whole=True)
    assert log() == before


def test_unknown_filters_are_named(comes: Comes, log: Callable[[], object]) -> None:
    maria = comes("maria")
    before = log()
    for path, known in (("/changes/", "author"), ("/devices/", "platform"), ("/audit/", "request_id")):
        with maria.expecting(400):
            maria.goes(f"{path}?colour=red")
        told = maria.page.get_by_role("alert")
        expect(told).to_contain_text("colour")
        expect(told).to_contain_text(known)
        expect(maria.page.locator("tbody tr")).to_have_count(0)
    with maria.expecting(400):
        maria.goes("/changes/?state=purple")
    expect(maria.page.get_by_role("alert")).to_contain_text("purple")
    assert log() == before


def test_request_that_is_too_large_is_refused_with_a_page(comes: Comes, log: Callable[[], object]) -> None:
    olivia = comes("olivia")
    before = log()
    mistakes.makes(olivia, mistakes.Mistake("", content="!" * 2_200_000))
    with olivia.expecting(413):
        olivia.clicks("button", "Save draft")
    expect(olivia.page.locator("#main")).to_contain_text("at most 2 MiB are accepted. Split the change")
    assert log() == before
