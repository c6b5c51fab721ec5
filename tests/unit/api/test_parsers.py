import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from portal.api.parsers import StrictJSONParser

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def parse(body: bytes) -> object:
    result: object = StrictJSONParser().parse(io.BytesIO(body))
    return result


@given(JSON)
def test_json_reads_as_json(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary())
def test_anything_else_is_refused_and_never_breaks(body: bytes) -> None:
    try:
        value = parse(body)
    except ParseError:
        return
    assert value == json.loads(body)


@pytest.mark.parametrize(
    "body", [b"Infinity", b"-Infinity", b"NaN", b'["\\udc00"]', b'{"\\ud800": 1}', b"\xef\xbb\xbf{}", b"{}{}", b" "]
)
def test_near_json_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse(body)


def test_many_names_with_one_twice_are_refused_at_once() -> None:
    names = ",".join(f'"{number}":1' for number in range(100_000))
    with pytest.raises(ParseError, match="'99999' twice"):
        parse(f'{{{names},"99999":1}}'.encode())
