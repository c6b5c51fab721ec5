from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import Event
from portal.models import ApiToken
from portal.tokens import MAX_TOKENS, token_create
from tests.factories import PASSWORD, Cast, PersonFactory, actor, switched
from tests.integration.api.conftest import Answer, As, nothing_changes, refused

TOKENS = "/api/v1/tokens/"


def with_password(username: str, password: str = PASSWORD) -> APIClient:
    client = APIClient()
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    client.credentials(HTTP_AUTHORIZATION=f"Basic {pair}")
    return client


def with_token(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def made(response: Answer) -> dict[str, str]:
    assert response.status_code == 201, response.content
    body: dict[str, str] = response.json()
    return body


def test_a_script_gets_a_token_for_a_password_and_uses_it(cast: Cast) -> None:
    response = with_password("author").post(TOKENS, {"name": "nightly job", "expires_in_days": 7})
    body = made(response)
    assert body["token"].startswith("cs_")
    assert body["name"] == "nightly job"
    assert body["token"].startswith(body["prefix"])
    assert "no-store" in response["Cache-Control"]
    token = ApiToken.objects.get()
    assert abs(token.expiry - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)
    assert body["token"] not in {token.digest, token.token_key}
    client = with_token(body["token"])
    assert client.get("/api/v1/changes/").status_code == 200
    event = Event.objects.get(action="token.created", object_id=body["id"])
    assert (event.actor_name, event.object_label, event.object_type) == ("author", "nightly job", "token")
    assert body["token"] not in str(event.content())


def test_a_session_makes_one_too(cast: Cast, as_: As) -> None:
    body = made(as_(cast.author).post(TOKENS, {"name": "laptop"}))
    assert with_token(body["token"]).get(TOKENS).json()[0]["name"] == "laptop"


def test_a_session_needs_its_csrf_token_for_that(cast: Cast) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(cast.author)
    with nothing_changes():
        refused(client.post(TOKENS, {"name": "x"}), 403, "csrf_failed")


def test_a_token_makes_no_other(cast: Cast) -> None:
    text = made(with_password("author").post(TOKENS, {"name": "first"}))["token"]
    with nothing_changes():
        refused(with_token(text).post(TOKENS, {"name": "second"}), 403, "token_needs_password")


def test_a_person_lists_their_own_live_tokens_without_their_texts(cast: Cast, as_: As) -> None:
    texts = [made(as_(cast.author).post(TOKENS, {"name": name}))["token"] for name in ("a", "b")]
    made(as_(cast.peer).post(TOKENS, {"name": "of another"}))
    made(as_(cast.author).post(TOKENS, {"name": "expired"}))
    ApiToken.objects.filter(name="expired").update(expiry=timezone.now() - timedelta(seconds=1))
    response = as_(cast.author).get(TOKENS)
    assert [token["name"] for token in response.json()] == ["b", "a"]
    assert set(response.json()[0]) == {"id", "name", "prefix", "created_at", "expires_at"}
    for text in texts:
        assert text not in response.content.decode()
    assert all(digest not in response.content.decode() for digest in ApiToken.objects.values_list("digest", flat=True))


def test_a_revoked_token_ends_at_once_and_that_is_audited(cast: Cast) -> None:
    body = made(with_password("author").post(TOKENS, {"name": "gone soon"}))
    client = with_token(body["token"])
    response = client.delete(f"{TOKENS}{body['id']}/")
    assert (response.status_code, response.content) == (204, b"")
    refused(client.get("/api/v1/changes/"), 401, "authentication_failed")
    event = Event.objects.get(action="token.revoked", object_id=body["id"])
    assert (event.actor_name, event.object_label) == ("author", "gone soon")


def test_nobody_revokes_the_tokens_of_others(cast: Cast, as_: As) -> None:
    body = made(as_(cast.author).post(TOKENS, {"name": "mine"}))
    for person in (cast.peer, cast.superuser):
        with nothing_changes():
            refused(as_(person).delete(f"{TOKENS}{body['id']}/"), 404, "not_found")
    refused(as_(cast.author).delete(f"{TOKENS}not-a-uuid/"), 404, "not_found")
    with nothing_changes():
        refused(APIClient().delete(f"{TOKENS}{body['id']}/"), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "a", "expires_in_days": 366}, "expires_in_days"),
        ({"name": "a", "expires_in_days": "30"}, "expires_in_days"),
        ({"name": "a", "expires_in_days": True}, "expires_in_days"),
        ({"name": "a", "expires_in_days": None}, "expires_in_days"),
        ({"name": "a", "user": 1}, "user"),
        ([], "body"),
    ],
)
def test_bad_input_makes_no_token(cast: Cast, as_: As, body: object, field: str) -> None:
    with nothing_changes():
        refused(as_(cast.author).post(TOKENS, body), 400, "invalid_input", field=field)


