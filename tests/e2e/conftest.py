"""One browser for all browser tests of a process: to start one for each test took longer than many a test."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from django.db import connections
from playwright.sync_api import Browser, sync_playwright

CANDIDATES: Final = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium_path() -> str:
    """The browser that ``CHROMIUM`` names, or one on the path; without any the test is skipped, in CI it fails."""
    named = os.environ.get("CHROMIUM", "")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, CANDIDATES)), None)
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"No browser: {named or 'chromium'} cannot be run. Install chromium, or name one in CHROMIUM.")
    pytest.skip("NO BROWSER on this machine: no page is looked at. Install chromium, or name one in CHROMIUM.")


@dataclass(frozen=True, slots=True)
class Launched:
    """A running browser, and the event loop that Playwright talks to it by."""

    browser: Browser
    loop: asyncio.AbstractEventLoop


@pytest.fixture(scope="session")
def launched() -> Iterator[Launched]:
    path = chromium_path()
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        asyncio._set_running_loop(None)
        yield Launched(browser, loop)
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def browser(launched: Launched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """The browser; open a context of your own in it, and close that.

    Between its calls Playwright leaves its event loop as this thread's running one, and Django would refuse the test's
    own queries: so it is told not to, and the loop is this thread's for the length of the test alone.
    """
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    assert launched.browser.is_connected(), "the browser has crashed"
    asyncio._set_running_loop(launched.loop)
    yield launched.browser
    # While a loop runs, Django keeps another connection for this thread; nobody else would close it.
    connections.close_all()
    asyncio._set_running_loop(None)
