"""Reading a plan and deciding on it, by mouse, by keyboard, and without scripts."""

import re

import pytest
from playwright.sync_api import Page, expect

from changes.models import Approval, ChangeRequest, DevicePlan, PlanRevision, ViewedMark
from devices.models import Device
from tests.e2e.change_pages.conftest import Open
from tests.factories import Cast, draft, submitted
from tests.integration.change_pages.conftest import diff_of, plan_with, reworked, sealed

pytestmark = pytest.mark.e2e


@pytest.fixture
def change(cast: Cast, devices: list[Device]) -> ChangeRequest:
    """In assessment; four devices, the last of which gets something of its own."""
    change = submitted(cast.author, devices)
    assert change.revision
    baseline = "".join(f"interface Gi1/0/{number}\n shutdown\n" for number in range(1, 60))
    plan = change.revision.device_plans.select_related("device").get(position=3)
    diff = diff_of("  shutdown", "+vlan 10", "+ name users", " interface Gi1/0/21", at=40)
    reworked(plan, baseline=baseline, expected_diff=diff, commands=("vlan 10", " name users"), backout=("no vlan 10",))
    sealed(change.revision)
    return change


def current(page: Page) -> str | None:
    return page.evaluate("document.querySelector('[data-device-diff][data-current]')?.id ?? null")  # type: ignore[no-any-return]


def test_reviewer_reads_by_keyboard_and_approves(cast: Cast, change: ChangeRequest, window: Open) -> None:
    opened = window(cast.peer)
    page = opened.page
    page.goto(f"/changes/{change.pk}/")
    page.get_by_role("link", name="Review and decide").first.click()
    expect(page).to_have_url(re.compile(rf"/changes/{change.pk}/plan/$"))
    page.wait_for_load_state()  # the keys have a meaning when the scripts have run
    page.evaluate("window.sameDocument = true")
    page.keyboard.press("j")
    assert current(page) == "d-0"
    page.keyboard.press("v")
    expect(page.locator("#review-bar")).to_contain_text("3 of 4 viewed")
    expect(page.locator("#t-0 [data-viewed]")).to_have_count(3)
    assert current(page) == "d-0", "a reviewer's place is kept"
    page.keyboard.press("j")
    assert current(page) == "d-3"
    page.keyboard.press("n")
    assert page.locator("#d-3 tr[data-hunk][data-current]").count() == 1
    page.keyboard.press("k")
    assert current(page) == "d-0"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("window.sameDocument") is True
    page.keyboard.press("a")
    page.keyboard.type("Read every line.")
    page.get_by_role("button", name="Approve as peer").click()
    expect(page.locator("#messages")).to_contain_text("You approved revision 1 as peer.")
    approval = Approval.objects.get()
    assert (approval.comment, approval.plan_digest) == ("Read every line.", change.revision and change.revision.digest)
    assert ViewedMark.objects.filter(person=cast.peer).count() == 3
    assert opened.complaints == []


def test_folded_lines_unfold_in_place(cast: Cast, change: ChangeRequest, window: Open) -> None:
    opened = window(cast.peer)
    page = opened.page
    page.goto(f"/changes/{change.pk}/plan/")
    fold = page.locator("#d-3 .diff__fold a").first
    expect(fold).to_contain_text("39 unchanged lines")
    fold.click()
    expect(page.locator("#d-3 .diff__fold a")).to_have_count(1)
    expect(page.locator("#d-3 tr", has_text="interface Gi1/0/1").first).to_be_visible()
    assert page.locator("#d-3 td.diff__num[data-n='39']").count() == 2
    assert opened.complaints == []


def test_viewed_diff_closes_and_can_be_looked_at_again(cast: Cast, change: ChangeRequest, window: Open) -> None:
    page = window(cast.peer).page
    page.goto(f"/changes/{change.pk}/plan/")
    page.get_by_role("button", name="Viewed fra-acc-01").click()
    expect(page.locator("#d-0 .diff-scroll")).to_be_hidden()
    page.locator("#d-0").get_by_role("button", name="Show").click()
    expect(page.locator("#d-0 .diff-scroll")).to_be_visible()
    page.reload()
    expect(page.locator("#d-0 .diff-scroll")).to_be_hidden()


