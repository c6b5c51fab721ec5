from __future__ import annotations

import base64

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from audit.models import Event
from portal.sign_in_events import connect_sign_in_events
from tests.factories import PASSWORD, PersonFactory, switched


@pytest.fixture
def olivia(db: None) -> User:
    user: User = PersonFactory.create(username="olivia", roles=["requester"])
    return user


def signs_in(client: Client, username: str = "olivia", password: str = PASSWORD, **fields: str) -> int:
    return client.post("/sign-in/", {"username": username, "password": password, **fields}).status_code


def events(action: str) -> list[Event]:
    return list(Event.objects.filter(action=action, object_type="user").order_by("pk"))


def test_signing_in_and_out_are_events(olivia: User) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    assert signs_in(client) == 302
    assert client.post("/sign-out/").status_code == 302
    for action in ("user.signed_in", "user.signed_out"):
        [event] = events(action)
        assert (event.actor_id, event.actor_name, event.object_id) == (olivia.pk, "olivia", str(olivia.pk))
        assert (event.ip, event.origin) == ("192.0.2.7", "web")
        assert len(event.request_id) == 32


def test_listening_twice_records_once(olivia: User) -> None:
    connect_sign_in_events()
    signs_in(Client())
    assert len(events("user.signed_in")) == 1


def test_signing_out_without_being_signed_in_is_no_event(db: None) -> None:
    Client().post("/sign-out/")
    assert events("user.signed_out") == []


def test_sign_out_is_not_done_by_a_link(olivia: User) -> None:
    client = Client()
    signs_in(client)
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/account/").status_code == 200


def test_failed_attempt_is_an_event_by_nobody_about_the_account(olivia: User) -> None:
    assert signs_in(Client(), password="wrong") == 200
    [event] = events("user.sign_in_failed")
    assert (event.actor_id, event.actor_name) == (None, "nobody")
    assert (event.object_id, event.object_label) == (str(olivia.pk), "olivia")
    assert "wrong" not in str(event.content())


@pytest.mark.parametrize("typed", ["hunter2-my-password", "<script>", "x" * 400, "a\u202eb"])
def test_name_that_no_account_has_is_not_kept(olivia: User, typed: str) -> None:
    signs_in(Client(), username=typed)
    for event in events("user.sign_in_failed"):
        assert event.object_id == "unknown"
        assert typed[:100] not in str(event.content())


def test_switched_off_account_does_not_sign_in(olivia: User) -> None:
    switched(olivia, active=False)
    assert signs_in(Client()) == 200
    assert events("user.signed_in") == []
    assert len(events("user.sign_in_failed")) == 1


def test_session_of_an_account_that_was_switched_off_ends(olivia: User) -> None:
    client = Client()
    signs_in(client)
    switched(olivia, active=False)
    assert client.get("/").status_code == 302


def test_too_many_attempts_lock_with_a_sentence_and_one_last_event(olivia: User) -> None:
    client = Client()
    limit = settings.AXES_FAILURE_LIMIT
    assert [signs_in(client, password="wrong") for _ in range(limit)] == [200] * (limit - 1) + [429]
    for password in ("wrong", PASSWORD):
        response = client.post("/sign-in/", {"username": "olivia", "password": password})
        assert response.status_code == 429
        html = response.content.decode()
        assert "Too many attempts" in html
        assert "After 5 failed attempts" in html
        assert "15 minutes" in html
    found = events("user.sign_in_failed")
    assert [event.code for event in found] == [""] * (limit - 1) + ["ACCOUNT_LOCKED"]
    assert events("user.signed_in") == []


def test_lock_from_one_address_locks_nobody_out_elsewhere(olivia: User) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        signs_in(Client(REMOTE_ADDR="192.0.2.66"), password="wrong")
    assert signs_in(Client(REMOTE_ADDR="192.0.2.7")) == 302


def test_one_goes_where_one_wanted_to_but_never_elsewhere(olivia: User) -> None:
    client = Client()
    wanted = client.post("/sign-in/", {"username": "olivia", "password": PASSWORD, "next": "/changes/?q=x"})
    assert wanted["Location"] == "/changes/?q=x"
    evil = Client().post("/sign-in/", {"username": "olivia", "password": PASSWORD, "next": "https://evil.example/"})
    assert evil["Location"] == "/"


def test_attempts_over_the_api_say_so(olivia: User) -> None:
    basic = base64.b64encode(b"olivia:wrong").decode()
    response = Client().post(
        "/api/v1/tokens/", {"name": "x"}, content_type="application/json", headers={"Authorization": f"Basic {basic}"}
    )
    assert response.status_code == 401
    [event] = events("user.sign_in_failed")
    assert event.origin == "api"


def test_sign_in_page_holds_back_what_it_was_sent(olivia: User) -> None:
    html = Client().post("/sign-in/", {"username": '"><script>', "password": "secret-typed"}).content.decode()
    assert "secret-typed" not in html
    assert "<script>" not in html.replace("<script ", "")
