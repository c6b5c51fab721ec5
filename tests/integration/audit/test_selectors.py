import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.actor import Actor
from audit.errors import BadFilterError
from audit.filters import EventFilter
from audit.models import Event
from audit.selectors import PAGE_LIMIT, EventPage, event_page, events
from tests.database import analyze

Say = Callable[..., int]
Fill = Callable[..., None]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "matching", "other"),
    [
        ("actor", "pete", {"actor": Actor.system("pete")}, {"actor": Actor.system("pet")}),
        ("origin", "system", {"actor": Actor.system("olivia")}, {}),
        ("action", "plan.built", {"action": "plan.built"}, {"action": "plan.built.twice"}),
        ("object_type", "plan", {"object_type": "plan"}, {}),
        ("object_id", "abc", {"object_id": "abc"}, {"object_id": "abcd"}),
        ("change_id", "900017", {"change_id": 900_017}, {"change_id": 17}),
        ("device_id", "900003", {"device_id": 900_003}, {"change_id": 900_003}),
        ("code", "PLAN_STALE", {"code": "PLAN_STALE"}, {"code": "PLAN_EMPTY"}),
        ("text", "fra-sw", {"object_label": "Access FRA-SW-01"}, {"object_label": "fra_sw"}),
        ("text", "zür", {"reason": "In ZÜRICH"}, {"reason": "zurich"}),
        ("text", "100%", {"reason": "at 100% load"}, {"reason": "at 1000 load"}),
        ("text", "a_b", {"object_label": "A_B"}, {"object_label": "axb"}),
        ("text", "\\", {"reason": "back\\slash"}, {"reason": "slash"}),
        ("text", "'; DROP", {"reason": "'; drop table"}, {"reason": "drop"}),
        ("text", '%"', {"reason": 'a%"b'}, {"reason": 'a"b'}),
    ],
)
def test_a_filter_lets_through_what_it_names_and_nothing_else(
    say: Say, name: str, value: str, matching: dict[str, object], other: dict[str, object]
) -> None:
    before = say()
    wanted, unwanted = say(**matching), say(**other)
    found = {event.pk for event in events(EventFilter.parse({name: value})) if event.pk > before}
    assert wanted in found
    assert unwanted not in found


@pytest.mark.django_db
def test_filters_hold_together_and_newest_comes_first(say: Say, trace: str) -> None:
    first = say(change_id=5, code="X")
    say(change_id=5)
    second = say(change_id=5, code="X")
    found = events(EventFilter.parse({"request_id": trace, "change_id": "5", "code": "X"}))
    assert [event.pk for event in found] == [second, first]
    assert [event.pk for event in events(EventFilter(ids=(first, second)))] == [second, first]


@pytest.mark.django_db
def test_since_is_inclusive_and_until_is_not(say: Say, trace: str) -> None:
    ids = [say() for _ in range(3)]
    middle = Event.objects.get(pk=ids[1]).at
    assert [e.pk for e in events(EventFilter(request_id=trace, since=middle))] == [ids[2], ids[1]]
    assert [e.pk for e in events(EventFilter(request_id=trace, until=middle))] == [ids[0]]
    today = datetime.now(UTC).date()
    for until, count in ((today, 3), (today - timedelta(days=1), 0)):
        assert events(EventFilter.parse({"request_id": trace, "until": until.isoformat()})).count() == count


def _pages(event_filter: EventFilter, size: int) -> list[EventPage]:
    pages = [event_page(event_filter, size=size)]
    while (before_id := pages[-1].next_before_id) is not None:
        pages.append(event_page(event_filter, before_id=before_id, size=size))
    return pages


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "size", "lengths"), [(0, 5, [0]), (5, 5, [5]), (6, 5, [5, 1]), (11, 5, [5, 5, 1])])
def test_pages_are_full_and_the_last_one_is_known(
    say: Say, trace: str, count: int, size: int, lengths: list[int]
) -> None:
    ids = [say() for _ in range(count)]
    pages = _pages(EventFilter(request_id=trace), size)
    assert [len(page.events) for page in pages] == lengths
    assert [event.pk for page in pages for event in page.events] == ids[::-1]


@pytest.mark.django_db
def test_a_page_is_one_query_without_count_offset_or_bodies(fill: Fill, trace: str) -> None:
    fill(300)
    with CaptureQueriesContext(connection) as queries:
        page = event_page(EventFilter(request_id=trace), before_id=2**62, size=100)
    assert len(page.events) == 100
    assert len(queries) == 1
    assert not re.search(r"count\(|offset|\bbody\b", queries[0]["sql"], re.IGNORECASE)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [0, -1, PAGE_LIMIT + 1])
def test_a_page_of_absurd_size_is_refused(size: int) -> None:
    with pytest.raises(BadFilterError, match=f"between 1 and {PAGE_LIMIT}"):
        event_page(EventFilter(), size=size)


@pytest.mark.django_db(transaction=True)
def test_turning_pages_shows_each_event_once_while_others_write(say: Say, olivia: Actor, trace: str) -> None:
    ids = []
    with transaction.atomic():
        ids += [say() for _ in range(200)]
    stop = threading.Event()
    written: list[int] = []

    def write_on() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    event_id = say()
                written.append(event_id)
        finally:
            connection.close()

    writers = [threading.Thread(target=write_on) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        while len(written) < 20:
            stop.wait(0.005)
        at_first_page = set(written)
        pages = _pages(EventFilter(request_id=trace), 7)
        at_last_page = len(written)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    seen = [event.pk for page in pages for event in page.events]
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=True)
    assert set(ids) | at_first_page <= set(seen)
    assert at_last_page > len(at_first_page), "nobody wrote meanwhile: this run has shown nothing"


INDEXES: tuple[tuple[dict[str, str], str], ...] = (
    ({}, "audit_event_pkey"),
    ({"actor": "person7"}, "audit_event_actor"),
    ({"action": "thing.done3"}, "audit_event_action"),
    ({"object_type": "device", "object_id": "77"}, "audit_event_object"),
    ({"change_id": "77"}, "audit_event_change"),
    ({"device_id": "77"}, "audit_event_device"),
    ({"code": "CODE_7"}, "audit_event_code"),
)


@pytest.mark.django_db
def test_each_filter_reads_its_own_index(fill: Fill) -> None:
    fill(20_000, body_bytes=10)
    analyze("audit_event")
    for asked, index in INDEXES:
        plan = events(EventFilter.parse(asked)).filter(id__lt=2**62)[:51].explain()
        assert re.search(rf"Index Scan (Backward using|on) {index}\b", plan), plan
        assert "Seq Scan on audit_event" not in plan, plan
