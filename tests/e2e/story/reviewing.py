"""Reading a plan and deciding on it."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, expect

from tests.e2e.browsing import Person
from tests.e2e.story.writing import Wish

PLANNED_MS: Final = 60_000
UNFOLDED: Final = 80
"""Lines that one click brings out of a fold."""


def is_in(person: Person, state: str) -> None:
    """The head of the change's page says that it is in this state."""
    expect(person.page.locator("#change-head .page-header__title .badge")).to_have_text(state)


def watches_the_plan(author: Person, wish: Wish) -> None:
    """The part that shows the progress is replaced by itself, until the plan stands."""
    page = author.page
    page.evaluate("window.stillHere = true")
    progress = page.locator("#plan-progress")
    expect(progress).to_contain_text(f"of {wish.devices} devices")
    expect(progress).to_have_count(0, timeout=PLANNED_MS)
    expect(page.locator("#main")).to_contain_text("it can be submitted")
    assert page.evaluate("window.stillHere") is True
    tabs = page.get_by_role("navigation", name="This change")
    expect(tabs.get_by_role("link", name="Plan")).to_contain_text(str(wish.devices))
    author.looks("change")


def reads_the_diffs(author: Person, change: str) -> None:
    """Unified and side by side, with what is folded away; every device is marked as viewed."""
    page = author.page
    author.clicks("link", "Plan")
    expect(page).to_have_url(f"{author.address}{change}plan/")
    first = page.locator("[data-device-diff]").first
    expect(first.locator("tr[data-kind=add]").filter(has_text="ntp server 10.0.0.124")).to_be_visible()
    author.looks("plan")
    _unfolds(author, first)
    author.clicks("link", "Side by side")
    expect(first.locator("table.diff--split")).to_be_visible()
    author.pictures("diff-review")
    marks_all_viewed(author)


def _unfolds(author: Person, device: Locator) -> None:
    """Unchanged lines come in place, next to what changed; what is left of the fold says how many are left."""
    folds, lines = device.locator(".diff__fold a"), device.locator("td.diff__code")
    hidden, before = int(folds.first.inner_text().split()[0]), lines.count()
    folds.first.click()
    left = hidden - UNFOLDED
    assert left > 0, "the first device's first fold is too short for this"
    expect(folds.first).to_have_text(f"{left} unchanged lines")
    expect(lines).to_have_count(before + UNFOLDED)
    author.checks()


def marks_all_viewed(reader: Person) -> None:
    """By the keyboard alone: j goes to the next device, v marks it."""
    page = reader.page
    count = page.locator("[data-device-diff]").count()
    for number in range(1, count + 1):
        page.keyboard.press("j")
        expect(page.locator("[data-device-diff][data-current]")).to_have_count(1)
        page.keyboard.press("v")
        expect(page.locator("[data-device-diff][data-viewed]")).to_have_count(number)
    expect(page.locator("#review-bar")).to_contain_text("8 of 8 viewed")
    reader.checks()


def submits(author: Person) -> None:
    author.clicks("button", "Submit for assessment")
    is_in(author, "Assessment")


def cannot_decide_on_her_own(author: Person, change: str) -> None:
    """The page says why and offers no way; the product refuses a request that was made without the page's help."""
    page = author.page
    author.goes(f"{change}plan/")
    decision = page.locator("#decision")
    for label in ("Approve as peer", "Request changes", "Reject"):
        expect(decision.get_by_role("button", name=label)).to_be_disabled()
    expect(decision).to_contain_text("You wrote this change, so you cannot approve it.")
    expect(decision).to_contain_text("GATE_SELF_APPROVAL")
    forged: dict[str, str | float | bool] = {
        "csrfmiddlewaretoken": decision.locator("input[name=csrfmiddlewaretoken]").input_value(),
        "plan_digest": decision.locator("input[name=plan_digest]").input_value(),
    }
    answer = author.context.request.post(f"{change}assess/", form=forged)
    assert answer.status == 403
    assert "GATE_SELF_APPROVAL" in answer.text()
    author.goes(change)
    is_in(author, "Assessment")


def assesses(peer: Person, change: str, wish: Wish) -> None:
    """From the inbox to the plan; the decision names the digest that the page shows, and is on record with it."""
    page = peer.page
    peer.clicks("link", wish.title)
    expect(page).to_have_url(f"{peer.address}{change}plan/")
    digest = page.locator("#decision input[name=plan_digest]").input_value()
    assert len(digest) == 64
    assert digest.startswith(page.locator("#decision .digest").inner_text().strip())
    page.locator("#decision [name=comment]").fill("The diffs are what was asked for.")
    peer.clicks("button", "Approve as peer")
    is_in(peer, "Authorization")
    peer.goes(f"{change}approvals/")
    signature = page.locator(".signature").filter(has_text=peer.name)
    expect(signature).to_contain_text(digest[:12])
    expect(signature).to_contain_text("The diffs are what was asked for.")


def approves(authority: Person, change: str) -> None:
    """By the keyboard to the decision."""
    page = authority.page
    authority.goes(f"{change}plan/")
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.name") == "comment"
    authority.clicks("button", "Approve", exact=True)
    is_in(authority, "Approved")
    authority.goes(f"{change}approvals/")
    expect(page.locator(".ladder")).to_contain_text("pete")
    expect(page.locator(".ladder")).to_contain_text(authority.name)
