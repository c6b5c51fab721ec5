# ruff: noqa: DTZ001 - wall clocks have no zone
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.domain.calendar.conflicts import Booking, Conflict, ConflictKind, conflicts
from changes.domain.calendar.freezes import ScopedFreeze, parse_freeze
from changes.domain.calendar.legality import Calendar, legal
from changes.domain.calendar.recurring import RecurringWindow
from changes.domain.calendar.rules import parse_rule
from changes.domain.calendar.scope import CalendarDevice, Scope, named
from changes.domain.calendar.slots import next_free_slot
from changes.domain.calendar.spans import common, covers, joined, without
from changes.domain.calendar.waivers import Waiver, may_waive, unwaived
from changes.domain.errors import InvalidInputError
from changes.domain.policy import ChangeFacts, Person, Role
from changes.domain.states import ChangeState, ChangeType
from changes.domain.windows import Period

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")

CORE1 = CalendarDevice("core1", "FRA", "core", frozenset({"vip"}), "Bank", frozenset({"group fra-core"}))
CORE2 = CalendarDevice("core2", "FRA", "core", frozenset(), "Bank", frozenset({"group fra-core"}))
ACCESS = CalendarDevice("acc1", "FRA", "access")
AMS = CalendarDevice("ams1", "AMS", "access", tenant="Shop")


def period(start_h: float, end_h: float, name: str = "") -> Period:
    return Period(NOW + start_h * HOUR, NOW + end_h * HOUR, name)


def scope(**values: str) -> Scope:
    return Scope(**{name: frozenset([value]) for name, value in values.items()})


def freeze(start_h: float, end_h: float, *exempt: ChangeType, **values: str) -> ScopedFreeze:
    return ScopedFreeze(period(start_h, end_h, "Year end"), scope(**values), frozenset(exempt))


SATURDAYS = RecurringWindow(
    "FRA nights", datetime(2026, 11, 21, 22), 240, UTC_ZONE, parse_rule("FREQ=WEEKLY", UTC_ZONE), scope(sites="FRA")
)
SUNDAYS = RecurringWindow(
    "Core mornings", datetime(2026, 11, 22, 2), 120, UTC_ZONE, parse_rule("FREQ=WEEKLY", UTC_ZONE), scope(roles="core")
)


@pytest.mark.parametrize(
    ("held", "names"),
    [
        (Scope(), ["core1", "core2", "acc1", "ams1"]),
        (scope(sites="fra"), ["core1", "core2", "acc1"]),
        (scope(roles="access"), ["acc1", "ams1"]),
        (scope(sites="FRA", roles="access"), ["acc1"]),
        (scope(tags="VIP"), ["core1"]),
        (scope(tenants="shop"), ["ams1"]),
        (Scope(sites=frozenset({"FRA", "AMS"}), tenants=frozenset({"Shop", "Bank"})), ["core1", "core2", "ams1"]),
    ],
)
def test_a_scope_holds_for_the_devices_that_all_its_names_fit(held: Scope, names: list[str]) -> None:
    assert [device.name for device in (CORE1, CORE2, ACCESS, AMS) if held.includes(device)] == names
    assert held.is_all is (len(names) == 4)


def test_a_scope_reads_as_words() -> None:
    assert Scope().words == "all devices"
    assert Scope(frozenset({"FRA", "AMS"}), frozenset({"core"})).words == "site AMS or FRA, role core"
    assert named(["b", "a"]) == "a and b"
    assert named([f"d{number}" for number in range(8)]) == "d0, d1, d2, d3, d4 and 3 more"


def test_a_period_is_legal_inside_the_windows_of_every_device() -> None:
    calendar = Calendar((SATURDAYS, SUNDAYS))
    assert legal(NOW, NOW + 4 * HOUR, [ACCESS], calendar=calendar)
    found = legal(NOW + HOUR, NOW + 5 * HOUR, [CORE1, ACCESS, AMS], calendar=calendar)
    assert [(each.code, each.devices) for each in found.obstacles] == [("PRECHECK_WINDOW_CLOSED", ("acc1",))]
    assert "“FRA nights”, the maintenance windows of acc1." in found.obstacles[0].sentence
    # Those of a core device in FRA touch each other, so one change may go on from the first into the second.
    assert found.notes == (
        "It lies in “FRA nights” or “Core mornings”, for core1.",
        "No recurring window is set for ams1.",
    )
    assert not legal(NOW - HOUR, NOW + HOUR, [CORE1], calendar=calendar)
    assert legal(NOW - HOUR, NOW + HOUR, [CORE1], calendar=calendar, change_type=ChangeType.EMERGENCY)