def test_a_person_has_so_many_tokens_and_no_more(cast: Cast, as_: As) -> None:
    for number in range(MAX_TOKENS):
        token_create(actor=actor(cast.author), name=f"t{number}")
    with nothing_changes():
        refused(as_(cast.author).post(TOKENS, {"name": "one more"}), 409, "token_limit", says="Revoke one")
    made(as_(cast.peer).post(TOKENS, {"name": "another's first"}))


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token x",
        "Token cs_0000000000000000000000000000000000000000000000000000000000000000",
        "Token a b",
        "Token \xff\xfe",
        "Token " + "x" * 5000,
        "Token cs_'; --",
    ],
)
def test_what_is_no_live_token_is_nobody(cast: Cast, header: str) -> None:
    response = APIClient().get("/api/v1/changes/", HTTP_AUTHORIZATION=header)
    refused(response, 401, "authentication_failed")
    assert response["WWW-Authenticate"] == "Token"


def test_an_expired_token_is_nobody(cast: Cast) -> None:
    text = made(with_password("author").post(TOKENS, {"name": "short"}))["token"]
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    refused(with_token(text).get("/api/v1/changes/"), 401, "authentication_failed")


def test_a_token_of_an_inactive_account_is_nobody(cast: Cast) -> None:
    text = made(with_password("author").post(TOKENS, {"name": "leaver"}))["token"]
    switched(cast.author, active=False)
    refused(with_token(text).get("/api/v1/changes/"), 401, "authentication_failed")


def test_a_password_opens_nothing_but_tokens(cast: Cast) -> None:
    refused(with_password("author").get("/api/v1/changes/"), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("username", "password"), [("author", "wrong"), ("nobody", PASSWORD), ("author\x00", PASSWORD), ("", "")]
)
def test_a_wrong_password_says_the_same_whoever_it_is(cast: Cast, username: str, password: str) -> None:
    with nothing_changes():
        response = with_password(username, password).post(TOKENS, {"name": "x"})
    assert (response.status_code, response.json()["detail"]) == (401, "Name and password do not belong together.")


def test_an_inactive_account_gets_no_token(cast: Cast) -> None:
    PersonFactory.create(username="leaver", is_active=False)
    refused(with_password("leaver").post(TOKENS, {"name": "x"}), 401, "authentication_failed")


def test_guessing_one_name_is_locked_after_five_attempts_even_with_the_right_password(cast: Cast) -> None:
    for _ in range(4):
        refused(with_password("author", "wrong").post(TOKENS, {"name": "x"}), 401, "authentication_failed")
    response = with_password("author", "wrong").post(TOKENS, {"name": "x"})
    refused(response, 429, "throttled", says="900 seconds")
    assert response["Retry-After"] == "900"
    with nothing_changes():
        refused(with_password("author").post(TOKENS, {"name": "x"}), 429, "throttled")
    made(with_password("peer").post(TOKENS, {"name": "x"}))


def test_spraying_many_names_from_one_address_is_slowed_down(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.api.throttles import PasswordThrottle

    monkeypatch.setattr(PasswordThrottle, "rate", "3/min", raising=False)
    for number in range(3):
        refused(with_password(f"guess{number}").post(TOKENS, {"name": "x"}), 401, "authentication_failed")
    refused(with_password("author").post(TOKENS, {"name": "x"}), 429, "throttled", says="seconds")
    assert with_password("author").get("/api/v1/changes/").status_code == 401


def test_making_tokens_in_a_loop_is_slowed_down(cast: Cast, as_: As, monkeypatch: pytest.MonkeyPatch) -> None:
    from portal.api.throttles import TokenThrottle

    monkeypatch.setattr(TokenThrottle, "rate", "2/hour", raising=False)
    client = as_(cast.author)
    for name in ("a", "b"):
        made(client.post(TOKENS, {"name": name}))
    with nothing_changes():
        refused(client.post(TOKENS, {"name": "c"}), 429, "throttled")
    assert len(client.get(TOKENS).json()) == 2
