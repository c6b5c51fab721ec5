# ruff: noqa: DTZ001, DTZ901 - wall clocks have no zone
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.calendar.occurrences import Steps, starts
from changes.domain.calendar.recurring import RecurringWindow, parse_recurring
from changes.domain.calendar.rules import Frequency, Rule, RuleError, Weekday, parse_rule, rule_text
from changes.domain.calendar.scope import Scope
from changes.domain.calendar.zones import UnknownZoneError, exists, moment, zone_named
from changes.domain.errors import InvalidInputError

BERLIN = ZoneInfo("Europe/Berlin")
UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def given_window(**changed: object) -> dict[str, object]:
    return {
        "name": "Sunday night",
        "starts_at": "2026-11-22T02:00",
        "minutes": 120,
        "rule": "FREQ=WEEKLY;BYDAY=SU",
        "time_zone": "Europe/Berlin",
        "scope": {"sites": ["FRA"]},
        **changed,
    }


def window(rule: str, first: str, minutes: int = 120, zone: ZoneInfo = BERLIN) -> RecurringWindow:
    return RecurringWindow("Night", local(first), minutes, zone, parse_rule(rule, zone) if rule else None)


def days(rule: str, first: str, count: int, *, zone: ZoneInfo = UTC_ZONE) -> list[str]:
    begin = local(first)
    found = starts(
        parse_rule(rule, zone), begin, zone, after=begin, before=begin + timedelta(days=4_000), steps=Steps()
    )
    return [f"{start.local:%Y-%m-%d}" for start, _ in zip(found, range(count), strict=False)]


