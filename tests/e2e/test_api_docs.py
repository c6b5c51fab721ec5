"""The API's documentation page in a real browser, under the product's own content security policy."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.design.conftest import Watched
from tests.e2e.design.conftest import address as address  # noqa: PLC0414 - a fixture, used below

pytestmark = pytest.mark.e2e


REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


def scroll_to(page: Page, text: str) -> None:
    """From the top of the page to this text: of so many calls, the page only draws those that are in view."""
    page.evaluate("scrollTo(0, 0)")
    found = page.get_by_text(text, exact=True).first
    for _ in range(100):
        if found.is_visible():
            return
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(60)
    expect(found).to_be_visible()


def test_the_page_works_without_a_violation_of_the_policy(browser: Browser, address: str) -> None:
    page = browser.new_page()
    watched = Watched(page)
    asked: list[str] = []
    page.on("console", watched.listen)
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(REPORT_VIOLATIONS)
    response = page.goto(f"{address}/api/docs/", wait_until="networkidle")
    assert response
    policy = response.headers["content-security-policy"]
    assert "style-src 'self'" in policy.split("; ")
    assert "unsafe" not in policy
    for summary in ("Write a change", "Follow a run", "Make a token", "Export audit events", "Approve"):
        scroll_to(page, summary)
    page.get_by_text("Approve", exact=True).first.click()
    expect(page.get_by_text("plan_digest").first).to_be_visible()
    page.get_by_role("button", name="Try it out").first.click()
    expect(page.get_by_role("button", name="Execute")).to_be_visible()
    assert watched.complaints == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    page.close()
