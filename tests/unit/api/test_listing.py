import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from audit.errors import BadFilterError, FilterError
from devices.api.listing import MOMENT, TEXT, WHOLE, ListQuery, Ordering, _cursor, _value

ORDERINGS = {
    "name": Ordering((("name", TEXT), ("id", WHOLE))),
    "-at": Ordering((("at", MOMENT), ("id", WHOLE)), descending=True),
}


def read(query: str) -> ListQuery:
    request = Request(APIRequestFactory().get(f"/?{query}"))
    return ListQuery.read(request, filters=("site",), orderings=ORDERINGS)


def encode(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(1, 2**63 - 1))
def test_a_cursor_reads_back_as_the_position_that_it_was_made_from(name: str, number: int) -> None:
    query = read(QueryDict(mutable=True).urlencode() + f"cursor={_cursor('name', [name, number])}")
    assert query.position == (name, number)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 2**63 - 1))
def test_moments_keep_their_microseconds(at: datetime, number: int) -> None:
    row = SimpleNamespace(at=at, id=number)
    cursor = _cursor("-at", [_value(row, "at"), _value(row, "id")])
    assert read(f"ordering=-at&cursor={cursor}").position == (at, number)


@given(st.text())
def test_any_other_text_is_refused_with_a_sentence(cursor: str) -> None:
    given_query = QueryDict(mutable=True)
    given_query["cursor"] = cursor
    if not cursor.strip():
        assert read(given_query.urlencode()).position is None
        return
    with pytest.raises(FilterError) as refusal:
        read(given_query.urlencode())
    assert refusal.value.field == "cursor"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.lists(JSON, max_size=4))
def test_a_forged_position_is_of_the_right_kinds_or_refused(values: list[object]) -> None:
    try:
        position = read(f"cursor={encode(['name', *values])}").position
    except BadFilterError:
        return
    assert position
    name, number = position
    assert isinstance(name, str)
    assert "\0" not in name
    assert type(number) is int
    assert abs(number) < 2**63


def test_a_cursor_of_another_order_is_refused() -> None:
    with pytest.raises(BadFilterError, match="no page of this list"):
        read(f"ordering=-at&cursor={_cursor('name', ['a', 1])}")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), unique_by=lambda row: row[1]))
def test_later_means_later_in_the_whole_order(rows: list[tuple[str, int]]) -> None:
    """The condition, evaluated row by row in Python, cuts the sorted list exactly behind the position."""
    for descending in (False, True):
        ordering = Ordering((("name", TEXT), ("id", WHOLE)), descending=descending)
        ordered = sorted(rows, reverse=descending)
        for at, position in enumerate(ordered):
            condition = ordering.after(position)
            assert [row for row in ordered if holds(condition, row)] == ordered[at + 1 :]


def holds(condition: object, row: tuple[str, int]) -> bool:
    values = {"name": row[0], "id": row[1]}
    if isinstance(condition, tuple):
        path, _, kind = condition[0].partition("__")
        wanted = condition[1]
        have = values[path]
        if kind == "gt":
            return bool(have > wanted)
        return bool(have < wanted) if kind == "lt" else have == wanted
    children = [holds(child, row) for child in condition.children]  # type: ignore[attr-defined]  # a Q
    return any(children) if condition.connector == "OR" else all(children)  # type: ignore[attr-defined]  # a Q
