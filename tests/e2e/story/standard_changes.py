"""A template from its first line to a standard change that runs on the network, with everybody who has a part in it."""

from __future__ import annotations

import json
from typing import Final

from playwright.sync_api import expect

from changes.domain.templates.rubric import USUAL_QUESTIONS
from tests.e2e.browsing import Person
from tests.e2e.story.reviewing import PLANNED_MS, is_in
from tests.e2e.story.running import starts

NAME: Final = "Syslog collector"
SCHEMA: Final = {
    "properties": {
        "collector": {"type": "string", "format": "ipv4", "title": "Collector"},
        "level": {"type": "string", "enum": ["notifications", "informational"], "default": "informational"},
    },
    "required": ["collector"],
}
PATTERN: Final = r"^10\.20\."
DEVICES: Final = 2
ENDED_MS: Final = 90_000


def writes_a_template(author: Person) -> str:
    """Write and propose it; the path of its page."""
    page = author.page
    author.goes("/templates/")
    author.poses("templates")
    author.clicks("link", "New template")
    page.get_by_label("Name", exact=False).first.fill(NAME)
    page.locator("#id_purpose").fill("Access switches send their log to one more collector.")
    page.locator("#id_trigger").fill("A collector is added or moves.")
    page.locator("#id_variables").fill(json.dumps(SCHEMA, indent=2))
    page.get_by_label("Another platform").select_option("cisco_ios")
    author.clicks("button", "Add content for it")
    page.locator("#id_content-cisco_ios").fill("logging host {{ collector }}\nlogging trap {{ level }}\n")
    check = page.get_by_role("group", name="Post-check 1")
    check.get_by_label("Name").fill("A collector is configured")
    check.get_by_label("Show command").fill("show running-config | include logging host")
    check.get_by_label("Value").fill("logging host 10.20.")
    page.locator("#id_backout_notes").fill("The collector is taken out again. No log line is lost on the switch.")
    for number in range(len(USUAL_QUESTIONS)):
        page.locator(f"#id_rubric-{number}-answer").fill("Yes, as the check shows.")
        page.locator(f"#id_rubric-{number}-ready").check()
    page.get_by_label("Approve changes inside an envelope").check()
    page.locator("#id_sites").fill("MUC")
    page.locator("#id_roles").fill("access")
    page.locator("#id_max_devices").fill(str(DEVICES))
    author.clicks("button", "Show the ranges of the schema above")
    page.get_by_role("group", name="Range of collector").get_by_label("Fits the pattern").fill(PATTERN)
    author.looks("template-form", typed=True)
    author.clicks("button", "Save and propose")
    expect(page.locator("h1")).to_contain_text(NAME)
    expect(page.get_by_role("button", name="Approve this version")).to_have_count(0)
    return page.url.removeprefix(author.address)


def reviews(reviewer: Person, template: str, *, last: bool) -> None:
    """Read the runbook and approve it; with the last review it can be used."""
    reviewer.goes(template)
    expect(reviewer.page.get_by_role("heading", name="Readiness rubric")).to_be_visible()
    if not last:
        reviewer.looks("template-review")
    reviewer.clicks("button", "Approve this version")
    expect(reviewer.page.locator(".page-header .chip").first).to_have_text("Approved" if last else "Proposed")


def makes_a_change(requester: Person, template: str) -> str:
    """From the template's page: its variables as a form, the devices, and the plan. The change's path."""
    page = requester.page
    requester.goes(template)
    requester.clicks("link", "New change from this template")
    expect(page.locator("#id_type")).to_have_value("standard")
    page.locator("#id_title").fill("Log to the collector of Munich")
    page.locator("#id_reason").fill("The old collector is switched off on Friday.")
    page.get_by_role("group", name="Site").get_by_label("MUC", exact=True).check()
    page.get_by_role("group", name="Role").get_by_label("access", exact=True).check()
    page.get_by_label("Collector (collector)").fill("10.20.0.300")
    with requester.expecting(422):
        requester.clicks("button", "Save and build plan")
    expect(page.locator("#problems")).to_contain_text("Give an IPv4 address, such as 192.0.2.10.")
    requester.looks("template-change-form", typed=True)
    page.get_by_label("Collector (collector)").fill("10.20.0.77")
    requester.clicks("button", "Save and build plan")
    return page.url.removeprefix(requester.address)


def is_pre_approved(requester: Person, change: str) -> None:
    """The page says that it lies inside the envelope; submitting approves it at once."""
    page = requester.page
    expect(page.locator("#plan-progress")).to_have_count(0, timeout=PLANNED_MS)
    expect(page.get_by_text("Inside the envelope", exact=True)).to_be_visible()
    requester.checks()
    requester.pictures("standard-change", whole=True)
    requester.clicks("button", "Submit")
    is_in(requester, "Approved")


def runs_it(implementer: Person, change: str) -> None:
    """Start it, and see the run end well."""
    starts(implementer, change, DEVICES)
    expect(implementer.page.locator("#main")).to_contain_text("A change manager closes the change", timeout=ENDED_MS)
