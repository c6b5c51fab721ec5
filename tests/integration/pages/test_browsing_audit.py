from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable

import pytest
from django.db import transaction
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from audit.actor import Actor, Origin
from audit.filters import EventFilter
from audit.models import Event
from audit.recorder import record
from devices.models import Device
from portal.views.audit import PAGE
from tests.factories import Cast, carried_out, draft, started
from tests.integration.pages.conftest import As

SOMEBODY = Actor(user_id=None, username="somebody", origin=Origin.COMMAND)


def happened(action: str = "test.happened", **fields: object) -> int:
    given: dict[str, object] = {"object_type": "product", "object_id": "1", "actor": SOMEBODY, **fields}
    with transaction.atomic():
        return record(action=action, **given)  # type: ignore[arg-type]  # names are record()'s own


@pytest.fixture
def auditor(cast: Cast, as_: As) -> Client:
    return as_(cast.auditor)


def page(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return response.content.decode()


def shown(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'class="table__title" href="/audit/(\d+)/"', html)]


def body(response: object) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    chunks = response.streaming_content
    assert isinstance(chunks, Iterable)
    return b"".join(chunks)


# ---- who


@pytest.mark.parametrize("who", ["auditor", "manager"])
def test_those_who_may_see_the_log(cast: Cast, as_: As, who: str) -> None:
    page(as_(getattr(cast, who)), "/audit/")


@pytest.mark.parametrize("who", ["author", "approver", "outsider", "superuser"])
@pytest.mark.parametrize("path", ["/audit/", "/audit/1/", "/audit/export/?format=csv"])
def test_others_learn_who_may(cast: Cast, as_: As, who: str, path: str) -> None:
    happened("test.unseen")
    html = page(as_(getattr(cast, who)), path, 403)
    assert "Auditors, change managers and administrators read the audit log" in html
    assert "test.unseen" not in html
    assert not Event.objects.filter(action="audit.exported", actor_name=getattr(cast, who).username).exists()


@pytest.mark.parametrize("path", ["/audit/", "/audit/1/", "/audit/export/?format=csv"])
def test_without_signing_in_nothing_is_read(db: None, path: str) -> None:
    assert Client().get(path).status_code == 302


# ---- the list


def test_newest_come_first_and_pages_follow_each_other(auditor: Client) -> None:
    ids = [happened("test.paged") for _ in range(PAGE + 2)]
    first = page(auditor, "/audit/?action=test.paged")
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    happened("test.paged")
    second = page(auditor, older[1].replace("&amp;", "&"))
    assert shown(first) + shown(second) == ids[::-1]
    assert 'href="/audit/?action=test.paged"' in second


def test_change_is_found_by_its_number(auditor: Client, cast: Cast) -> None:
    change = draft(cast.author)
    found = page(auditor, f"/audit/?change_id={change.number.lower()}")
    assert shown(found) == shown(page(auditor, f"/audit/?change_id={change.pk}")) != []
    assert f'value="{change.number.lower()}"' in found


def test_only_a_change_with_events_leads_to_its_trail(auditor: Client, cast: Cast) -> None:
    change = draft(cast.author)
    assert f'href="/audit/changes/{change.pk}/"' in page(auditor, f"/audit/?change_id={change.number}")
    assert f'href="/audit/changes/{change.pk}/"' not in page(auditor, f"/audit/?change_id={change.number}&text=nowhere")
    for unknown in ("CHG-99999", "9" * 18):
        html = page(auditor, f"/audit/?change_id={unknown}")
        assert "No event matches" in html
        assert "/audit/changes/" not in html


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?actr=olivia", "There is no filter &#x27;actr&#x27;"),
        ("?change_id=CHG-x", "“Change” needs a whole number"),
        ("?change_id=CHG-", "“Change” needs a whole number"),
        ("?since=yesterday", "“From (UTC)” needs a day or a time"),
        ("?actor=a&actor=b", "“Who” is given 2 times"),
        ("?device_id=x", "“Device&#x27;s id” needs a whole number"),
        ("?origin=a&origin=b", "“Origin” is given 2 times"),
        ("?before_id=x", "before_id needs a whole number"),
        ("?text=%00", "holds characters that no event can hold"),
    ],
)
def test_what_cannot_be_asked_is_refused(auditor: Client, query: str, sentence: str) -> None:
    happened()
    html = page(auditor, f"/audit/{query}", 400)
    assert sentence in html
    assert shown(html) == []
    assert "/audit/export/" not in html


def test_every_filter_of_the_log_is_on_the_page(auditor: Client) -> None:
    html = page(auditor, "/audit/")
    for name in EventFilter.names():
        assert f'name="{name}"' in html, name


def test_rare_filters_are_unfolded_when_they_are_used(auditor: Client) -> None:
    assert '<details class="filter-bar__more" open>' in page(auditor, "/audit/?object_type=device")
    assert '<details class="filter-bar__more">' in page(auditor, "/audit/?actor=x")


def test_a_digest_in_the_place_of_a_state_says_that_it_is_one(auditor: Client) -> None:
    happened("test.settled", state_to="d" * 64)
    assert f"Digest {'d' * 12}</td>" in page(auditor, "/audit/?action=test.settled")


@pytest.mark.parametrize("action", ["access.refused", "access.not_proved", "access.throttled", "user.sign_in_failed"])
def test_refused_attempts_stand_out(auditor: Client, action: str) -> None:
    happened(action)
    assert f'<code class="event-action" data-tone="warn">{action}</code>' in page(auditor, f"/audit/?action={action}")


