from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.domain.calendar import feed
from changes.domain.calendar.feed import EventStatus, FeedEvent, icalendar_text
from changes.domain.calendar.layout import Entry, EntryKind, days_period, listing, month, month_period, week
from changes.domain.calendar.telling import told_in
from changes.domain.windows import Period

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)


def entry(key: int, start: str, end: str, kind: EntryKind = EntryKind.CHANGE) -> Entry:
    return Entry(
        key=key,
        kind=kind,
        title=f"CHG-{key}",
        period=Period(datetime.fromisoformat(start), datetime.fromisoformat(end)),
    )


def test_a_month_has_whole_weeks_and_says_which_days_are_its_own() -> None:
    weeks = month(2026, 11, [entry(1, "2026-11-21T22:00Z", "2026-11-22T01:00Z")], BERLIN)
    assert [week[0].date.day for week in weeks] == [26, 2, 9, 16, 23, 30]
    assert [day.inside for day in weeks[0]] == [False] * 6 + [True]
    (start,), (end,) = weeks[3][5].parts, weeks[3][6].parts
    assert (start.start_minute, start.end_minute, start.starts, start.ends) == (23 * 60, 1_440, True, False)
    assert (end.start_minute, end.end_minute, end.starts, end.ends) == (0, 120, False, True)
    assert month(2026, 11, (), BERLIN, first_weekday=6)[0][0].date == date(2026, 11, 1)
    assert [len(month(2027, number, (), BERLIN)) for number in (2, 12)] == [4, 5]
    with pytest.raises(ValueError, match="month"):
        month(2026, 13, (), BERLIN)


def test_what_ends_at_midnight_is_not_on_the_next_day() -> None:
    days = listing(date(2026, 11, 20), 5, [entry(1, "2026-11-21T21:00Z", "2026-11-21T23:00Z")], BERLIN)
    assert [(day.date.day, day.parts[0].end_minute) for day in days] == [(21, 1_440)]


def test_a_list_leaves_empty_days_out_and_puts_freezes_first() -> None:
    held = [
        entry(1, "2026-11-21T08:00Z", "2026-11-21T09:00Z"),
        entry(2, "2026-11-20T08:00Z", "2026-11-23T08:00Z", EntryKind.FREEZE),
    ]
    days = listing(date(2026, 11, 1), 60, held, BERLIN)
    assert [[part.entry.key for part in day.parts] for day in days] == [[2], [2, 1], [2], [2]]


def test_parts_that_overlap_stand_beside_each_other() -> None:
    held = [
        entry(1, "2026-11-21T08:00Z", "2026-11-21T10:00Z"),
        entry(2, "2026-11-21T09:00Z", "2026-11-21T12:00Z"),
        entry(3, "2026-11-21T10:00Z", "2026-11-21T11:00Z"),
        entry(4, "2026-11-21T13:00Z", "2026-11-21T14:00Z"),
    ]
    (saturday,) = [day for day in week(date(2026, 11, 18), held, BERLIN) if day.parts]
    assert [(part.entry.key, part.lane, part.lanes) for part in saturday.parts] == [
        (1, 0, 2),
        (2, 1, 2),
        (3, 0, 2),
        (4, 0, 1),
    ]


@given(st.lists(st.tuples(st.integers(0, 4 * 1_440), st.integers(1, 2_000)), max_size=12))
def test_no_two_parts_share_a_lane_and_none_is_lost(pairs: list[tuple[int, int]]) -> None:
    begin = datetime(2026, 10, 23, tzinfo=UTC)
    held = [
        Entry(
            EntryKind.CHANGE,
            key,
            str(key),
            Period(begin + timedelta(minutes=start), begin + timedelta(minutes=start + length)),
        )
        for key, (start, length) in enumerate(pairs)
    ]
    days = [*week(date(2026, 10, 23), held, BERLIN), *week(date(2026, 10, 30), held, BERLIN)]
    assert {part.entry.key for day in days for part in day.parts} == set(range(len(pairs)))
    for day in days:
        for one in day.parts:
            assert 0 <= one.lane < one.lanes
            assert 0 <= one.start_minute <= one.end_minute <= 1_440
            for other in day.parts:
                if one is not other and one.lane == other.lane:
                    assert one.end_minute <= other.start_minute or other.end_minute <= one.start_minute