def test_a_period_that_is_none_is_not_legal() -> None:
    for start, end in ((NOW, NOW), (NOW, NOW - HOUR), (NOW, NOW + timedelta(days=32))):
        assert [each.code for each in legal(start, end, [AMS], calendar=Calendar()).obstacles] == [
            "PRECHECK_WINDOW_CLOSED"
        ]


@pytest.mark.parametrize(
    ("held", "change_type", "devices"),
    [
        (freeze(0, 1), ChangeType.NORMAL, ("acc1", "ams1")),
        (freeze(0, 1, sites="AMS"), ChangeType.NORMAL, ("ams1",)),
        (freeze(0, 1, sites="LON"), ChangeType.NORMAL, None),
        (freeze(0, 1, ChangeType.EMERGENCY), ChangeType.NORMAL, ("acc1", "ams1")),
        (freeze(0, 1, ChangeType.EMERGENCY), ChangeType.EMERGENCY, None),
        (freeze(0, 1), ChangeType.EMERGENCY, ("acc1", "ams1")),
        (freeze(1.99, 9), ChangeType.NORMAL, ("acc1", "ams1")),
        (freeze(2, 9), ChangeType.NORMAL, None),
        (freeze(-9, 0), ChangeType.NORMAL, None),
    ],
)
def test_a_freeze_stops_the_devices_of_its_scope(
    held: ScopedFreeze, change_type: ChangeType, devices: tuple[str, ...] | None
) -> None:
    found = legal(NOW, NOW + 2 * HOUR, [AMS, ACCESS], calendar=Calendar(freezes=(held,)), change_type=change_type)
    assert [(each.code, each.devices) for each in found.obstacles] == ([("FREEZE_ACTIVE", devices)] if devices else [])


def test_a_freeze_says_what_it_is() -> None:
    assert freeze(0, 1, ChangeType.EMERGENCY, sites="FRA").words == (
        "Year end, 21 Nov 2026 22:00 to 23:00 UTC, for site FRA, except emergency changes"
    )


def test_a_freeze_is_read_with_its_scope_and_its_exemptions() -> None:
    data = {"name": "Year end", "starts_at": "2026-12-20T00:00", "ends_at": "2027-01-04T00:00"}
    found = parse_freeze({**data, "scope": {"tenants": ["Shop"]}, "exempt_types": ["emergency"]}, now=NOW)
    assert found.to_data() == {"scope": {"tenants": ["Shop"]}, "exempt_types": ["emergency"]}
    assert parse_freeze(data, now=NOW).scope.is_all
    with pytest.raises(InvalidInputError) as caught:
        parse_freeze({"scope": 7, "exempt_types": ["urgent"], "colour": 1}, now=NOW)
    assert {"name", "starts_at", "ends_at", "scope", "exempt_types", "colour"} == set(caught.value.fields)
    with pytest.raises(InvalidInputError, match="stops nothing"):
        parse_freeze({**data, "exempt_types": list(ChangeType)}, now=NOW)


def booking(key: int, start_h: float, end_h: float, *devices: CalendarDevice) -> Booking:
    return Booking(key, f"CHG-{key}", period(start_h, end_h), devices)


def test_conflicts_name_every_device_and_what_is_shared() -> None:
    ours = booking(1, 0, 2, CORE1, ACCESS, AMS)
    found = conflicts(ours, [ours, booking(2, 1, 3, CORE2, AMS), booking(3, 2, 4, AMS), booking(4, -1, 0, AMS)])
    kinds = [(each.kind.value, each.other_number, each.subject, each.ours, each.theirs) for each in found]
    assert kinds == [
        ("device", "CHG-2", "", ("ams1",), ("ams1",)),
        ("redundancy", "CHG-2", "group fra-core", ("core1",), ("core2",)),
        ("site", "CHG-2", "FRA", ("acc1", "core1"), ("core2",)),
    ]
    assert (
        found[0].sentence
        == "ams1 is changed by CHG-2 as well, at the same time, 21 Nov 2026 23:00 to 22 Nov 2026 00:00 UTC."
    )
    assert "core1 must not be changed together with core2 (group fra-core)" in found[1].sentence
    assert found[2].sentence.startswith("CHG-2 changes core2 at the same site FRA")