def test_refusals_stand_out(auditor: Client) -> None:
    happened("change.approve_refused", object_type="change", code="GATE_SELF_APPROVAL", reason="You wrote it.")
    html = page(auditor, "/audit/?action=change.approve_refused")
    assert '<code class="event-action" data-tone="warn">change.approve_refused</code>' in html
    assert "GATE_SELF_APPROVAL" in html


def test_hostile_text_is_escaped_and_hidden_characters_written_out(auditor: Client) -> None:
    evil = "<script>x</script>\u202e"
    event_id = happened("test.evil", object_label=evil, reason=evil, before={"a": evil}, details={"b": [evil]})
    for path in ("/audit/?action=test.evil", f"/audit/{event_id}/"):
        html = page(auditor, path)
        assert "<script>x" not in html
        assert "\u202e" not in html
        assert "&lt;script&gt;x&lt;/script&gt;\\u202e" in html


@pytest.mark.parametrize("number", [1, 30])
def test_queries_of_the_list_do_not_grow(
    cast: Cast, as_: As, django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    manager = as_(cast.manager)
    for _ in range(number):
        happened("test.counted")
    # Session, person, roles, events, their proof states, saved searches, what waits for a change manager: changes,
    # exceptions, drift; on the last page, up to when events went to archives.
    with django_assert_num_queries(10):
        page(manager, "/audit/?action=test.counted")


# ---- one event


def test_event_shows_both_sides_its_links_and_its_bytes(auditor: Client, cast: Cast, devices: list[Device]) -> None:
    run = carried_out(started(cast, devices[:1]))
    event = Event.objects.filter(object_type="run", object_id=str(run.pk)).order_by("-pk")[0]
    html = page(auditor, f"/audit/{event.pk}/")
    assert f'href="/changes/{run.change_id}/runs/{run.pk}/"' in html
    assert f'href="/changes/{run.change_id}/"' in html
    stored = event.body.replace('"', "&quot;")
    assert stored in html
    edited = happened("test.edited", before={"title": "old", "same": 1}, after={"title": "new", "lines": "a\nb\n"})
    html = page(auditor, f"/audit/{edited}/")
    assert "Before and after" in html
    fields = re.findall(r'<th scope="row" data-lead>(\w+)</th>', html)
    assert fields == ["same", "title", "lines"]
    assert '<td data-label="Before">old' in html
    assert '<td data-label="After">new' in html


def test_digest_of_the_stored_bytes_is_given(auditor: Client) -> None:
    event = Event.objects.get(pk=happened())
    assert hashlib.sha256(event.body.encode()).hexdigest() in page(auditor, f"/audit/{event.pk}/")


def test_neighbours_are_one_step_away(auditor: Client) -> None:
    ids = [happened() for _ in range(3)]
    html = page(auditor, f"/audit/{ids[1]}/")
    assert f'href="/audit/{ids[0]}/"' in html
    assert f'href="/audit/{ids[2]}/"' in html


def test_event_that_is_not_there(auditor: Client) -> None:
    page(auditor, "/audit/999999999/", 404)
    page(auditor, f"/audit/{2**63}/", 404)


# ---- exports


@pytest.mark.django_db(transaction=True)
def test_csv_holds_what_the_filters_choose_and_is_an_event(cast: Cast, as_: As) -> None:
    ids = [happened("test.exported", object_label="=1+1"), happened("test.exported")]
    happened("test.other")
    response = as_(cast.auditor).get("/audit/export/?format=csv&action=test.exported")
    assert response["Content-Type"].startswith("text/csv")
    assert re.fullmatch(r'attachment; filename="countersign-audit-\S+\.csv"', response["Content-Disposition"])
    rows = list(csv.DictReader(io.StringIO(body(response).decode())))
    assert [int(row["id"]) for row in rows] == ids
    assert rows[0]["object_label"] == "'=1+1"
    event = Event.objects.get(pk=int(response["X-Audit-Event"]))
    assert (event.action, event.actor_name, event.origin) == ("audit.exported", "auditor", "web")
    assert event.content()["details"] == {"format": "csv", "filters": {"action": "test.exported"}}


@pytest.mark.django_db(transaction=True)
def test_json_lines_hold_the_stored_bytes(cast: Cast, as_: As) -> None:
    change = draft(cast.author)
    response = as_(cast.manager).get(f"/audit/export/?format=jsonl&change_id={change.number}")
    assert response["Content-Type"] == "application/jsonl"
    lines = body(response).decode().splitlines()
    events = Event.objects.filter(change_id=change.pk).order_by("pk")
    assert [json.loads(line)["id"] for line in lines] == [event.pk for event in events]
    assert all(event.body in line for event, line in zip(events, lines, strict=True))


def test_links_to_exports_carry_the_filters(auditor: Client) -> None:
    happened("test.linked")
    html = page(auditor, "/audit/?action=test.linked&before_id=99999999")
    assert 'href="/audit/export/?action=test.linked&amp;format=csv"' in html
    assert 'href="/audit/export/?action=test.linked&amp;format=jsonl"' in html


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "Say format=csv or format=jsonl"),
        ("?format=xml", "There is no export format"),
        ("?format=csv&format=jsonl", "given 2 times"),
        ("?format=csv&colour=red", "There is no filter"),
        ("?format=csv&since=soon", "since needs a day"),
    ],
)
def test_export_that_cannot_be_made_says_why_and_leaves_no_event(auditor: Client, query: str, sentence: str) -> None:
    before = Event.objects.filter(action="audit.exported").count()
    assert sentence in page(auditor, f"/audit/export/{query}", 400)
    assert Event.objects.filter(action="audit.exported").count() == before


def test_asking_for_the_head_of_an_export_makes_none(auditor: Client) -> None:
    assert auditor.head("/audit/export/?format=csv").status_code == 405
    assert auditor.post("/audit/export/?format=csv").status_code == 405
