"""Pages of the explorer: read along one index, and never further than so many events."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import selectors
from audit.filters import EventFilter
from audit.models import Event
from audit.selectors import EventPage, event_page, events, story_page
from tests.database import analyze, as_owner

Say = Callable[..., int]
Fill = Callable[..., None]

pytestmark = pytest.mark.django_db

QUERY = {
    "actor": "person3", "origin": "web", "action": "thing.done3", "object_type": "device", "object_id": "3",
    "change_id": "4", "device_id": "4", "code": "CODE_3", "text": "LAB", "since": "2020-01-01", "until": "2100-01-01",
}  # fmt: skip


def pages(query: dict[str, str], *, size: int = 50) -> list[EventPage]:
    found = [event_page(EventFilter.parse(query), size=size)]
    while (before_id := found[-1].next_before_id) is not None:
        found.append(event_page(EventFilter.parse(query), before_id=before_id, size=size))
    return found


@pytest.fixture(autouse=True)
def _machines_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "LOOK_S", 600.0)


def ids(found: list[EventPage]) -> list[int]:
    return [event.pk for page in found for event in page.events]


@pytest.mark.parametrize("names", [*itertools.combinations(QUERY, 1), *itertools.combinations(QUERY, 2), tuple(QUERY)])
def test_pages_show_exactly_what_passes_the_filter(
    fill: Fill, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    fill(160, body_bytes=1)
    fill(40, body_bytes=1)
    monkeypatch.setattr(selectors, "EXAMINED", 30)
    query = {name: QUERY[name] for name in names}
    found = pages(query, size=7)
    expected = [event.pk for event in events(EventFilter.parse(query))]
    assert expected
    assert ids(found) == expected


def test_a_page_that_has_looked_far_enough_says_how_far_and_goes_on_from_there(
    fill: Fill, say: Say, trace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = say(reason="The needle")
    fill(45)
    monkeypatch.setattr(selectors, "EXAMINED", 20)
    found = pages({"request_id": trace, "text": "needle"})
    assert [len(page.events) for page in found] == [0, 0, 1]
    assert ids(found) == [first]
    at = dict(Event.objects.filter(request_id=trace).values_list("pk", "at"))
    assert [page.searched_to for page in found] == [*(at[page.next_before_id or 0] for page in found[:2]), None]


def test_a_page_that_has_looked_for_long_enough_ends_and_nothing_is_passed_over(
    fill: Fill, say: Say, trace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = say(reason="The needle")
    fill(250)
    monkeypatch.setattr(selectors, "LOOK_S", 0.0)
    found = pages({"request_id": trace, "text": "needle"})
    assert [len(page.events) for page in found] == [0, 0, 1]
    assert ids(found) == [first]
    assert [page.searched_to is None for page in found] == [False, False, True]


def test_events_that_are_named_are_looked_at_alone(fill: Fill, trace: str) -> None:
    fill(60)
    own = list(Event.objects.filter(request_id=trace).order_by("-pk").values_list("pk", flat=True))
    named = ",".join(map(str, [*own[::3], 2**62]))
    assert ids(pages({"ids": named}, size=7)) == own[::3]
    assert ids(pages({"ids": named, "text": "label", "request_id": trace}, size=7)) == own[::3]
    assert ids(pages({"ids": named, "request_id": "another"}, size=7)) == []


def test_a_search_that_ends_with_the_log_does_not_ask_to_go_on(fill: Fill, trace: str) -> None:
    fill(30)
    (page,) = pages({"request_id": trace, "text": "nothing says this"})
    assert (page.events, page.next_before_id, page.searched_to) == ((), None, None)


def test_a_text_that_was_taken_out_is_found_no_more(say: Say, trace: str) -> None:
    event_id = say(reason="The password is Sesam", details={"comment": "Sesam, too"})
    assert ids(pages({"request_id": trace, "text": "SESAM"})) == [event_id]
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE audit_opening DISABLE TRIGGER audit_opening_row_stays")
        emptied = (
            "UPDATE audit_opening SET salt = NULL, value = NULL, redaction_id = 1 WHERE event_id = %s AND path = %s"
        )
        cursor.execute(emptied, [event_id, "/reason"])
        cursor.execute("ALTER TABLE audit_opening ENABLE ALWAYS TRIGGER audit_opening_row_stays")
    for text, found in (("sesam", []), ("[redacted]", [event_id])):
        query = {"request_id": trace, "text": text}
        assert ids(pages(query)) == found
        assert [event.pk for event in events(EventFilter.parse(query))] == found


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ({}, 1),
        ({"actor": "person3"}, 1),
        ({"actor": "person3", "change_id": "4"}, 3),
        ({"actor": "person3", "action": "thing.done3"}, 4),
        ({"since": "2020-01-01"}, 3),
    ],
)
def test_a_page_takes_a_fixed_number_of_queries(fill: Fill, query: dict[str, str], queries: int) -> None:
    fill(200)
    with CaptureQueriesContext(connection) as seen:
        event_page(EventFilter.parse(query), size=2)
    assert len(seen) == queries


@pytest.mark.parametrize(
    "query", [{name: value} for name, value in QUERY.items() if name not in {"text", "since", "until"}]
)
def test_a_page_is_read_along_an_index_in_its_order(fill: Fill, query: dict[str, str]) -> None:
    fill(3000)
    analyze("audit_event")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        with CaptureQueriesContext(connection) as seen:
            event_page(EventFilter.parse(query), size=2)
        cursor.execute(f"EXPLAIN {seen.captured_queries[-1]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    walk = re.search(r"->  Limit.*\n +->  Index (Only )?Scan Backward using audit_event_", plan)
    assert walk, plan


@pytest.mark.parametrize("query", [{"text": "x"}, {"actor": "person3", "text": "x"}])
def test_rows_are_looked_at_as_they_come(fill: Fill, query: dict[str, str]) -> None:
    fill(3000)
    analyze("audit_event")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        with CaptureQueriesContext(connection) as seen:
            event_page(EventFilter.parse(query), size=2)
        (looking,) = [each["sql"] for each in seen.captured_queries if " walked WHERE" in each["sql"]]
        cursor.execute(f"EXPLAIN {looking}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Sort" not in plan, plan


def test_a_time_outside_the_log_finds_nothing_and_the_ends_of_time_are_no_error(say: Say) -> None:
    say()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert event_page(EventFilter.parse({"since": tomorrow})).events == ()
    assert event_page(EventFilter.parse({"until": "2001-01-01"})).events == ()
    for query in ({"since": "0001-01-01"}, {"until": "9999-12-30"}):
        assert event_page(EventFilter.parse(query), size=1).events


def test_a_story_begins_with_the_oldest_event_and_goes_on_by_key(say: Say) -> None:
    said = [say(change_id=900_042) for _ in range(5)]
    first = story_page(900_042, size=3)
    assert ([event.pk for event in first.events], first.next_after_id) == (said[:3], said[2])
    rest = story_page(900_042, after_id=said[2], size=3)
    assert ([event.pk for event in rest.events], rest.next_after_id) == (said[3:], None)
