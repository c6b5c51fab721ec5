"""Nobody makes the log useless, or fills the disk, by being refused; and nobody is forgotten because of it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from axes.models import AccessAttempt
from django.db import transaction
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from audit.models import Event
from audit.recorder import record
from changes.domain.policy import Person
from portal import refusal_limits as limits
from portal.minute_counts import MinuteCounts
from portal.tokens import token_create
from portal.views import access
from portal.views.acting import actor_of
from tests.factories import PASSWORD, Cast, DeviceFactory, actor, submitted

pytestmark = pytest.mark.django_db
Turn = Callable[[], None]


@pytest.fixture
def cast() -> Cast:
    return Cast.create()


@pytest.fixture
def next_minute(monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Time stands still, and goes on by a minute when it is told to."""
    now = [0.0]
    monkeypatch.setattr(limits, "counts", MinuteCounts(lambda: now[0]))

    def turn() -> None:
        now[0] += 60

    return turn


def browser(person: object, **options: object) -> Client:
    client = Client(**options)  # type: ignore[arg-type]  # those of Django's client
    client.force_login(person)  # type: ignore[arg-type]  # a user
    return client


def refusals() -> list[Event]:
    return list(Event.objects.filter(action__startswith="access.").order_by("id"))


def test_a_page_that_is_closed_is_told_so_often_and_then_counted(cast: Cast, next_minute: Turn) -> None:
    client = browser(cast.outsider)
    for _ in range(25):
        assert client.get(reverse("audit-list")).status_code == 403
    assert len(refusals()) == limits.OF_ONE_KIND
    assert "the next event after it tells them" in refusals()[-1].reason
    next_minute()
    client.get(reverse("audit-list"))
    assert refusals()[-1].content()["details"] == {"not_told": 15, "status": 403}


