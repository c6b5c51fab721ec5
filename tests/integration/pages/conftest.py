"""Browsers' sessions of the cast, and a small inventory to look at."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.test import Client

from devices.models import Device
from tests.factories import Cast, DeviceFactory

HTMX = {"HX-Request": "true"}

As = Callable[[User], Client]


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


@pytest.fixture
def as_() -> As:
    """``as_(person)``: a browser that is signed in."""

    def client(person: User) -> Client:
        signed_in = Client()
        signed_in.force_login(person)
        return signed_in

    return client


@pytest.fixture
def author(cast: Cast, as_: As) -> Client:
    """The browser of somebody who may write changes."""
    return as_(cast.author)


@pytest.fixture
def devices(db: None) -> list[Device]:
    """Three access switches in FRA, the last in maintenance, and a distribution switch in MUC."""
    return [
        DeviceFactory.create(name="fra-acc-01"),
        DeviceFactory.create(name="fra-acc-02"),
        DeviceFactory.create(name="fra-acc-09", status="maintenance"),
        DeviceFactory.create(name="muc-dist-01", site="MUC", role="distribution", tags=["core"]),
    ]


class _Fields(HTMLParser):
    """Collects what a browser would send of a form without scripts: names and values of its filled controls."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self._area = ""
        self._select = ""
        self._first_option: str | None = None
        self._chosen: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input" and given.get("name"):
            if given.get("type") not in {"checkbox", "radio"} or "checked" in given:
                self.fields.append((given["name"], given.get("value", "")))
        elif tag == "textarea":
            self._area = given["name"]
            self.fields.append((self._area, ""))
        elif tag == "select":
            self._select, self._first_option, self._chosen = given["name"], None, None
        elif tag == "option":
            if self._first_option is None:
                self._first_option = given.get("value", "")
            if "selected" in given:
                self._chosen = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area:
            name, text = self.fields.pop()
            self.fields.append((name, text + data))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            name, text = self.fields.pop()
            # A browser drops the line feed that follows the tag, and sends lines with CR LF.
            self.fields.append((name, text.removeprefix("\n").replace("\n", "\r\n")))
            self._area = ""
        elif tag == "select":
            chosen = self._chosen if self._chosen is not None else self._first_option
            if chosen is not None:
                self.fields.append((self._select, chosen))
            self._select = ""


def form_fields(html: str, marker: str) -> dict[str, list[str]]:
    """What a browser would send of the form whose tag holds ``marker``, before anybody types."""
    start = html.rindex("<form", 0, html.index(marker) + len(marker))
    reader = _Fields()
    reader.feed(html[start : html.index("</form>", start)].replace("\r\n", "\n"))
    fields: dict[str, list[str]] = {}
    for name, value in reader.fields:
        fields.setdefault(name, []).append(value)
    return fields