def test_what_to_load_for_a_view_follows_the_local_midnights() -> None:
    assert days_period(date(2026, 10, 25), 1, BERLIN).words == "24 Oct 2026 22:00 to 25 Oct 2026 23:00 UTC"
    assert month_period(2026, 11, BERLIN).words == "25 Oct 2026 23:00 to 06 Dec 2026 23:00 UTC"


EVENT = FeedEvent(
    kind=EntryKind.CHANGE,
    key=12,
    summary="CHG-12: VLAN 20, in “FRA”; \\ and more",
    period=Period(NOW, NOW + timedelta(hours=2)),
    changed_at=NOW,
    revision=3,
    description="Two lines:\r\nBEGIN:VEVENT\x1b[31m",
    categories=("normal", "high, risk"),
    url="https://cab.example.net/changes/12/",
    busy=True,
)


def text(*events: FeedEvent) -> bytes:
    return icalendar_text(events, installation="cab.example.net", name="Changes")


def test_the_feed_is_read_back_as_it_was_written() -> None:
    (event,) = icalendar.Calendar.from_ical(text(EVENT)).walk("VEVENT")
    assert isinstance(event, icalendar.Event)
    assert event["summary"] == EVENT.summary
    assert event["description"] == "Two lines:\nBEGIN:VEVENT[31m"
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (EVENT.period.start, EVENT.period.end)
    assert event["uid"] == "change-12@cab.example.net"
    assert event["sequence"] == 3
    assert (event["status"], event["transp"], event["url"]) == ("CONFIRMED", "OPAQUE", EVENT.url)
    assert event.categories == ["normal", "high, risk"]


def test_the_text_keeps_to_rfc_5545() -> None:
    found = text(EVENT, FeedEvent(EntryKind.FREEZE, 1, "ä" * 300, EVENT.period, NOW, status=EventStatus.TENTATIVE))
    lines = found.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 75
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-2:] == [b"END:VCALENDAR", b""]
    assert b"DTSTART:20261121T220000Z" in lines
    assert rb"SUMMARY:CHG-12: VLAN 20\, in " in found
    assert found.count(b"BEGIN:VEVENT\r\n") == 2
    for line in found.decode().replace("\r\n ", "").split("\r\n"):
        assert line.isprintable()


def test_the_feed_is_the_same_each_time_and_each_occurrence_has_an_identifier_of_its_own() -> None:
    windows = [
        FeedEvent(EntryKind.WINDOW, 4, "Night", Period(NOW + day, NOW + day + timedelta(hours=1)), NOW)
        for day in (timedelta(0), timedelta(days=7))
    ]
    assert text(*windows) == text(*windows)
    assert len({each.uid("cab") for each in windows}) == 2


def test_a_feed_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_EVENTS", 3)
    endless = (FeedEvent(EntryKind.CHANGE, key, "x", EVENT.period, NOW) for key in count(1))
    found = icalendar_text(endless, installation="cab", name="Changes")
    assert [event["uid"] for event in icalendar.Calendar.from_ical(found).walk("VEVENT")] == [
        f"change-{key}@cab" for key in (1, 2, 3)
    ]


@settings(max_examples=25)
@given(st.text(max_size=120))
def test_no_text_breaks_out_of_its_line(words: str) -> None:
    event = FeedEvent(EntryKind.CHANGE, 1, words, EVENT.period, NOW, description=words, location=words)
    found = icalendar.Calendar.from_ical(text(event)).walk()
    assert [component.name for component in found] == ["VCALENDAR", "VEVENT"]


@given(
    st.integers(0, 50_000_000),
    st.integers(1, 50_000),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_a_sentence_is_told_by_any_clock_and_names_it(since: int, minutes: int, name: str) -> None:
    start, zone = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=since), ZoneInfo(name)
    period = Period(start, start + timedelta(minutes=minutes))
    sentence = f"The window {period.words} is taken, “14 Foo 2026 22:00 to 23:00 UTC” is none."
    assert told_in(sentence, zone) == sentence.replace(period.words, f"{period.by_clock(zone)} {name}")
    both = told_in(period.words, zone, beside_utc=True)
    assert both == (period.words if name == "UTC" else f"{period.words} ({period.by_clock(zone)} {name})")
