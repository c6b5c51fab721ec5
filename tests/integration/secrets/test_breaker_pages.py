"""The page and the API of breakers: who sees them, who closes one, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from devices.models import CircuitBreaker
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client_of() -> Callable[..., Client]:
    def make(*roles: str) -> Client:
        user = PersonFactory.create(username="-".join(roles), roles=roles)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def breaker() -> CircuitBreaker:
    CircuitBreaker.objects.create(kind="site", name="quiet")
    now = timezone.now()
    return CircuitBreaker.objects.create(
        kind="credential", name="core", state="open", failures=3, last_subject="fra-sw1", opened_at=now,
        last_code="PRECHECK_AUTH_FAILED", open_until=now + timedelta(minutes=1), cool_down_s=60,
    )  # fmt: skip


def test_an_administrator_reads_why_and_closes_it(client_of: Callable[..., Client], breaker: CircuitBreaker) -> None:
    client = client_of("administrator")
    listed = client.get("/credentials/").content.decode()
    assert "Devices are held back" in listed
    page = client.get("/breakers/").content.decode()
    assert "Credential core" in page
    assert "fra-sw1" in page
    assert "Nothing is tried until the cool-down is over" in page
    assert "quiet" not in page
    refused = client.post(f"/breakers/{breaker.pk}/reset/", {"comment": " "})
    assert refused.status_code == 400
    assert "Say why" in refused.content.decode()
    done = client.post(f"/breakers/{breaker.pk}/reset/", {"comment": "The password is right."}, follow=True)
    assert "Nothing is held back" in done.content.decode()
    assert "Devices are held back" not in client.get("/credentials/").content.decode()
    assert client.post(f"/breakers/{breaker.pk}/reset/", {"comment": "again"}).status_code == 409
    assert client.post("/breakers/99999/reset/", {"comment": "none"}).status_code == 404


def test_auditors_read_and_others_do_not(client_of: Callable[..., Client], breaker: CircuitBreaker) -> None:
    auditor = client_of("auditor")
    page = auditor.get("/breakers/").content.decode()
    assert "Credential core" in page
    assert "Close this breaker" not in page
    assert auditor.post(f"/breakers/{breaker.pk}/reset/", {"comment": "x"}).status_code == 403
    implementer = client_of("implementer")
    assert implementer.get("/breakers/").status_code == 403
    assert implementer.post(f"/breakers/{breaker.pk}/reset/", {"comment": "x"}).status_code == 403
    assert auditor.get("/breakers/?state=open").status_code == 400
    breaker.refresh_from_db()
    assert breaker.state == "open"


def test_the_api_tells_the_same_and_closes_it(client_of: Callable[..., Client], breaker: CircuitBreaker) -> None:
    admin = client_of("administrator")
    [row] = admin.get("/api/v1/breakers/").json()["results"]
    assert (row["kind"], row["name"], row["state"], row["failures"]) == ("credential", "core", "open", 3)
    url = f"/api/v1/breakers/{breaker.pk}/reset/"
    answer = admin.post(url, {"reason": "x"}, content_type="application/json")
    assert (answer.status_code, sorted(answer.json()["fields"])) == (400, ["reason"])
    assert admin.post(url, {"comment": "Repaired."}, content_type="application/json").json()["state"] == "closed"
    again = admin.post(url, {"comment": "Repaired."}, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert client_of("auditor").post(url, {"comment": "x"}, content_type="application/json").status_code == 403
    other = client_of("requester")
    assert other.get("/api/v1/breakers/").status_code == 403
    assert other.get("/api/v1/breakers/?x=1").status_code == 403
    assert admin.get("/api/v1/breakers/?x=1").status_code == 400
