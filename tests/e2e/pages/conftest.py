"""Inbox, lists, form, devices, audit and account in a real browser, against a real server and database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from devices.models import Device
from tests.e2e.browsing import Person
from tests.factories import Cast, DeviceFactory

Comes = Callable[..., Person]


@pytest.fixture(autouse=True)
def _database_beside_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    # A thread of the server that waits for a browser's next request must not hold on to the test's database.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def devices(transactional_db: None) -> list[Device]:
    """Eleven access switches in FRA, one of them in maintenance, and a distribution switch in MUC."""
    return [
        *(DeviceFactory.create(name=f"fra-acc-{number:02}") for number in range(1, 11)),
        DeviceFactory.create(name="fra-acc-11", status="maintenance"),
        DeviceFactory.create(name="muc-dist-01", site="MUC", role="distribution", tags=["core"]),
    ]


@pytest.fixture
def comes(browser: Browser, live_server: LiveServer) -> Iterator[Comes]:
    """``comes(user, scripts=…)``: somebody who is signed in opens a browser of their own, at the inbox."""
    with ExitStack() as stack:

        def arrive(user: User, *, scripts: bool = True) -> Person:
            person = stack.enter_context(Person(browser, live_server.url, user.username, scripts=scripts))
            client = Client()
            client.force_login(user)
            session = client.cookies["sessionid"].value
            person.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
            person.page.goto("/")
            return person

        yield arrive