def test_one_device_in_both_changes_is_no_pair_with_itself() -> None:
    assert [each.kind for each in conflicts(booking(1, 0, 1, CORE1), [booking(2, 0, 1, CORE1)])] == [
        ConflictKind.DEVICE
    ]
    pair = conflicts(booking(1, 0, 1, CORE1, CORE2), [booking(2, 0, 1, CORE1)])
    assert [each.kind for each in pair] == [ConflictKind.DEVICE, ConflictKind.REDUNDANCY]


places = st.sampled_from([CORE1, CORE2, ACCESS, AMS])
bookings = st.builds(
    lambda key, start, length, devices: booking(key, start, start + length, *devices),
    st.integers(1, 5),
    st.integers(0, 30),
    st.integers(1, 9),
    st.lists(places, min_size=1, unique=True),
)


@given(one=bookings, other=bookings)
def test_a_conflict_is_seen_from_both_sides(one: Booking, other: Booking) -> None:
    def seen(found: tuple[Conflict, ...]) -> list[tuple[object, ...]]:
        return [(each.kind, each.subject, each.devices, each.overlap) for each in found]

    assert seen(conflicts(one, [other])) == seen(conflicts(other, [one]))


MANAGER = Person(9, "manager", frozenset({Role.CHANGE_MANAGER}))
CHANGE = ChangeFacts(author_id=1, state=ChangeState.APPROVED)


def test_a_waiver_covers_what_was_seen_and_no_more() -> None:
    (seen,) = conflicts(booking(1, 0, 2, ACCESS), [booking(2, 1, 3, CORE1)])
    waiver = Waiver.of(seen, by_id=MANAGER.id, reason="Other racks.")
    assert unwaived([seen], [waiver]) == ()
    less = conflicts(booking(1, 0, 2, ACCESS), [booking(2, 1.5, 3, CORE1)])
    more = conflicts(booking(1, 0, 2, ACCESS), [booking(2, 0.5, 3, CORE1)])
    wider = conflicts(booking(1, 0, 2, ACCESS), [booking(2, 1, 3, CORE1, CORE2)])
    another = conflicts(booking(1, 0, 2, ACCESS), [booking(3, 1, 3, CORE1)])
    assert [unwaived(each, [waiver]) for each in (less, more, wider, another)] == [(), more, wider, another]


@pytest.mark.parametrize(
    ("person", "facts", "reason", "codes"),
    [
        (MANAGER, CHANGE, "They are in other racks.", ()),
        (MANAGER, CHANGE, " ", ("REASON_MISSING",)),
        (replace(MANAGER, id=1), CHANGE, "They are in other racks.", ("GATE_SELF_APPROVAL",)),
        (replace(MANAGER, roles=frozenset({Role.CAB})), CHANGE, "They are in other racks.", ()),
        (replace(MANAGER, roles=frozenset({Role.IMPLEMENTER})), CHANGE, "Other racks, truly.", ("GATE_ROLE_DENIED",)),
        (
            MANAGER,
            replace(CHANGE, state=ChangeState.IMPLEMENTING),
            "They are in other racks.",
            ("ALREADY_STARTED",),
        ),
    ],
)
def test_who_may_waive(person: Person, facts: ChangeFacts, reason: str, codes: tuple[str, ...]) -> None:
    assert may_waive(person, facts, ChangeFacts(author_id=2, state=ChangeState.SCHEDULED), reason=reason).codes == codes


def test_who_wrote_the_other_change_waives_nothing_either() -> None:
    other = ChangeFacts(author_id=2, state=ChangeState.SCHEDULED, editor_ids=frozenset({MANAGER.id}))
    assert may_waive(MANAGER, CHANGE, other, reason="They are in other racks.").codes == ("GATE_SELF_APPROVAL",)