@pytest.mark.parametrize(
    ("rule", "first", "found"),
    [
        ("FREQ=DAILY;INTERVAL=3", "2026-11-22T02:00", ["2026-11-22", "2026-11-25", "2026-11-28"]),
        ("FREQ=WEEKLY", "2026-11-22T02:00", ["2026-11-22", "2026-11-29", "2026-12-06"]),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", "2026-11-22T02:00", ["2026-11-22", "2026-12-06", "2026-12-20"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU;WKST=SU", "2026-11-22T02:00", ["2026-11-22", "2026-11-28", "2026-12-06"]),
        ("FREQ=WEEKLY;BYDAY=SU;BYMONTH=2,11", "2026-11-22T02:00", ["2026-11-22", "2026-11-29", "2027-02-07"]),
        ("FREQ=MONTHLY;BYDAY=1SU", "2026-12-06T02:00", ["2026-12-06", "2027-01-03", "2027-02-07"]),
        ("freq=monthly;byday=-1sa;count=2", "2026-11-28T02:00", ["2026-11-28", "2026-12-26"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30T02:00", ["2026-11-30", "2026-12-31", "2027-01-31"]),
        ("FREQ=MONTHLY", "2026-12-31T02:00", ["2026-12-31", "2027-01-31", "2027-03-31"]),
        ("FREQ=MONTHLY;INTERVAL=3;BYDAY=WE,TH;BYSETPOS=-1;COUNT=2", "2026-12-31T02:00", ["2026-12-31", "2027-03-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "2026-11-13T02:00", ["2026-11-13", "2027-08-13", "2028-10-13"]),
        ("FREQ=YEARLY", "2028-02-29T02:00", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("FREQ=YEARLY;BYMONTH=3,9;BYDAY=2SU", "2027-03-14T02:00", ["2027-03-14", "2027-09-12", "2028-03-12"]),
        ("FREQ=WEEKLY;UNTIL=20261129", "2026-11-22T02:00", ["2026-11-22", "2026-11-29"]),
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=99991231", "2026-11-22T02:00", ["2026-11-22", "2026-11-29", "2026-12-06"]),
        ("FREQ=WEEKLY;UNTIL=20261129T010000Z", "2026-11-22T02:00", ["2026-11-22"]),
        ("FREQ=WEEKLY;BYDAY=SU", "2026-11-23T02:00", ["2026-11-29", "2026-12-06", "2026-12-13"]),
        ("FREQ=DAILY;BYMONTHDAY=1,-1", "2026-11-30T02:00", ["2026-11-30", "2026-12-01", "2026-12-31"]),
    ],
)  # fmt: skip
def test_which_days_a_rule_names(rule: str, first: str, found: list[str]) -> None:
    assert days(rule, first, 3) == found


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "not of the form"),
        ("every sunday", "not of the form"),
        ("BYDAY=SU", "needs FREQ"),
        ("FREQ=FORTNIGHTLY", "needs FREQ"),
        ("FREQ=SECONDLY", "at most once a day"),
        ("FREQ=MINUTELY;COUNT=1000000000", "at most once a day"),
        ("FREQ=HOURLY", "at most once a day"),
        ("FREQ=DAILY;BYSECOND=0,1,2,3", "time of day"),
        ("FREQ=DAILY;BYHOUR=0,12", "time of day"),
        ("FREQ=DAILY;COUNT=1000000000", "COUNT must be"),
        ("FREQ=DAILY;COUNT=99999999999999999999", "COUNT must be"),
        ("FREQ=DAILY;COUNT=0", "COUNT must be"),
        ("FREQ=DAILY;COUNT=٣", "COUNT must be"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be"),
        ("FREQ=DAILY;INTERVAL=101", "INTERVAL must be"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "not both"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL must be"),
        ("FREQ=DAILY;UNTIL=99991231T235900Z", "UNTIL must be"),
        ("FREQ=DAILY;FREQ=DAILY", "stands twice"),
        ("FREQ=WEEKLY;BYDAY=1SU", "need FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYDAY=6SU", "at most five"),
        ("FREQ=YEARLY;BYDAY=54SU", "no weekday"),
        ("FREQ=MONTHLY;BYDAY=XX", "no weekday"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY needs"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY must be"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY must be"),
        ("FREQ=MONTHLY;BYMONTH=-1", "BYMONTH must be"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs"),
        ("FREQ=YEARLY;BYEASTER=0", "no part"),
        ("FREQ=YEARLY;BYWEEKNO=53", "no part"),
        ("FREQ=DAILY;WKST=XX", "WKST must be"),
        ("FREQ=DAILY\nRRULE:FREQ=DAILY", "on one line"),
        ("FREQ=DAILY;" + "BYMONTH=1," * 100, "at most 300 characters"),
    ],
)
def test_a_rule_that_windows_cannot_have_is_refused_with_a_sentence(rule: str, words: str) -> None:
    with pytest.raises(RuleError, match=words) as caught:
        parse_rule(rule, BERLIN)
    assert str(caught.value).endswith(".")


HOSTILE = [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
    "FREQ=WEEKLY;INTERVAL=52;BYMONTH=7",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=7",
    "FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29;BYDAY=5MO",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
    "FREQ=DAILY;COUNT=1000;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;BYDAY=53MO;COUNT=1000",
]


@pytest.mark.parametrize("rule", HOSTILE)
def test_a_rule_that_never_matches_costs_few_steps_and_names_nothing(rule: str) -> None:
    first, steps = local("2026-11-22T02:00"), Steps()
    found = list(
        starts(parse_rule(rule, UTC_ZONE), first, UTC_ZONE, after=first, before=local("2030-01-01T00:00"), steps=steps)
    )
    assert len(found) <= 2
    assert steps.taken <= 1_300


def test_the_work_is_bounded_however_far_a_rule_is_asked_for() -> None:
    for rule in [*HOSTILE, "FREQ=DAILY", "FREQ=DAILY;COUNT=1000"]:
        steps = Steps(most=500)
        first = local("2000-01-01T00:00")
        found = starts(
            parse_rule(rule, UTC_ZONE),
            first,
            UTC_ZONE,
            after=first,
            before=datetime.max,
            steps=steps,
        )
        try:
            list(found)
        except RuleError as error:
            assert "too much work" in str(error)  # noqa: PT017 - some of them end by themselves
        assert steps.taken <= 501
    assert steps.taken == 501


def test_an_old_rule_without_a_count_is_not_walked_from_its_beginning() -> None:
    for rule in ("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=MONTHLY;BYDAY=1SU", "FREQ=YEARLY"):
        steps = Steps()
        after, before = local("2026-11-01T00:00"), local("2026-12-01T00:00")
        list(
            starts(
                parse_rule(rule, UTC_ZONE), local("2000-01-02T02:00"), UTC_ZONE, after=after, before=before, steps=steps
            )
        )
        assert steps.taken <= 40


weekdays = st.builds(Weekday, st.integers(0, 6))
rules = st.one_of(
    st.builds(
        Rule,
        st.just(Frequency.DAILY),
        interval=st.integers(1, 6),
        count=st.integers(0, 9),
        by_day=st.lists(weekdays, max_size=3).map(tuple),
        by_month_day=st.lists(st.integers(-31, -1) | st.integers(1, 31), max_size=6).map(tuple),
    ),
    st.builds(
        Rule,
        st.just(Frequency.WEEKLY),
        interval=st.integers(1, 5),
        count=st.integers(0, 9),
        by_day=st.lists(weekdays, max_size=3).map(tuple),
        by_month=st.lists(st.integers(1, 12), max_size=6).map(tuple),
        week_start=st.integers(0, 6),
    ),
    st.builds(
        Rule,
        st.sampled_from([Frequency.MONTHLY, Frequency.YEARLY]),
        interval=st.sampled_from([1, 5, 7]),
        count=st.integers(0, 9),
        by_day=st.lists(st.builds(Weekday, st.integers(0, 6), st.integers(-4, 4)), max_size=3).map(tuple),
        by_month=st.lists(st.integers(1, 12), max_size=3).map(tuple),
    ),
    st.builds(
        Rule,
        st.sampled_from([Frequency.MONTHLY, Frequency.YEARLY]),
        interval=st.sampled_from([1, 5, 7]),
        by_month_day=st.lists(st.integers(-28, -1) | st.integers(1, 28), max_size=3).map(tuple),
        by_month=st.lists(st.integers(1, 12), max_size=3).map(tuple),
    ),
)
"""Rules that match again and again: for others dateutil itself would go on to the year 9999."""
firsts = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)).map(
    lambda at: at.replace(day=min(at.day, 28), second=0, microsecond=0)
)


@given(rule=rules, first=firsts, ahead=st.integers(0, 1_500))
def test_the_occurrences_are_those_of_dateutil_wherever_one_begins_to_look(
    rule: Rule, first: datetime, ahead: int
) -> None:
    after, before = first + timedelta(days=ahead), first + timedelta(days=ahead + 400)
    text = rule_text(rule)
    expected = rrule.rrulestr(text, dtstart=first).between(after, before - timedelta(seconds=1), inc=True)
    found = starts(rule, first, UTC_ZONE, after=after, before=before, steps=Steps())
    assert [start.local for start in found] == expected
    assert parse_rule(text, UTC_ZONE) == parse_rule(rule_text(parse_rule(text, UTC_ZONE)), UTC_ZONE)


def test_a_window_keeps_its_wall_clock_when_the_clocks_change() -> None:
    nights = window("FREQ=WEEKLY;BYDAY=SA", "2026-10-17T22:00", 360)
    found = list(nights.periods(datetime(2026, 10, 17, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)))
    assert [(f"{each.start:%d %H:%M}", f"{each.end:%d %H:%M}") for each in found] == [
        ("17 20:00", "18 02:00"),
        ("24 20:00", "25 03:00"),
        ("31 21:00", "01 03:00"),
    ]


def test_a_start_that_the_clocks_skip_is_no_window_and_is_told() -> None:
    nights = window("FREQ=WEEKLY;BYDAY=SU;COUNT=3", "2027-03-21T02:30")
    span = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)
    assert [f"{each.start:%m-%d %H:%M}" for each in nights.periods(*span)] == [
        "03-21 01:30",
        "04-04 00:30",
        "04-11 00:30",
    ]
    assert nights.skipped(*span) == (
        "There is no window “Night” on 28 Mar 2027: the clocks of Europe/Berlin skip 02:30 on that day.",
    )


def test_an_hour_that_comes_twice_means_the_first() -> None:
    nights = window("", "2026-10-25T02:30", 60)
    (found,) = nights.periods(datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC))
    assert (f"{found.start:%H:%M}", f"{found.end:%H:%M}") == ("00:30", "02:30")


@given(
    first=st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30)),
    minutes=st.integers(15, 3_000),
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
    ),
)
def test_every_window_ends_after_it_starts_and_is_found_by_each_of_its_moments(
    first: datetime, minutes: int, zone: str
) -> None:
    first = first.replace(second=0, microsecond=0)
    found = window("FREQ=DAILY;INTERVAL=5", first.isoformat(), minutes, ZoneInfo(zone))
    for period in list(found.periods(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 12, 30, tzinfo=UTC)))[:9]:
        assert period.start < period.end
        last = period.end - timedelta(seconds=1)
        assert period in list(found.periods(last, last + timedelta(seconds=1)))
        assert period not in list(found.periods(period.end, period.end + timedelta(seconds=1)))


