"""The inbox in the API: the same things as on the page, in the same order, page by page."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from changes.domain.waiting import Work
from changes.models import ChangeRequest
from changes.services.inboxes import waiting_counts, waiting_firsts
from changes.services.people import person_of
from changes.services.threads import thread_open
from devices.models import Device
from tests.factories import Cast, actor, assessed, draft, submitted

pytestmark = pytest.mark.django_db


def test_the_api_says_what_the_page_says(
    cast: Cast, device: Device, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    change = assessed(cast, [device], title="Waits")
    submitted(cast.author, [device])
    thread_open(change_id=change.pk, actor=actor(cast.peer), text="Why? @approver")
    client = APIClient()
    for user in (cast.approver, cast.colleague, cast.author, cast.auditor, cast.outsider):
        client.force_authenticate(user)
        person = person_of(actor(user))
        counts = client.get("/api/v1/inbox/").data["results"]
        assert {row["kind"]: row["count"] for row in counts} == waiting_counts(person)
        firsts = waiting_firsts(person, size=9).changes
        for kind in Work:
            found = client.get(f"/api/v1/inbox/{kind}/").data["results"]
            assert len(found) == waiting_counts(person).get(kind, 0)
            if kind in firsts:
                assert [row["id"] for row in found] == firsts[kind]

    client.force_authenticate(cast.approver)
    # The person and their groups; the changes; their open stages.
    with django_assert_num_queries(4):
        (row,) = client.get("/api/v1/inbox/decide/").data["results"]
    assert (row["number"], row["waits_for"], row["needed"], row["urgent"]) == (change.number, ["cab"], 1, False)
    with django_assert_num_queries(3):
        (waits,) = client.get("/api/v1/inbox/thread/").data["results"]
    assert (waits["change"], waits["text"]) == (change.pk, "")
    assert client.post("/api/v1/inbox/decide/", {}).status_code == 405


def test_pages_go_by_key_with_the_urgent_first_and_odd_questions_are_refused(cast: Cast) -> None:
    changes = [draft(cast.author, title=f"draft {number}") for number in range(5)]
    soon = timezone.now()
    ChangeRequest.objects.filter(pk=changes[3].pk).update(window_start=soon, window_end=soon + timedelta(hours=1))
    client = APIClient()
    client.force_authenticate(cast.author)
    seen, address = [], "/api/v1/inbox/draft/?limit=2"
    while address:
        page = client.get(address).data
        seen += [row["title"] for row in page["results"]]
        address = page["next"]
    assert seen == ["draft 3", "draft 0", "draft 1", "draft 2", "draft 4"]
    assert [row["id"] for row in client.get("/api/v1/inbox/draft/?urgency=urgent").data["results"]] == [changes[3].pk]
    for bad in ("draft/?risk=huge", "draft/?who=1", "draft/?cursor=x", "thread/?risk=low", "?kind=draft"):
        assert client.get(f"/api/v1/inbox/{bad}").status_code == 400, bad
    assert client.get("/api/v1/inbox/nothing/").status_code == 404
    client.logout()
    assert client.get("/api/v1/inbox/").status_code == 401