def test_side_by_side_is_remembered(cast: Cast, change: ChangeRequest, window: Open) -> None:
    page = window(cast.peer).page
    page.goto(f"/changes/{change.pk}/plan/")
    page.keyboard.press("s")
    expect(page.locator("table.diff--split").first).to_be_visible()
    page.goto(f"/changes/{change.pk}/plan/")
    expect(page.locator("table.diff--split").first).to_be_visible()


def test_past_the_last_diff_of_a_part_comes_the_next_part(cast: Cast, devices: list[Device], window: Open) -> None:
    change = draft(cast.author)
    plan_with(
        change, devices, {n: {"commands": (f"vlan {n}",), "expected_diff": diff_of(f"+vlan {n}")} for n in range(4)}
    )
    for plan in DevicePlan.objects.all():
        DevicePlan.objects.filter(pk=plan.pk).update(lines_added=1_000, diff_group=f"{plan.position:x}" * 64)
    page = window(cast.author).page
    page.goto(f"/changes/{change.pk}/plan/")
    assert page.locator("[data-device-diff]").count() == 1
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#d-1")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("#d-0")).to_be_visible()


def test_refusal_is_read_out_and_the_comment_stays(cast: Cast, change: ChangeRequest, window: Open) -> None:
    opened = window(cast.peer)
    page = opened.page
    page.goto(f"/changes/{change.pk}/plan/")
    page.locator("#decision [name=comment]").fill("All four are fine.")
    plan = DevicePlan.objects.select_related("device").get(position=1)
    reworked(plan, commands=("ntp server 192.0.2.99",))
    PlanRevision.objects.get(pk=plan.revision_id)
    sealed(PlanRevision.objects.get(pk=plan.revision_id))
    page.get_by_role("button", name="Approve as peer").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("You read another plan than the one that stands now.")
    expect(page.locator("#decision [name=comment]")).to_have_value("All four are fine.")
    assert not Approval.objects.exists()
    assert all("409" in complaint for complaint in opened.complaints)


def test_whole_review_works_without_scripts(cast: Cast, change: ChangeRequest, window: Open) -> None:
    page = window(cast.peer, scripts=False).page
    page.goto(f"/changes/{change.pk}/plan/")
    page.get_by_role("button", name="Viewed fra-acc-01").click()
    expect(page.locator("#review-bar")).to_contain_text("3 of 4 viewed")
    page.locator("#d-3 .diff__fold a").first.click()
    expect(page.get_by_role("heading", name="Unchanged lines 1 to 39 of fra-acc-04")).to_be_visible()
    page.get_by_role("link", name="Back to the plan").click()
    page.get_by_role("link", name="Side by side").click()
    expect(page.locator("#d-3 table.diff--split")).to_be_visible()
    page.get_by_role("button", name="Viewed fra-acc-01").click()
    expect(page.locator("#review-bar")).to_contain_text("0 of 4 viewed")
    page.locator("summary", has_text="This and 2 identical").click()
    page.locator(".same-as__list").get_by_role("link", name="fra-acc-02").click()
    expect(page.get_by_text("Only this device is shown.")).to_be_visible()
    page.get_by_role("link", name="Show the whole plan").click()
    page.locator("#d-3 summary", has_text="Backout").click()
    expect(page.locator("#d-3").get_by_text("no vlan 10")).to_be_visible()
    page.locator("#decision [name=comment]").fill("Name the VLAN otherwise.")
    page.get_by_role("button", name="Request changes").click()
    expect(page.locator("#messages")).to_contain_text("You asked for changes.")
    change.refresh_from_db()
    assert change.state == "draft"
