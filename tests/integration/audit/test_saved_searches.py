from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from audit.actor import Actor, Origin
from audit.errors import BadSavedSearchError, FilterError, LogClosedError, SavedSearchNotFoundError
from audit.models import Event, SavedSearch
from audit.saved_searches import saved_search_change, saved_search_create, saved_search_delete
from tests.factories import Cast, PersonFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast(db: None) -> Cast:
    return Cast.create()


API = "/api/v1/audit/searches/"


def person(name: str, *roles: str) -> User:
    return PersonFactory.create(username=name, roles=roles)


def actor(user: User) -> Actor:
    return Actor(user_id=user.pk, username=user.get_username(), origin=Origin.WEB, request_id="", ip="")


@pytest.fixture
def audrey() -> User:
    return person("audrey-s", "auditor")


@pytest.fixture
def other() -> User:
    return person("morgan-s", "change-manager")


def said(action: str) -> Event:
    return Event.objects.filter(action=action).latest("pk")


def test_a_search_is_kept_as_it_was_asked_and_the_log_says_so(audrey: User) -> None:
    search = saved_search_create(
        actor=actor(audrey), name="  Stale   plans ", query={"code": " PLAN_STALE ", "text": ""}, shared=False
    )
    assert (search.name, search.query, search.owner_name) == ("Stale plans", {"code": "PLAN_STALE"}, "audrey-s")
    event = said("saved_search.created")
    assert (event.object_id, event.actor_name) == (str(search.pk), "audrey-s")
    assert event.content()["after"] == {"name": "Stale plans", "shared": False, "query": {"code": "PLAN_STALE"}}


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [
        ("", {"code": "X"}, "name"),
        ("x" * 81, {"code": "X"}, "name"),
        ("a\x00b", {"code": "X"}, "name"),
        ("empty", {"code": " "}, "query"),
        ("bad", {"colour": "red"}, "colour"),
        ("bad", {"change_id": "many"}, "change_id"),
        ("Taken", {"code": "X"}, "name"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_written(
    audrey: User,
    name: str,
    query: dict[str, str],
    field: str,
) -> None:
    saved_search_create(actor=actor(audrey), name="Taken", query={"code": "X"}, shared=False)
    with pytest.raises(FilterError) as refused:
        saved_search_create(actor=actor(audrey), name=name, query=query, shared=False)
    assert refused.value.field == field
    assert SavedSearch.objects.filter(owner_id=audrey.pk).count() == 1


def test_who_may_not_read_the_log_keeps_no_search() -> None:
    with pytest.raises(LogClosedError):
        saved_search_create(actor=actor(person("olga-s", "requester")), name="x", query={"code": "X"}, shared=True)


def test_others_use_a_shared_search_and_only_its_owner_changes_it(audrey: User, other: User) -> None:
    own = saved_search_create(actor=actor(audrey), name="Mine", query={"code": "X"}, shared=False)
    assert own not in SavedSearch.objects.open_to(other.pk)
    saved_search_change(actor=actor(audrey), search_id=own.pk, shared=True)
    assert own in SavedSearch.objects.open_to(other.pk)
    for act in (saved_search_change, saved_search_delete):
        with pytest.raises(SavedSearchNotFoundError):
            act(actor=actor(other), search_id=own.pk)
    event = said("saved_search.changed")
    assert (event.content()["before"]["shared"], event.content()["after"]["shared"]) == (False, True)


def test_a_change_to_the_same_is_no_event_and_a_taken_name_is_refused(audrey: User) -> None:
    first = saved_search_create(actor=actor(audrey), name="First", query={"code": "X"}, shared=False)
    saved_search_create(actor=actor(audrey), name="Second", query={"code": "X"}, shared=False)
    before = Event.objects.latest("pk").pk
    saved_search_change(actor=actor(audrey), search_id=first.pk, name="First", shared=False)
    with pytest.raises(BadSavedSearchError, match="Second already"):
        saved_search_change(actor=actor(audrey), search_id=first.pk, name="Second")
    assert Event.objects.latest("pk").pk == before


def test_a_deleted_search_is_gone_and_its_name_is_free(audrey: User) -> None:
    search = saved_search_create(actor=actor(audrey), name="Gone", query={"code": "X"}, shared=True)
    saved_search_delete(actor=actor(audrey), search_id=search.pk)
    assert not SavedSearch.objects.open_to(audrey.pk)
    assert said("saved_search.deleted").object_label == "Gone"
    with pytest.raises(SavedSearchNotFoundError):
        saved_search_delete(actor=actor(audrey), search_id=search.pk)
    saved_search_create(actor=actor(audrey), name="Gone", query={"code": "X"}, shared=True)


def test_the_database_refuses_a_search_that_changes_without_an_event(audrey: User) -> None:
    search = saved_search_create(actor=actor(audrey), name="Held", query={"code": "X"}, shared=False)
    insert = (
        "INSERT INTO audit_saved_search (owner_id, owner_name, name, query, shared) VALUES (%s, 'x', 'x', '{}', false)"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        with transaction.atomic():
            cursor.execute(insert, [search.owner_id])
            with pytest.raises(IntegrityError, match="holds no audit event"), transaction.atomic():
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)


def test_the_api_keeps_lists_changes_and_deletes(audrey: User, other: User) -> None:
    client, guest = APIClient(), APIClient()
    client.force_authenticate(audrey)
    guest.force_authenticate(other)
    body = {"name": "By API", "query": {"actor": "olivia"}, "shared": True}
    made = client.post(API, body, format="json")
    assert made.status_code == 201
    url = f"{API}{made.json()['id']}/"
    assert [row["name"] for row in guest.get(API).json()] == ["By API"]
    assert guest.get(url).json()["owner"] == "audrey-s"
    assert guest.patch(url, {"name": "Mine now"}, format="json").status_code == 404
    assert client.patch(url, {"name": "Renamed"}, format="json").json()["name"] == "Renamed"
    for wrong in ({"colour": 1}, {"name": 5}, {"shared": "yes"}):
        refused = client.patch(url, wrong, format="json")
        assert (refused.status_code, [*refused.json()["fields"]]) == (400, [*wrong])
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
    nobody = APIClient()
    nobody.force_authenticate(person("olga-s", "requester"))
    assert nobody.get(API).status_code == nobody.post(API, body, format="json").status_code == 403


def test_the_pages_keep_share_and_delete_a_search_without_javascript(cast: Cast, client: Client) -> None:
    client.force_login(cast.auditor)
    listed = client.get("/audit/?code=PLAN_STALE&change_id=CHG-00042").content.decode()
    assert '<input type="hidden" name="filter-change_id" value="42">' in listed
    given = {"filter-code": "PLAN_STALE", "filter-change_id": "42", "shared": "on"}
    refused = client.post(reverse("audit-searches"), {**given, "name": ""})
    assert refused.status_code == 400
    assert '<input type="hidden" name="filter-code" value="PLAN_STALE">' in refused.content.decode()
    made = client.post(reverse("audit-searches"), {**given, "name": "Stale <plans>"})
    assert made["Location"] == "/audit/?change_id=42&code=PLAN_STALE"
    (search,) = SavedSearch.objects.open_to(cast.auditor.pk)
    shown = client.get(reverse("audit-searches")).content.decode()
    assert "Stale &lt;plans&gt;" in shown
    assert "Delete this search?" in shown
    assert client.post(reverse("audit-search-change", args=[search.pk]), {"name": "Stale"}).status_code == 302
    search.refresh_from_db()
    assert (search.name, search.shared) == ("Stale", False)
    assert client.get(reverse("audit-search-delete", args=[search.pk])).status_code == 302
    assert SavedSearch.objects.kept().filter(pk=search.pk).exists()
    assert client.post(reverse("audit-search-delete", args=[search.pk])).status_code == 302
    assert not SavedSearch.objects.kept().filter(pk=search.pk).exists()
    assert client.post(reverse("audit-search-delete", args=[search.pk])).status_code == 404
