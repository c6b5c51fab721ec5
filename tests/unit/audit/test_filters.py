from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadFilterError, FilterError, UnknownFilterError
from audit.filters import IDS_LIMIT, EventFilter, only_value, whole_number


def test_nothing_given_filters_nothing() -> None:
    assert EventFilter.parse({}) == EventFilter()
    assert EventFilter.parse({"actor": "", "change_id": " ", "ids": "", "since": ""}) == EventFilter()
    assert EventFilter().asked() == {}


def test_every_filter_is_read() -> None:
    given_filters = {
        "actor": " olivia ",
        "origin": "api",
        "action": "change.approved",
        "object_type": "change",
        "object_id": "17",
        "change_id": "17",
        "device_id": " 3 ",
        "code": "PLAN_STALE",
        "request_id": "ab12",
        "text": "Zürich",
        "since": "2026-03-01T00:00:00+02:00",
        "until": "2026-03-02T00:00:00Z",
        "ids": "1, 2,3",
    }
    assert set(given_filters) == set(EventFilter.names())
    assert EventFilter.parse(given_filters) == EventFilter(
        actor="olivia",
        origin="api",
        action="change.approved",
        object_type="change",
        object_id="17",
        change_id=17,
        device_id=3,
        code="PLAN_STALE",
        request_id="ab12",
        text="Zürich",
        since=datetime(2026, 2, 28, 22, tzinfo=UTC),
        until=datetime(2026, 3, 2, tzinfo=UTC),
        ids=(1, 2, 3),
    )


@pytest.mark.parametrize(
    ("name", "value", "moment"),
    [
        ("since", "2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("until", "2026-03-01", datetime(2026, 3, 2, tzinfo=UTC)),
        ("since", "2026-03-01T14:30", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("since", "2026-03-01 14:30", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("until", "2026-03-01T14:30:00.5Z", datetime(2026, 3, 1, 14, 30, 0, 500_000, tzinfo=UTC)),
        ("since", "2026-03-01T14:30:00 02:00", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_write_them(name: str, value: str, moment: datetime) -> None:
    assert getattr(EventFilter.parse({name: value}), name) == moment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("change_id", "x"),
        ("change_id", "0"),
        ("change_id", "-1"),
        ("change_id", "1.0"),
        ("change_id", "1_000"),
        ("change_id", "٣"),
        ("change_id", str(2**63)),
        ("change_id", "9" * 40),
        ("device_id", "1; DROP TABLE audit_event"),
        ("ids", "1,x"),
        ("ids", "1,,2"),
        ("ids", ",".join(["1"] * (IDS_LIMIT + 1))),
        ("text", "x" * 201),
        ("text", "a\x00b"),
        ("actor", "\ud800"),
        ("since", "yesterday"),
        ("since", "2026-13-01"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("until", "9999-12-31"),
        ("until", "20260301T99"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadFilterError) as refusal:
        EventFilter.parse({name: value})
    assert refusal.value.field == name
    assert name in str(refusal.value)


def test_an_unknown_filter_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownFilterError) as refusal:
        EventFilter.parse({"actorr": "olivia", "page": "1"}, besides=("page",))
    assert refusal.value.allowed == (*EventFilter.names(), "page")
    assert all(name in str(refusal.value) for name in refusal.value.allowed)


def test_an_absurd_name_is_not_repeated_whole() -> None:
    with pytest.raises(UnknownFilterError) as refusal:
        EventFilter.parse({"x" * 10_000: "1"})
    assert len(str(refusal.value)) < 400


def test_a_filter_given_twice_is_refused() -> None:
    with pytest.raises(BadFilterError, match="given 2 times"):
        EventFilter.parse(QueryDict("actor=olivia&actor=pete"))
    with pytest.raises(BadFilterError, match="given 2 times"):
        only_value("limit", QueryDict("limit=1&limit=2"))
    assert only_value("limit", QueryDict("")) == ""


def test_what_is_set_can_be_said_again() -> None:
    asked = EventFilter.parse({"actor": "olivia", "ids": "4,2"}).asked()
    assert asked == {"actor": "olivia", "ids": (4, 2)}


@given(st.dictionaries(st.sampled_from(EventFilter.names()), st.text(st.characters(exclude_categories=()))))
def test_any_text_is_read_or_refused_with_a_sentence(given_filters: dict[str, str]) -> None:
    refused: FilterError | None = None
    try:
        EventFilter.parse(given_filters)
    except FilterError as error:
        refused = error
    assert refused is None or (refused.field in given_filters and str(refused).endswith("."))


@given(st.text())
def test_a_whole_number_is_ascii_and_fits_a_bigint(text: str) -> None:
    try:
        number = whole_number("n", text)
    except BadFilterError:
        return
    assert text.isascii()
    assert 0 < number < 2**63
