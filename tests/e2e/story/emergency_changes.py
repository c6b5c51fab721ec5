"""An emergency: called, signed by two of the ECAB, started at once in a freeze, reviewed before it is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from playwright.sync_api import expect

from tests.e2e.browsing import Person
from tests.e2e.story.reviewing import PLANNED_MS, is_in
from tests.e2e.story.running import starts

TITLE: Final = "Shut out the flooding host"
CALLER: Final = "The duty officer, by telephone"
DEVICES: Final = 2
ENDED_MS: Final = 90_000
REVIEW: Final = {
    "what_happened": "A host flooded the access switches; its traffic is logged and dropped now.",
    "impact": "Slow desks in Munich for a quarter of an hour.",
    "cause": "A loop on a patch panel.",
    "went_well": "Two members of the ECAB answered within minutes.",
    "lessons": "Storm control belongs on every access port.",
}


def writes_it(author: Person) -> str:
    """Who called it and why it cannot wait have to be said; the path of the change."""
    page = author.page
    author.goes("/changes/new/")
    page.get_by_label("Title").fill(TITLE)
    page.locator("#id_reason").fill("Munich cannot work.")
    page.locator("#id_content").fill("logging host 10.20.0.99\n")
    page.get_by_role("group", name="Site").get_by_label("MUC", exact=True).check()
    page.get_by_role("group", name="Role").get_by_label("access", exact=True).check()
    page.locator("#id_type").select_option("emergency")
    with author.expecting(422):
        author.clicks("button", "Save and build plan")
    expect(page.locator("#problems")).to_contain_text("who called the emergency")
    page.get_by_label("Who called the emergency").fill(CALLER)
    page.locator("#id_emergency_reason").fill("Every minute costs the whole site its network.")
    author.clicks("button", "Save and build plan")
    return page.url.removeprefix(author.address)


def submits_it(author: Person) -> None:
    """No peer is asked: it goes straight to the ECAB, and says on each page what it is."""
    page = author.page
    expect(page.locator("#plan-progress")).to_have_count(0, timeout=PLANNED_MS)
    expect(page.get_by_role("note").filter(has_text=CALLER)).to_be_visible()
    author.clicks("button", "Submit to the ECAB")
    is_in(author, "Authorization")
    author.pictures("emergency-change", whole=True)


def signs(member: Person, change: str, *, last: bool) -> None:
    """One member of the ECAB of the two that are asked."""
    member.goes("/")
    expect(member.page.locator("#main")).to_contain_text(TITLE)
    member.goes(f"{change}plan/")
    member.clicks("button", "Approve as ECAB", exact=True)
    is_in(member, "Approved" if last else "Authorization")


def cannot_sign(person: Person, change: str) -> None:
    """Somebody who approves normal changes has no say here."""
    person.goes(f"{change}plan/")
    decision = person.page.locator("#decision")
    expect(decision.get_by_role("button", name="Approve as ECAB", exact=True)).to_be_disabled()
    expect(decision).to_contain_text("GATE_ROLE_DENIED")


def is_frozen(manager: Person) -> None:
    """Nothing but emergencies may run from now on."""
    page = manager.page
    manager.goes("/freezes/")
    page.get_by_label("Name").fill("Year-end freeze")
    now = datetime.now(UTC)
    page.locator("[name=starts_at]").fill(f"{now - timedelta(minutes=2):%Y-%m-%dT%H:%M}")
    page.locator("[name=ends_at]").fill(f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    page.get_by_role("group", name="Changes that it lets through").get_by_label("Emergency").check()
    page.locator("[name=comment]").fill("The books are closed.")
    manager.clicks("button", "Declare the freeze")


def is_free_again(manager: Person) -> None:
    """The freeze is lifted, with a reason."""
    manager.goes("/freezes/")
    manager.clicks("link", "Year-end freeze")
    manager.page.locator("[name=comment]").fill("The books are done.")
    manager.clicks("button", "Lift the freeze")


def runs_it(implementer: Person, change: str) -> None:
    """At once, without a window; then it waits for its review."""
    starts(implementer, change, DEVICES)
    badge = implementer.page.locator("#change-head .page-header__title .badge")
    expect(badge).to_have_text("Review", timeout=ENDED_MS)


def cannot_be_closed_yet(manager: Person, change: str) -> None:
    """Without a review it is not closed."""
    manager.goes(f"{change}close/")
    page = manager.page
    page.get_by_label("Close code").select_option("successful")
    page.get_by_label("Note").fill("It works again.")
    with manager.expecting(409):
        manager.clicks("button", "Close the change")
    expect(page.locator("#refusal")).to_contain_text("review")
    is_in(manager, "Review")


def is_reviewed(author: Person, change: str) -> None:
    """What happened is written down by who was there."""
    author.goes(f"{change}review/")
    for name, text in REVIEW.items():
        author.page.locator(f"[name={name}]").fill(text)
    author.page.locator("[name=outcome]").select_option("successful")
    author.clicks("button", "Submit the review")


def is_closed(manager: Person, change: str) -> None:
    """With the review there, a change manager closes it."""
    manager.goes(f"{change}close/")
    manager.page.get_by_label("Close code").select_option("successful")
    manager.page.get_by_label("Note").fill("It works again.")
    manager.clicks("button", "Close the change")
    is_in(manager, "Closed")
