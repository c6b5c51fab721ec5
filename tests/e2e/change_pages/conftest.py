"""The pages about a change in a real browser, against a real server and database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

from devices.models import Device
from tests.factories import Cast, DeviceFactory


@dataclass
class Window:
    """A page, and everything that its console complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


Open = Callable[..., Window]


@pytest.fixture(autouse=True)
def _database_beside_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    # A thread of the server that waits for a browser's next request must not hold on to the test's database.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(transactional_db: None) -> list[Device]:
    return [DeviceFactory.create(name=f"fra-acc-{number:02}") for number in (1, 2, 3, 4)]


@pytest.fixture
def window(browser: Browser, live_server: LiveServer) -> Iterator[Open]:
    """``window(person, width=…, theme=…, scripts=…)``: a browser window in which that person is signed in."""
    contexts: list[BrowserContext] = []

    def open_(person: User, *, width: int = 1440, theme: str = "light", scripts: bool = True) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=scripts,
            base_url=live_server.url,
        )
        contexts.append(context)
        client = Client()
        client.force_login(person)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        opened = Window(context.new_page())
        opened.page.on("console", opened.listen)
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        return opened

    yield open_
    for context in contexts:
        context.close()
