from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.accessibility import faults
from tests.e2e.design.conftest import Watched

pytestmark = pytest.mark.e2e

# Colours do not depend on the width, nor the page's structure on the scheme.
SCHEMES: Final[dict[Literal["light", "dark"], int]] = {"light": 1440, "dark": 360}
"""The width at which axe judges a page in each scheme."""
SCROLLERS = ".diff-scroll, .tabs, .table-wrap, .code"


def opened(context: BrowserContext, url: str) -> Watched:
    watched = Watched(context.new_page())
    watched.page.on("console", watched.listen)
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.goto(url)
    return watched


@pytest.mark.parametrize("path", ["/design/", "/sign-in/", "/nothing-here/"])
def test_page_is_accessible_fits_and_is_silent(browser: Browser, address: str, path: str) -> None:
    root = "document.documentElement"
    for scheme, judged in SCHEMES.items():
        with browser.new_context(color_scheme=scheme) as context:
            watched = opened(context, address + path)
            for width in (360, 768, 1440):
                watched.page.set_viewport_size({"width": width, "height": 900})
                too_wide = watched.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
                assert too_wide <= 0, f"{too_wide} px at {width} px in {scheme}"
                assert width != judged or faults(watched.page) == [], f"at {width} px in {scheme}"
            expected = 1 if path == "/nothing-here/" else 0  # the browser itself notes the 404
            assert len(watched.complaints) == expected, watched.complaints


def test_controls_on_a_phone_are_large_enough_for_a_finger(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 360, "height": 800}, has_touch=True) as context:
        page = opened(context, f"{address}/design/").page
        small = page.eval_on_selector_all(
            ".button, .icon-button, .viewed__button, .tabs__link, .tree__link, .field select, .field input[type=text]",
            "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML)",
        )
        assert small == []


def test_everything_is_there_without_scripts(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{address}/design/")
        page.locator(".confirm > summary", has_text="Withdraw").click()
        assert page.locator(".confirm__panel textarea[name=comment]").first.is_visible()
        page.get_by_role("button", name="Narrow").click()
        assert page.locator(".app").get_attribute("data-nav") == "rail"
        assert page.url == f"{address}/design/"
        page.get_by_role("button", name="Widen").click()
        assert page.locator(".app").get_attribute("data-nav") == "full"


def test_width_of_the_navigation_is_remembered(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = opened(context, f"{address}/design/").page
        page.evaluate("window.stillHere = true")
        page.get_by_role("button", name="Narrow").click()
        assert page.locator(".app").get_attribute("data-nav") == "rail"
        assert page.evaluate("window.stillHere") is True
        page.reload()
        assert page.locator(".app").get_attribute("data-nav") == "rail"


def test_theme_cookie_beats_the_system(browser: Browser, address: str) -> None:
    with browser.new_context(color_scheme="light") as context:
        context.add_cookies([{"name": "theme", "value": "dark", "url": address}])
        page = opened(context, f"{address}/design/").page
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_review_by_keyboard(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = opened(context, f"{address}/design/").page
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.id") == "d-fra-acc-01"
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.id") == "d-fra-acc-09"
        page.keyboard.press("k")
        # what scrolled by is told a frame later
        expect(page.locator(".tree__link[aria-current]")).to_have_attribute("href", "#d-fra-acc-01")
        page.keyboard.press("n")
        page.keyboard.press("n")
        assert page.locator("[data-hunk][data-current]").count() == 1
        page.keyboard.press("a")
        assert page.evaluate("'keyDecision' in document.activeElement.dataset") is True


def test_help_opens_and_closes_and_keys_rest_meanwhile(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = opened(context, f"{address}/design/").page
        page.keyboard.press("?")
        assert page.locator("#keyboard-help").is_visible()
        page.keyboard.press("j")
        assert page.locator("[data-device-diff][data-current]").count() == 0
        page.keyboard.press("Escape")
        assert not page.locator("#keyboard-help").is_visible()


def test_keys_do_nothing_while_somebody_types(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = opened(context, f"{address}/design/").page
        page.locator("#id_title").fill("")
        page.locator("#id_title").press_sequentially("jump?")
        assert page.locator("#id_title").input_value() == "jump?"
        assert page.locator("[data-device-diff][data-current]").count() == 0


def test_copied_digest_is_the_whole_one_and_copied_diff_has_no_numbers(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = opened(context, f"{address}/design/").page
        page.locator(".page-header .digest__copy").click()
        page.locator(".toast", has_text="Copied").wait_for()
        assert len(page.evaluate("navigator.clipboard.readText()")) == 64
        text = page.locator("#d-fra-acc-01 .diff tbody").inner_text()
        assert "ntp server 10.30.4.12" in text
        assert "84" not in text


def test_commands_are_shown_line_by_line(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = opened(context, f"{address}/design/").page
        page.locator("#d-fra-acc-01 .disclosure > summary", has_text="Commands").click()
        shown = page.locator("#d-fra-acc-01 .disclosure[open] .code").inner_text()
        assert shown.splitlines() == [
            "no ntp server 10.20.0.9",
            "ntp server 10.30.4.11 prefer",
            "ntp server 10.30.4.12",
        ]


def test_on_paper_there_is_the_change_and_no_chrome(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 720, "height": 1000}, color_scheme="dark") as context:
        page = opened(context, f"{address}/design/").page
        page.emulate_media(media="print")
        assert not page.locator(".sidenav, .topbar, .tabs, .decision").evaluate_all(
            "all => all.some(e => e.getBoundingClientRect().height > 0)"
        )
        assert page.locator("#d-fra-acc-01 .diff__num").first.is_visible()
        assert page.locator("#d-fra-acc-09 .device-diff__body").is_visible()
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_viewed_device_is_folded_and_opens_again(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = opened(context, f"{address}/design/").page
        body = page.locator("#d-fra-acc-09 .device-diff__body")
        assert not body.is_visible()
        page.locator("#d-fra-acc-09").get_by_role("button", name="Show").click()
        assert body.is_visible()