@pytest.mark.parametrize("door", ["page", "session", "token"])
def test_who_is_refused_again_and_again_waits_whatever_he_asks(cast: Cast, next_minute: Turn, door: str) -> None:
    change = submitted(cast.colleague, [DeviceFactory.create()])
    body = {"plan_digest": change.revision.digest}  # type: ignore[union-attr]  # a submitted change has one
    if door == "page":
        client, url = browser(cast.colleague), reverse("change-assess", args=[change.pk])
    else:
        client, url = APIClient(), reverse("api-change-assess", args=[change.pk])
        if door == "session":
            client.force_login(cast.colleague)
        else:
            client.credentials(HTTP_AUTHORIZATION=f"Token {token_create(actor=actor(cast.colleague), name='x')[1]}")
    answers = [client.post(url, body) for _ in range(limits.REFUSED_AT_MOST + 20)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [403] * limits.REFUSED_AT_MOST + [429] * 20
    assert answers[-1]["Retry-After"] == "60"
    assert Event.objects.filter(action="change.assess_refused").count() == limits.REFUSED_AT_MOST
    [throttled] = refusals()
    assert (throttled.action, throttled.actor_id) == ("access.throttled", cast.colleague.pk)
    assert browser(cast.peer).get(reverse("inbox")).status_code == 200, "nobody else waits"
    assert browser(cast.colleague).post(reverse("sign-out")).status_code == 302
    next_minute()
    assert client.post(url, body).status_code == 403


def test_more_forms_than_a_person_fills_in_are_refused(
    cast: Cast, next_minute: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_minute()
    monkeypatch.setattr(limits, "SENT_AT_MOST", 3)
    client = browser(cast.peer)
    statuses = [client.post(reverse("preference-set"), {"theme": "dark"}).status_code for _ in range(5)]
    assert statuses == [302, 302, 302, 429, 429]
    assert client.get(reverse("inbox")).status_code == 200, "reading goes on"
    assert [event.code for event in refusals()] == ["SENT_TOO_OFTEN"]


def test_names_without_end_at_the_sign_in(cast: Cast, next_minute: Turn) -> None:
    client = Client()
    answers = [
        client.post(reverse("sign-in"), {"username": f"name {number}", "password": "guess"})
        for number in range(limits.FAILED_AT_MOST + 5)
    ]
    assert [answer.status_code for answer in answers[-6:]] == [200] + [429] * 5
    assert b"Too many attempts to sign in from your address" in answers[-1].content
    assert Event.objects.filter(action="user.sign_in_failed").count() == limits.FAILED_AT_MOST
    assert AccessAttempt.objects.count() == limits.FAILED_AT_MOST, "what is counted does not grow either"
    assert [(event.action, event.code) for event in refusals()] == [("access.throttled", "SIGN_IN_SLOWED")]
    right = {"username": cast.peer.username, "password": PASSWORD}
    assert client.post(reverse("sign-in"), right).status_code == 429
    assert client.post(reverse("sign-in"), right, REMOTE_ADDR="198.51.100.9").status_code == 302
    next_minute()
    assert client.post(reverse("sign-in"), right).status_code == 302


def test_a_success_counts_as_no_failure(cast: Cast, next_minute: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    next_minute()
    monkeypatch.setattr(limits, "FAILED_AT_MOST", 1)
    right = {"username": cast.peer.username, "password": PASSWORD}
    assert [Client().post(reverse("sign-in"), right).status_code for _ in range(3)] == [302] * 3


def test_names_without_end_from_addresses_without_end(next_minute: Turn, monkeypatch: pytest.MonkeyPatch) -> None:
    next_minute()
    monkeypatch.setattr(limits, "OF_ALL_STRANGERS", 3)
    for number in range(6):
        answer = Client().post(
            reverse("sign-in"), {"username": f"name {number}", "password": "x"}, REMOTE_ADDR=f"198.51.100.{number}"
        )
        assert answer.status_code == 200
    assert Event.objects.filter(action="user.sign_in_failed").count() == 3


def test_one_line_of_ipv6_is_one_stranger(next_minute: Turn) -> None:
    next_minute()
    for number in range(10):
        APIClient().post(
            reverse("api-change-list"), {}, headers={"authorization": "Token x"}, REMOTE_ADDR=f"2001:db8::{number:x}"
        )
    [event] = refusals()
    assert (event.action, event.ip) == ("access.not_proved", "2001:db8::0")


def test_the_sign_of_life_asks_nothing_of_who_looks(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = browser(cast.peer)
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_an_event_of_what_was_done_hides_no_refusal(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    real = access.viewer

    def does_something_first(request: HttpRequest) -> Person:
        with transaction.atomic():
            record(actor=actor_of(request), action="user.looked", object_type="user", object_id=cast.outsider.pk)
        return real(request)

    monkeypatch.setattr(access, "viewer", does_something_first)
    answer = browser(cast.outsider).get(reverse("audit-list"))
    told = Event.objects.filter(request_id=answer["X-Request-ID"]).values_list("action", flat=True)
    assert set(told) == {"user.looked", "access.refused"}


@pytest.mark.parametrize("method", ["=CMD()", "+1", "X" * 8000, "GE\nT"])
def test_a_method_that_nobody_knows_is_not_repeated(cast: Cast, method: str) -> None:
    answer = browser(cast.outsider, enforce_csrf_checks=True).generic(method, reverse("audit-list"))
    assert answer.status_code in {403, 405}
    assert all(event.object_label.startswith("another method /") for event in refusals())


def test_what_the_client_claims_of_itself_is_not_believed(cast: Cast, settings: Settings) -> None:
    client = browser(cast.outsider)
    names = ("x-forwarded-for", "x-request-id", "x-real-ip", "true-client-ip")
    headers = dict.fromkeys(names, "1.2.3.4")
    client.get(reverse("audit-list"), headers=headers)
    assert refusals()[-1].ip == "127.0.0.1"
    assert refusals()[-1].request_id != "1.2.3.4"
    settings.COUNTERSIGN_TRUSTED_PROXIES = (ip_network("127.0.0.1"),)
    client.get(reverse("audit-list"), headers={"x-forwarded-for": "1.2.3.4, 203.0.113.5"})
    assert refusals()[-1].ip == "203.0.113.5", "what the proxy has added"