@given(at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_a_time_that_exists_is_what_the_clocks_show_at_its_moment(at: datetime) -> None:
    shown = moment(at, BERLIN).astimezone(BERLIN).replace(tzinfo=None)
    assert (shown == at) is exists(at, BERLIN)


def test_zones_are_those_of_the_database_and_no_paths() -> None:
    assert zone_named("America/Sao_Paulo").key == "America/Sao_Paulo"
    for name in ("../../etc/passwd", "/etc/localtime", "localtime", "", "Mars/Olympus", "x" * 10_000):
        with pytest.raises(UnknownZoneError, match="no time zone"):
            zone_named(name)
    with pytest.raises(UnknownZoneError, match='Did you mean "Europe/Berlin"'):
        zone_named("Europe/Berln")


def test_a_window_is_read_and_written_again() -> None:
    found = parse_recurring(given_window(), now=NOW)
    assert found.scope == Scope(sites=frozenset({"FRA"}))
    assert parse_recurring(found.to_data(), now=NOW) == found
    once = parse_recurring(given_window(rule=""), now=NOW)
    assert once.rule is None
    assert len(list(once.periods(NOW, NOW + timedelta(days=300)))) == 1


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"name": " "}, "name", "Give the window a name"),
        ({"name": "a\x1bb"}, "name", "an escape"),
        ({"starts_at": "2026-11-22T02:00Z"}, "starts_at", "clock on the wall"),
        ({"starts_at": "tomorrow"}, "starts_at", "clock on the wall"),
        ({"starts_at": "2026-11-22T02:00:30"}, "starts_at", "full minute"),
        ({"starts_at": "1900-01-07T02:00"}, "starts_at", "2000 or later"),
        ({"starts_at": "2029-01-07T02:00"}, "starts_at", "within 366 days"),
        ({"starts_at": "2026-11-23T02:00"}, "starts_at", "the next one that it names is Sun 29 Nov 2026 02:00"),
        ({"starts_at": "2027-03-28T02:30"}, "starts_at", "skip this time"),
        ({"minutes": 1}, "minutes", "from 15 to 10080"),
        ({"minutes": True}, "minutes", "from 15 to 10080"),
        ({"minutes": 10_080, "rule": "FREQ=DAILY"}, "minutes", "before the next one starts"),
        ({"rule": "FREQ=SECONDLY"}, "rule", "at most once a day"),
        ({"rule": 7}, "rule", "is a text"),
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rule", "names no day within ten years"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone", "no time zone"),
        ({"time_zone": None}, "time_zone", "no time zone"),
        ({"scope": {"sites": "FRA"}}, "scope.sites", "a list of names"),
        ({"scope": {"racks": ["1"]}}, "scope.racks", "no scope"),
        ({"scope": {"sites": [" "]}}, "scope.sites", "1 to 200"),
        ({"scope": ["FRA"]}, "scope", "an object"),
        ({"colour": "red"}, "colour", "no field"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_a_sentence(changed: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_recurring(given_window(**changed), now=NOW)
    assert list(caught.value.fields) == [field]
    assert words in caught.value.fields[field][0]
