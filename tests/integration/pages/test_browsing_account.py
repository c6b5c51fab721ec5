from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from audit.models import Event
from portal.models import ApiToken
from portal.tokens import MAX_TOKENS, token_create
from tests.factories import Cast, actor, joins
from tests.integration.pages.conftest import As, form_fields

MAKE = 'class="panel token-form"'


@pytest.fixture
def author(cast: Cast, as_: As) -> Client:
    return as_(cast.author)


def page(client: Client) -> str:
    response = client.get("/account/")
    assert response.status_code == 200
    return response.content.decode()


def sent(client: Client, **fields: object) -> dict[str, object]:
    return {**form_fields(page(client), MAKE), "name": "a script", **fields}


def test_roles_are_explained(author: Client, cast: Cast) -> None:
    Group.objects.create(name="football")
    joins(cast.author, "football")
    html = page(author)
    assert re.findall(r"<dt>(\w+)</dt><dd>", html)[:2] == ["Requester", "Implementer"]
    assert "football" not in html


def test_person_without_a_role_learns_what_that_means(cast: Cast, as_: As) -> None:
    assert "You have none" in page(as_(cast.superuser))


def test_new_token_is_shown_once_and_opens_the_api(author: Client, cast: Cast) -> None:
    response = author.post("/account/tokens/", sent(author, expires_in_days="90"))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    found = re.search(r'id="new-token" tabindex="0">(cs_[0-9a-f]+)<', response.content.decode())
    assert found
    assert Client().get("/api/v1/changes/", headers={"Authorization": f"Token {found[1]}"}).status_code == 200
    assert found[1] not in page(author)
    token = ApiToken.objects.get(user=cast.author)
    assert token.name == "a script"
    assert round((token.expiry - token.created).total_seconds() / 86_400) == 90
    event = Event.objects.get(object_type="token", object_id=str(token.public_id))
    assert (event.action, event.actor_name, event.origin) == ("token.created", "author", "web")
    assert found[1] not in str(event.content())


def test_form_that_is_sent_again_makes_no_second_token(author: Client) -> None:
    fields = sent(author)
    author.post("/account/tokens/", fields)
    again = author.post("/account/tokens/", fields, follow=True)
    assert ApiToken.objects.count() == 1
    assert "was made already" in again.content.decode()
    author.post("/account/tokens/", sent(author))
    assert ApiToken.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": " "}, "Give the token a name"),
        ({"name": "x" * 101}, "Give the token a name"),
        ({"name": "a\u202eb"}, "U+202E"),
        ({"expires_in_days": "0"}, "Select a valid choice"),
        ({"expires_in_days": "100000"}, "Select a valid choice"),
        ({"expires_in_days": ""}, "This field is required"),
    ],
)
def test_bad_input_makes_no_token_and_keeps_what_was_typed(
    author: Client, fields: dict[str, object], sentence: str
) -> None:
    response = author.post("/account/tokens/", sent(author, **fields))
    assert response.status_code == 422
    html = response.content.decode()
    assert sentence in html
    assert form_fields(html, MAKE)["name"] == [fields.get("name", "a script")]
    assert not ApiToken.objects.exists()


def test_limit_of_tokens_is_a_sentence(author: Client, cast: Cast) -> None:
    for number in range(MAX_TOKENS):
        token_create(actor=actor(cast.author), name=f"token {number}")
    response = author.post("/account/tokens/", sent(author))
    assert response.status_code == 409
    assert "Revoke one that is no longer used" in response.content.decode()


def test_revoked_token_ends_at_once_and_is_audited(author: Client, cast: Cast) -> None:
    token, text = token_create(actor=actor(cast.author), name="old <script>")
    assert "old &lt;script&gt;" in page(author)
    response = author.post(f"/account/tokens/{token.public_id}/revoke/")
    assert (response.status_code, response["Location"]) == (302, "/account/")
    assert "You have no token" in page(author)
    assert Client().get("/api/v1/changes/", headers={"Authorization": f"Token {text}"}).status_code == 401
    assert Event.objects.filter(action="token.revoked", object_id=str(token.public_id)).count() == 1


def test_nobody_revokes_or_sees_somebody_elses_token(author: Client, cast: Cast) -> None:
    token, _ = token_create(actor=actor(cast.peer), name="the peer's own")
    assert "the peer" not in page(author)
    assert author.post(f"/account/tokens/{token.public_id}/revoke/").status_code == 404
    assert author.post(f"/account/tokens/{uuid.uuid4()}/revoke/").status_code == 404
    assert ApiToken.objects.count() == 1


def test_tokens_are_made_and_revoked_by_post_alone(author: Client) -> None:
    assert author.get("/account/tokens/").status_code == 405
    assert author.get(f"/account/tokens/{uuid.uuid4()}/revoke/").status_code == 405
    assert Client().post("/account/tokens/", {"name": "x"}).status_code == 302
    assert not ApiToken.objects.exists()


def test_page_needs_its_token_against_forged_requests(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.author)
    assert client.post("/account/tokens/", {"name": "x", "expires_in_days": "30"}).status_code == 403


def test_recent_sign_ins_are_ones_own(author: Client, cast: Cast, as_: As) -> None:
    as_(cast.peer)
    html = page(author)
    assert html.count("Signed in</span>") == 1


def test_menu_leads_to_the_account_and_names_the_roles(author: Client) -> None:
    html = page(author)
    assert '<a class="menu__item" href="/account/">' in html
    assert '<span class="menu__roles">Requester, Implementer</span>' in html
