"""Who comes in, who does not, and calls that nobody signed for."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.models import Event
from devices.services.inventory_netbox import netbox_sync
from portal.tokens import token_create
from tests.factories import PASSWORD, TESTER, Cast, actor
from tests.integration.coverage.noting import Notes
from tests.integration.coverage.walking import Walk
from tests.integration.inventory.netbox_stub import NetBoxStub


class Door(Walk):
    """Sends without a session."""

    def page(self, route: str, form: dict[str, str], by: Client | None = None) -> Event:  # type: ignore[override]
        """POST a page's form; the last event of the request."""
        return self._event((by or Client()).post(reverse(route), form), f"POST {route}")

    def api(self, route: str, body: object = None, **headers: str) -> Event:  # type: ignore[override]
        """POST to the API; the last event of the request."""
        answer = APIClient().post(
            reverse(route), json.dumps(body or {}), content_type="application/json", headers=headers
        )
        return self._event(answer, f"POST {route}")

    def _event(self, answer: object, called: str) -> Event:
        self.check(called)
        return Event.objects.filter(request_id=answer["X-Request-ID"]).latest("id")  # type: ignore[index]  # an answer


@pytest.fixture
def door(notes: Notes) -> Iterator[Door]:
    found = Door(Cast.create(), notes)
    notes.forget()
    yield found
    assert not found.problems, "\n".join(found.problems)


def test_signing_in_and_out(door: Door) -> None:
    name = door.cast.peer.username
    come = door.page("sign-in", {"username": name, "password": PASSWORD})
    assert (come.action, come.actor_id, come.origin) == ("user.signed_in", door.cast.peer.pk, "web")
    browser = Client()
    browser.force_login(door.cast.peer)
    door.notes.forget()
    gone = door.page("sign-out", {}, by=browser)
    assert (gone.action, gone.actor_id) == ("user.signed_out", door.cast.peer.pk)


def test_wrong_passwords_until_the_lock(door: Door) -> None:
    wrong = {"username": door.cast.peer.username, "password": "guess"}
    codes = [door.page("sign-in", wrong).code for _ in range(configured.AXES_FAILURE_LIMIT)]
    assert codes == [""] * (configured.AXES_FAILURE_LIMIT - 1) + ["ACCOUNT_LOCKED"]
    failed = Event.objects.filter(action="user.sign_in_failed").latest("id")
    assert (failed.object_id, failed.actor_name) == (str(door.cast.peer.pk), "nobody")
    basic = base64.b64encode(b"nobody-here:guess").decode()
    by_api = door.api("api-token-list", {"name": "x"}, authorization=f"Basic {basic}")
    assert (by_api.action, by_api.object_id, by_api.origin) == ("user.sign_in_failed", "unknown", "api")


def test_tokens_that_nobody_has_and_too_many_calls(door: Door, settings: Settings) -> None:
    refused = door.api("api-change-list", {"title": "x"}, authorization="Token nonsense")
    assert (refused.action, refused.actor_name, refused.object_id) == (
        "access.not_proved", "nobody", "api-change-list",
    )  # fmt: skip
    again = APIClient().post(reverse("api-change-list"), {}, headers={"authorization": "Token nonsense"})
    assert not Event.objects.filter(request_id=again["X-Request-ID"]).exists(), "once a minute from one address"
    _row, text = token_create(actor=actor(door.cast.peer), name="script")
    cache.clear()
    client = APIClient()
    answers = [client.post(reverse("api-token-list"), {}, headers={"authorization": f"Token {text}"})]
    while answers[-1].status_code != 429 and len(answers) < 200:
        answers.append(client.post(reverse("api-token-list"), {}, headers={"authorization": f"Token {text}"}))
    throttled = Event.objects.get(request_id=answers[-1]["X-Request-ID"])
    assert (throttled.action, throttled.actor_name) == ("access.throttled", door.cast.peer.username)
    assert settings.REST_FRAMEWORK


def test_a_form_without_its_token(door: Door) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(door.cast.author)
    door.notes.forget()
    answer = browser.post(reverse("change-create"), {"title": "x"})
    assert answer.status_code == 403
    door.check("POST change-create")
    event = Event.objects.get(request_id=answer["X-Request-ID"])
    assert (event.action, event.actor_id, event.object_id) == ("access.refused", door.cast.author.pk, "change-create")


def test_netbox_calls_without_proof(door: Door, netbox: NetBoxStub) -> None:
    netbox.add(1)
    netbox_sync(actor=TESTER)
    door.notes.forget()
    refused = door.api("api-inventory-webhook", {"event": "updated"}, **{"X-Hook-Signature": "0" * 128})
    assert refused.action == "inventory.webhook_refused"