def test_the_next_free_slot_is_legal_and_without_conflicts() -> None:
    calendar = Calendar((SATURDAYS,), (freeze(0, 1, sites="FRA"),))
    booked = [booking(2, 1, 2.05, CORE1), booking(7, 0, 99, ACCESS)]
    found = next_free_slot(
        HOUR, [ACCESS], after=NOW, horizon=timedelta(days=30), calendar=calendar, booked=booked, key=7
    )
    assert found.period == Period(NOW + timedelta(hours=2, minutes=5), NOW + timedelta(hours=3, minutes=5))
    later = next_free_slot(
        2 * HOUR, [ACCESS], after=NOW, horizon=timedelta(days=30), calendar=calendar, booked=booked, key=7
    )
    assert later.period == Period(NOW + timedelta(days=7), NOW + timedelta(days=7, hours=2))
    beside = next_free_slot(
        2 * HOUR,
        [ACCESS],
        after=NOW,
        horizon=timedelta(days=30),
        calendar=calendar,
        booked=booked,
        key=7,
        kinds={ConflictKind.DEVICE},
    )
    assert beside.period == Period(NOW + HOUR, NOW + 3 * HOUR)


@pytest.mark.parametrize(
    ("length_h", "calendar", "booked", "words"),
    [
        (5, Calendar((SATURDAYS,)), [], "every time that windows and freezes leave is shorter"),
        (1, Calendar((), (freeze(-1, 999),)), [], "no time lies in the windows"),
        (1, Calendar(), [booking(2, -1, 999, ACCESS)], "other changes have all of it"),
        (4, Calendar((SATURDAYS,)), [booking(2, 1, 2, ACCESS)], "shorter times only"),
        (0, Calendar(), [], "more than nothing"),
        (999, Calendar(), [], "at most 31 days"),
    ],
)
def test_a_search_that_finds_nothing_says_why(
    length_h: int, calendar: Calendar, booked: list[Booking], words: str
) -> None:
    found = next_free_slot(
        length_h * HOUR, [ACCESS], after=NOW, horizon=timedelta(days=6), calendar=calendar, booked=booked
    )
    assert found.period is None
    assert words in found.sentence


hours = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=8)


def spans(pairs: list[tuple[int, int]]) -> tuple[tuple[datetime, datetime], ...]:
    return joined((NOW + start * HOUR, NOW + (start + length) * HOUR) for start, length in pairs)


def inside(found: tuple[tuple[datetime, datetime], ...]) -> set[int]:
    return {at for at in range(60) if covers(found, NOW + at * HOUR, NOW + (at + 1) * HOUR)}


@given(one=hours, other=hours)
def test_spans_are_sets_of_moments(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    left, right = spans(one), spans(other)
    assert inside(without(left, right)) == inside(left) - inside(right)
    assert inside(common(left, right)) == inside(left) & inside(right)
    assert inside(joined([*left, *right])) == inside(left) | inside(right)
    for found in (left, without(left, right), common(left, right)):
        assert list(found) == list(joined(found))


@settings(max_examples=40)
@given(
    booked=st.lists(bookings, max_size=6),
    frozen=hours,
    length=st.integers(1, 6),
    devices=st.lists(places, min_size=1, unique=True),
)
def test_a_slot_that_is_found_is_free_and_the_first(
    booked: list[Booking], frozen: list[tuple[int, int]], length: int, devices: list[CalendarDevice]
) -> None:
    held = tuple(freeze(start, start + hours_) for start, hours_ in frozen if hours_)
    calendar = Calendar((SATURDAYS, SUNDAYS), held)

    def is_free(start: datetime) -> bool:
        ours = Booking(0, "", Period(start, start + length * HOUR), tuple(devices))
        return bool(legal(start, ours.period.end, devices, calendar=calendar)) and not conflicts(ours, booked)

    horizon = timedelta(hours=72)
    found = next_free_slot(length * HOUR, devices, after=NOW, horizon=horizon, calendar=calendar, booked=booked)
    expected = [NOW + at * HOUR for at in range(72 - length + 1) if is_free(NOW + at * HOUR)]
    assert (found.period.start if found.period else None) == (expected[0] if expected else None)
