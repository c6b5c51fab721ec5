"""People in a real browser whose every page is watched: what goes wrong there is written down."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, Self

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, ViewportSize, expect

from tests.e2e.accessibility import violations

expect.set_options(timeout=15_000)  # machines are busy

DESKTOP: Final = ViewportSize(width=1440, height=900)
WIDTHS: Final = (360, 768, 1440)
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
_JUDGED: Final[dict[Scheme, int]] = {"light": 1440, "dark": 360}
SCREENSHOTS: Final = os.environ.get("COUNTERSIGN_SCREENSHOTS", "")
"""A folder; when it is named, people take pictures of what they see."""

_FOUND_GOOD: Final[set[int]] = set()
GRAVE: Final = frozenset({"serious", "critical"})
REPORT_VIOLATIONS: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
# What axe judges a page by, without its words: two pages that are built alike in one window are judged once a session.
BUILT: Final = """
() => {
  const parts = new Set(), ids = new Set();
  let twice = 0;
  for (const element of document.querySelectorAll("*")) {
    const parent = element.parentElement;
    if (element.id) { twice += ids.has(element.id); ids.add(element.id); }
    parts.add([
      element.tagName, element.className, element.getAttributeNames().sort().join(), element.getAttribute("role"),
      element.textContent.trim() !== "", parent ? `${parent.tagName}.${parent.className}` : "",
    ].join("|"));
  }
  const theme = [document.documentElement.dataset.theme, matchMedia("(prefers-color-scheme: dark)").matches];
  return [innerWidth, ...theme, twice, ...[...parts].sort()].join("\\n");
}
"""
TOO_WIDE: Final = """
() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
    .slice(0, 5)
    .map((element) => `${element.tagName}.${element.className} reaches ${element.getBoundingClientRect().right} px`);
}
"""


class Person:
    """Somebody with a browser of their own. Whatever their pages do wrong is in ``complaints``."""

    def __init__(self, browser: Browser, address: str, name: str, *, scripts: bool = True) -> None:
        self.name, self.address, self._scripts = name, address, scripts
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._expected: list[int] = []
        self.context = browser.new_context(
            base_url=address, viewport=DESKTOP, java_script_enabled=scripts, reduced_motion="reduce"
        )
        self.context.set_default_timeout(20_000)
        if scripts:
            self.context.expose_function("reportViolation", lambda text: self._complain(f"policy violated: {text}"))
            self.context.add_init_script(REPORT_VIOLATIONS)
        self.page = self.context.new_page()
        self._watch(self.page)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    # ---- watching

    def _watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._complain(f"script error: {error}"))
        page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        page.on("requestfailed", self._request_failed)
        page.on("response", self._responded)

    def _complain(self, text: str) -> None:
        self.complaints.append(f"{self.name} at {self.page.url}: {text}")

    def _console(self, message: ConsoleMessage) -> None:
        expected = any(re.search(rf"(status of|Code) {status}\b", message.text) for status in self._expected)
        if message.type in {"error", "warning"} and not expected:
            self._complain(f"console {message.type}: {message.text}")

    def _request_failed(self, request: Request) -> None:
        # Who leaves a page ends the requests that it still waits for; a download ends the navigation to it.
        if request.failure != "net::ERR_ABORTED":
            self._complain(f"request failed: {request.method} {request.url} {request.failure}")

    def _responded(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self._complain(f"answered {response.status}: {response.request.method} {response.url}")
        if not response.url.startswith(self.address):
            self._complain(f"asked elsewhere: {response.url}")

    @contextmanager
    def expecting(self, status: int) -> Iterator[None]:
        """In this block the page is to be answered with an error's status, at least once; that is no complaint."""
        answered: list[int] = []

        def note(response: Response) -> None:
            answered.append(response.status)

        self._expected.append(status)
        self.page.on("response", note)
        yield
        self.page.remove_listener("response", note)
        self._expected.remove(status)
        assert status in answered, f"expected {status}, got {answered}"

    # ---- moving

    def goes(self, path: str) -> None:
        """Open a page by its address."""
        self.page.goto(path)
        self.checks()

    def clicks(self, role: Literal["button", "link"], label: str, *, exact: bool = False) -> None:
        """Press the first button, or follow the first link, of this name, and look at the page that comes."""
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=label, exact=exact).first.click()
        self.checks()

    def signs_in(self, password: str) -> None:
        """Sign in on the page for it."""
        self.goes("/sign-in/")
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("Password").fill(password)
        self.clicks("button", "Sign in")
        assert self.page.url == f"{self.address}/", self.page.url

    # ---- judging

    def fits(self) -> None:
        """The page in view has caused no complaint and fits its window."""
        assert not self.complaints, "\n".join(self.complaints)
        wide = self.page.evaluate(TOO_WIDE)
        assert not wide, f"{self.page.url} is wider than its window {self.page.viewport_size}: {wide}"

    def checks(self) -> None:
        """The page in view has caused no complaint, fits its window, and has no grave fault of accessibility."""
        self.fits()
        if not self._scripts:
            return  # axe is a script, too: it would wait for timers that never ring
        built = hash(self.page.evaluate(BUILT))
        if built in _FOUND_GOOD:
            return
        grave = self._grave_faults()
        if grave:  # colours may have been on their way from one scheme to the other
            self.page.wait_for_timeout(500)
            grave = self._grave_faults()
        assert not grave, f"{self.page.url} in {self.page.viewport_size}: {grave}"
        _FOUND_GOOD.add(built)

    def _grave_faults(self) -> list[str]:
        return [
            f"{rule['impact']} {rule['id']}: {[(node['target'], node['failureSummary']) for node in rule['nodes'][:3]]}"
            for rule in violations(self.page)
            if rule["impact"] in GRAVE
        ]

    def looks(self, name: str, *, typed: bool = False) -> None:
        """See that the page in view fits every window in both schemes; judge it on a light desk and a dark phone.

        Colours do not depend on the width, nor the page's structure on the scheme. The page is loaded again for each
        scheme, unless something is ``typed`` in it: what stands outside the window may keep the other scheme's
        colours, as far as axe can see, until it is scrolled to.
        """
        for scheme in SCHEMES:
            self._prefers(scheme, typed=typed)
            for width in WIDTHS:
                self.page.set_viewport_size({"width": width, "height": 900})
                if width == _JUDGED[scheme]:
                    self.checks()
                else:
                    self.fits()
                self.pictures(f"looks/{name}-{width}-{scheme}", whole=True)
        self.page.set_viewport_size(DESKTOP)
        self._prefers("light", typed=typed)

    def poses(self, name: str) -> None:
        """Take the pictures of :meth:`looks` where a folder is named; else nothing.

        For pages that the tests beside the story look at in every window and both schemes, with nastier texts.
        """
        if SCREENSHOTS:
            self.looks(name)

    def _prefers(self, scheme: Scheme, *, typed: bool) -> None:
        self.page.emulate_media(color_scheme=scheme)
        if not typed:
            self.page.reload()

    def pictures(self, name: str, *, whole: bool = False) -> None:
        """Take a picture of the window, or of the whole page, where a folder for pictures is named."""
        if SCREENSHOTS:
            if whole:
                self.page.evaluate("scrollTo(0, 0)")
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=whole)
