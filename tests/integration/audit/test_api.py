import csv
import io
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from pytest_django import Settings
from rest_framework.test import APIClient

from audit.filters import EventFilter
from audit.models import Event
from tests.factories import PersonFactory

Say = Callable[..., int]
Fill = Callable[..., None]
ClientFor = Callable[..., APIClient]

EVENTS = "/api/v1/audit/events/"
EXPORT = "/api/v1/audit/export/"
READING_ROLES = ["auditor", "administrator", "change-manager"]
OTHER_ROLES = ["requester", "peer", "cab", "implementer"]

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.integration.audit.urls")]


@pytest.fixture(autouse=True)
def _errors_are_mapped(settings: Settings) -> None:
    """As the product does it; this test's URLs are the audit app's alone."""
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": "portal.api.errors.exception_handler",
    }


@pytest.fixture
def client_for() -> ClientFor:
    def client_for(*roles: str, superuser: bool = False) -> APIClient:
        name = "-".join(roles) or "nobody"
        for role in roles:
            Group.objects.get_or_create(name=role)
        user = PersonFactory.create(username=f"{name}-person", is_superuser=superuser, roles=roles)
        client = APIClient()
        client.force_authenticate(user)
        return client

    return client_for


@pytest.fixture
def audrey(client_for: ClientFor) -> APIClient:
    return client_for("auditor")


def _exports() -> int:
    return Event.objects.filter(action="audit.exported").count()


@pytest.mark.parametrize("url", [EVENTS, f"{EVENTS}1/", f"{EXPORT}?format=csv"])
def test_a_stranger_is_asked_to_sign_in(url: str) -> None:
    before = _exports()
    assert APIClient().get(url).status_code == 401
    assert _exports() == before


@pytest.mark.parametrize("role", READING_ROLES)
def test_three_roles_read_the_log(client_for: ClientFor, say: Say, role: str) -> None:
    client = client_for(role)
    for url in (EVENTS, f"{EVENTS}{say()}/", f"{EXPORT}?format=jsonl&ids=1"):
        assert client.get(url).status_code == 200


@pytest.mark.parametrize(("roles", "superuser"), [*(([role], False) for role in OTHER_ROLES), ([], False), ([], True)])
def test_everybody_else_is_refused_even_a_superuser(
    client_for: ClientFor, say: Say, roles: list[str], *, superuser: bool
) -> None:
    client = client_for(*roles, superuser=superuser)
    before = _exports()
    for url in (EVENTS, f"{EVENTS}{say()}/", f"{EXPORT}?format=csv", f"{EVENTS}?nonsense=1"):
        response = client.get(url)
        assert response.status_code == 403
        refusal = response.json()
        assert set(refusal) == {"code", "detail", "fields"}
        assert refusal["code"] == "permission_denied"
        assert refusal["detail"].endswith("Ask an administrator for one of these roles.")
    assert _exports() == before


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "head"])
@pytest.mark.parametrize("url", [EVENTS, f"{EVENTS}1/", f"{EXPORT}?format=csv"])
def test_the_log_is_only_read(audrey: APIClient, url: str, method: str) -> None:
    before = Event.objects.count()
    assert getattr(audrey, method)(url).status_code == 405
    assert Event.objects.count() == before


def test_a_line_of_the_list(audrey: APIClient, say: Say, trace: str) -> None:
    states = {"object_type": "config", "state_from": "a", "state_to": "b"}  # no row has to come to that state
    event_id = say(change_id=5, code="X", reason="because", details={"k": 1}, **states)
    page = audrey.get(EVENTS, {"request_id": trace}).json()
    assert page["next"] is None
    (line,) = page["results"]
    assert line.pop("at").endswith("Z")
    assert line == {
        "id": event_id,
        "actor_id": 7,
        "actor_name": "olivia",
        "origin": "web",
        "request_id": trace,
        "ip": "192.0.2.7",
        "action": "change.approved",
        "object_type": "config",
        "object_id": "17",
        "object_label": "",
        "change_id": 5,
        "device_id": None,
        "state_from": "a",
        "state_to": "b",
        "code": "X",
        "reason": "because",
        "proof": {"state": "pending", "leaf_index": None, "tree_size": None, "signed_at": None},
    }


def test_following_next_shows_every_event_once_and_keeps_the_filters(audrey: APIClient, say: Say, trace: str) -> None:
    ids = [say(code="A b&c") for _ in range(7)]
    say(code="other")
    url: str | None = f"{EVENTS}?request_id={trace}&code=A+b%26c&limit=3&before_id={2**62}"
    seen: list[int] = []
    lengths = []
    while url:
        page = audrey.get(url).json()
        lengths.append(len(page["results"]))
        seen += [line["id"] for line in page["results"]]
        url = page["next"]
    assert lengths == [3, 3, 1]
    assert seen == ids[::-1]


def test_a_page_holds_fifty_unless_asked(audrey: APIClient, fill: Fill, trace: str) -> None:
    fill(60)
    assert len(audrey.get(EVENTS, {"request_id": trace}).json()["results"]) == 50


