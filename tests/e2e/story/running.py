"""Starting a change, watching its run, and closing it."""

from __future__ import annotations

import time
from typing import Final

from playwright.sync_api import expect

from changes.domain.run_states import DEVICE_ACTIVE
from tests.e2e.browsing import Person
from tests.e2e.story.reviewing import is_in

ENDED_S: Final = 120.0
QUIET_S: Final = 5.0
LOOK_MS: Final = 200
TROUBLED: Final = "fra-acc-05"
"""The demo lets this switch refuse banners."""
NOTE: Final = "One switch refused the banner and follows in a change of its own."


def starts(implementer: Person, change: str, devices: int) -> None:
    """Through the page that says what will happen."""
    page = implementer.page
    implementer.goes(change)
    implementer.clicks("link", "Start")
    expect(page.get_by_role("heading", name=f"Start on {devices} devices?")).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Start now").click()


def watches_the_run(implementer: Person, devices: int) -> None:
    """The page moves by itself through the devices' states, and asks nothing more once the run has ended."""
    page = implementer.page
    page.evaluate("window.stillHere = true")
    live, states = page.locator("#run-figures .live-dot"), page.locator(".device-run__row .state")
    expect(states).to_have_count(devices)
    expect(live).to_be_visible()
    seen: set[str] = set()
    deadline = time.monotonic() + ENDED_S
    while live.count():
        assert time.monotonic() < deadline, states.all_inner_texts()
        seen.update(states.all_inner_texts())
        page.wait_for_timeout(LOOK_MS)
    assert len(seen & {state.label for state in DEVICE_ACTIVE}) >= 2, seen
    assert page.evaluate("window.stillHere") is True
    implementer.checks()
    implementer.requests.clear()
    page.wait_for_timeout(QUIET_S * 1000)
    assert implementer.requests == []


def reads_why(implementer: Person) -> None:
    """One device refused a line: it is as it was, and the page says why and what to do next."""
    page = implementer.page
    figures, states = page.locator("#run-figures"), page.locator(".device-run__row .state")
    is_in(implementer, "Review")
    expect(figures.locator("h2")).to_have_text("Partial: 7 of 8 devices hold the change")
    expect(figures).to_contain_text("COMMAND_REJECTED")
    expect(figures).to_contain_text("What to do next")
    assert sorted(states.all_inner_texts()) == ["Rolled back", *["Succeeded"] * 7]
    troubled = page.locator(".device-run").filter(has_text=TROUBLED)
    expect(troubled.locator(".state").first).to_have_text("Rolled back")
    expect(troubled).to_contain_text("banner motd")
    expect(troubled).to_contain_text("Next:")
    implementer.looks("run")
    troubled.locator("summary").first.click()
    expect(troubled.locator(".record")).to_contain_text("the device shows what it showed before the first line")
    implementer.checks()
    implementer.pictures("run-record", whole=True)


def closes(manager: Person, change: str) -> None:
    """Not as successful: the page does not offer it, and refuses it from a page that somebody has tampered with."""
    page = manager.page
    manager.goes(change)
    manager.clicks("link", "Close")
    code = page.get_by_label("Close code")
    assert "successful" not in code.locator("option").evaluate_all("all => all.map(one => one.value)")
    code.locator("option").first.evaluate("option => { option.value = 'successful'; option.selected = true; }")
    page.get_by_label("Note").fill(NOTE)
    with manager.expecting(400):
        manager.clicks("button", "Close the change")
    expect(page.locator("#refusal")).to_contain_text("cannot be closed as successful")
    expect(page.get_by_label("Note")).to_have_value(NOTE)
    is_in(manager, "Review")
    code.select_option("successful_with_issues")
    manager.clicks("button", "Close the change")
    is_in(manager, "Closed")
    expect(page.locator("#main")).to_contain_text("Successful with issues")
    expect(page.locator("#main")).to_contain_text(NOTE)
