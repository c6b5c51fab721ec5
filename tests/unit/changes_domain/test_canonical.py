"""Canonical JSON against rfc8785, an implementation of the standard by other people."""

import json
from types import MappingProxyType
from typing import Any, cast

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.canonical import MAX_DEPTH, CanonicalError, canonical_json, parse_canonical
from changes.domain.states import ChangeState

LIMIT = 2**53 - 1
texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(st.characters(max_codepoint=127))
scalars = st.none() | st.booleans() | st.integers(-LIMIT, LIMIT) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=30
)


@given(values)
def test_the_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(cast("Any", value))


@given(values)
def test_what_was_written_is_read_back(value: object) -> None:
    assert parse_canonical(canonical_json(value)) == value


@given(values, st.sampled_from([(1, ",", False), (None, ", ", False), (None, ",", True)]))
def test_any_other_encoding_of_a_value_is_refused(value: object, style: tuple[int | None, str, bool]) -> None:
    indent, comma, ascii_only = style
    other = json.dumps(value, sort_keys=True, indent=indent, separators=(comma, ":"), ensure_ascii=ascii_only).encode()
    if other == canonical_json(value):
        assert parse_canonical(other) == value
    else:
        with pytest.raises(CanonicalError, match="not in canonical form"):
            parse_canonical(other)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_only_if_they_are_canonical(data: bytes) -> None:
    try:
        value: Any = parse_canonical(data)
    except CanonicalError:
        return
    assert rfc8785.dumps(value) == data


@pytest.mark.parametrize(
    ("value", "where", "says"),
    [
        ({"a": [1, 1.5]}, "$.a[1]", "float"),
        ({"a": 2**53}, "$.a", "2^53"),
        ({"a": -(2**53)}, "$.a", "2^53"),
        ({"é": 1}, "$", "not ASCII"),
        ({1: 1}, "$", "not ASCII text"),
        ({"a": b"bytes"}, "$.a", "bytes"),
        ({"a": {1, 2}}, "$.a", "set"),
        (["\ud800"], "$[0]", "surrogate"),
        ({"\ud800": 1}, "$", "not ASCII"),
        (float("nan"), "$", "float"),
    ],
)
def test_values_outside_the_profile_are_refused_with_their_place(value: object, where: str, says: str) -> None:
    with pytest.raises(CanonicalError) as refused:
        canonical_json(value)
    assert refused.value.where == where
    assert says in str(refused.value)
    assert refused.value.code == "not_canonical"


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_has_a_limit_on_both_ways() -> None:
    assert canonical_json(nested(MAX_DEPTH)) == b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    with pytest.raises(CanonicalError, match="nest deeper"):
        canonical_json(nested(MAX_DEPTH + 1))
    for depth in (MAX_DEPTH + 1, 200_000):
        with pytest.raises(CanonicalError):
            parse_canonical(b"[" * depth + b"1" + b"]" * depth)


def test_a_huge_number_is_refused_and_not_computed() -> None:
    with pytest.raises(CanonicalError):
        parse_canonical(b'{"a":' + b"9" * 100_000 + b"}")


def test_tuples_mappings_and_string_enums_are_written_as_their_plain_kin() -> None:
    value = MappingProxyType({"b": (1, "x"), "a": MappingProxyType({}), "s": ChangeState.DRAFT})
    assert canonical_json(value) == b'{"a":{},"b":[1,"x"],"s":"draft"}'


def test_a_name_given_twice_is_named() -> None:
    with pytest.raises(CanonicalError, match="'a' stands twice"):
        parse_canonical(b'{"a":1,"a":1}')