@pytest.mark.parametrize("url", [EVENTS, f"{EXPORT}?format=csv"])
@pytest.mark.parametrize("query", ["actorr=olivia", "page=2", "offset=5", "object_id__in=1", "password=x"])
def test_an_unknown_filter_is_refused_with_those_that_exist(audrey: APIClient, url: str, query: str) -> None:
    before = _exports()
    response = audrey.get(f"{url}{'&' if '?' in url else '?'}{query}")
    assert response.status_code == 400
    refusal = response.json()
    assert refusal["code"] == "unknown_filter"
    assert refusal["fields"] == {query.partition("=")[0]: [refusal["detail"]]}
    assert all(name in refusal["detail"] for name in EventFilter.names())
    assert _exports() == before


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("before_id=x", "before_id"),
        ("before_id=-1", "before_id"),
        (f"before_id={2**63}", "before_id"),
        ("limit=1&limit=2", "limit"),
        ("change_id=abc", "change_id"),
        ("since=yesterday", "since"),
        ("text=%00", "text"),
        ("ids=1%2C", "ids"),
        ("actor=a&actor=b", "actor"),
        ("format=json", "format"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_name(audrey: APIClient, query: str, field: str) -> None:
    response = audrey.get(f"{EVENTS}?{query}")
    assert response.status_code == 400
    refusal = response.json()
    assert refusal["code"] == ("unknown_filter" if field == "format" else "bad_filter")
    assert refusal["fields"] == {field: [refusal["detail"]]}


def test_one_event_with_its_body(audrey: APIClient, say: Say) -> None:
    event_id = say(before={"title": "a"}, after={"title": "b"}, details={"risk": 0.5})
    event = audrey.get(f"{EVENTS}{event_id}/").json()
    stored = Event.objects.get(pk=event_id)
    assert event["body"] == stored.content()
    assert event["body"]["details"] == {"risk": "0.5"}
    assert (event["txid"], event["db_user"]) == (stored.txid, stored.db_user)


@pytest.mark.parametrize("event_id", [0, 2**62, 2**63, 10**30])
def test_an_event_that_is_not_there(audrey: APIClient, event_id: int) -> None:
    response = audrey.get(f"{EVENTS}{event_id}/")
    assert response.status_code == 404
    assert response.json() == {"code": "not_found", "detail": f"There is no audit event {event_id}.", "fields": {}}


def _read(response: Any) -> str:  # noqa: ANN401 - the test client's response has attributes of its own
    assert response.streaming
    text: str = b"".join(response.streaming_content).decode()
    return text


@pytest.mark.parametrize("accept", ["*/*", "text/csv", "application/json", "text/html"])
def test_the_csv_is_what_the_url_says_whatever_is_accepted(
    audrey: APIClient, say: Say, trace: str, accept: str
) -> None:
    say(reason="=1+1")
    response = audrey.get(EXPORT, {"format": "csv", "request_id": trace}, HTTP_ACCEPT=accept)
    assert response["Content-Type"].startswith("text/csv; charset=utf-8")
    assert response["Content-Disposition"].startswith('attachment; filename="countersign-audit-')
    assert response["Cache-Control"] == "no-store"
    (row,) = csv.DictReader(io.StringIO(_read(response)))
    assert row["reason"] == "'=1+1"


def test_the_json_lines_are_the_events_and_the_export_is_one_of_them(audrey: APIClient, say: Say, trace: str) -> None:
    ids = [say(), say()]
    response = audrey.get(EXPORT, {"format": "jsonl", "request_id": trace}, REMOTE_ADDR="192.0.2.99")
    assert response["Content-Type"] == "application/jsonl"
    assert [json.loads(line)["id"] for line in _read(response).splitlines()] == ids
    event = Event.objects.get(pk=int(response["X-Audit-Event"]))
    assert (event.action, event.actor_name, event.origin) == ("audit.exported", "auditor-person", "api")
    assert event.ip == "192.0.2.99"
    assert event.content()["details"] == {"format": "jsonl", "filters": {"request_id": trace}}


@pytest.mark.parametrize("query", ["", "format=", "format=xlsx", "format=pack", "format=csv&format=jsonl"])
def test_an_export_without_a_known_format_is_refused_in_json(audrey: APIClient, query: str) -> None:
    before = _exports()
    response = audrey.get(f"{EXPORT}?{query}", HTTP_ACCEPT="text/csv")
    assert response.status_code == 400
    assert list(response.json()["fields"]) == ["format"]
    assert _exports() == before


def test_each_call_costs_a_fixed_number_of_queries(audrey: APIClient, fill: Fill, say: Say, trace: str) -> None:
    fill(200)
    event_id = say()
    for url, statements in {
        f"{EVENTS}?request_id={trace}&limit=100": ["SELECT", "SELECT", "SELECT"],
        f"{EVENTS}?request_id={trace}&text=label": ["SELECT"] * 4,  # how far the page looks, too
        f"{EVENTS}{event_id}/": ["SELECT", "SELECT", "SELECT"],
        f"{EXPORT}?format=csv&request_id={trace}": [
            *("SELECT", "SAVEPOINT", "WITH", "RELEASE"),  # what was looked for stands beside the event
            *("SAVEPOINT", "COPY", "RELEASE"),
        ],
    }.items():
        with CaptureQueriesContext(connection) as queries:
            response: Any = audrey.get(url)
            assert response.status_code == 200
            assert b"".join(response.streaming_content if response.streaming else [response.content])
        assert [query["sql"].split()[0] for query in queries] == statements


def test_the_api_is_described_without_a_warning() -> None:
    GENERATOR_STATS.reset()
    generator = cast("Any", SchemaGenerator)(urlconf="tests.integration.audit.urls")
    schema = generator.get_schema(public=True)
    cast("Any", validate_schema)(schema)
    # How people sign in is described by the portal, whose part these URLs leave out.
    complaints = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert [text for text in complaints if "authenticator" not in text] == []
    listing = schema["paths"][EVENTS]["get"]
    described = {parameter["name"] for parameter in listing["parameters"]}
    assert described == {*EventFilter.names(), "before_id", "limit"}
    export = schema["paths"][EXPORT]["get"]
    assert set(export["responses"]["200"]["content"]) == {"text/csv", "application/jsonl"}
    assert {p["name"] for p in export["parameters"]} == {*EventFilter.names(), "format"}
