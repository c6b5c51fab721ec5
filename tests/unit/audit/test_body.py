import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, reject
from hypothesis import strategies as st

from audit.body import BODY_LIMIT, DEPTH_LIMIT, TEXT_LIMIT, canonical, clean_text, clip
from audit.errors import SecretRefusedError, UnrecordableError


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Odd(Enum):
    PAIR = (1, "two")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-5, "-5"),
        (2**53 - 1, "9007199254740991"),
        (1 - 2**53, "-9007199254740991"),
        (2**53, '"9007199254740992"'),
        (-(2**53), '"-9007199254740992"'),
        (10**40, f'"{10**40}"'),
        (0.1, '"0.1"'),
        (1e300, '"1e+300"'),
        (float("nan"), '"nan"'),
        (float("-inf"), '"-inf"'),
        (Decimal("10.50"), '"10.50"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (datetime(2026, 3, 1, 14, 30, tzinfo=UTC), '"2026-03-01T14:30:00.000000Z"'),
        (
            datetime(2026, 3, 1, 14, 30, 0, 7, tzinfo=timezone(timedelta(hours=2))),
            '"2026-03-01T12:30:00.000007Z"',
        ),
        (date(2026, 3, 1), '"2026-03-01"'),
        (time(14, 30), '"14:30:00"'),
        (Colour.RED, '"red"'),
        (Level.HIGH, "3"),
        (Odd.PAIR, '[1,"two"]'),
        ((1, "a"), '[1,"a"]'),
        ({"b", "a"}, '["a","b"]'),
        (frozenset({10, 9}), "[10,9]"),
        ({2: "b", 1: "a"}, '{"1":"a","2":"b"}'),
        ({Colour.RED: 1}, '{"red":1}'),
        ("", '""'),
        ('quote " backslash \\ tab \t', '"quote \\" backslash \\\\ tab \\t"'),
        ("Zürich", '"Z\\u00fcrich"'),
        ("\N{GRINNING FACE}", '"\\ud83d\\ude00"'),
        ("\x7f\x1b", '"\\u007f\\u001b"'),
        ("a\x00b", '"ab"'),
        ("a\ud800b", '"a\\ufffdb"'),
        ("\udc80", '"\\ufffd"'),
    ],
)
def test_each_value_has_one_stored_form(value: object, stored: str) -> None:
    assert canonical({"v": value}) == f'{{"v":{stored}}}'


@pytest.mark.parametrize(
    ("value", "path", "hint"),
    [
        (b"bytes", "v", "bytes"),
        (object(), "v", "object"),
        (datetime(2026, 3, 1, 14, 30), "v", "without a zone"),  # noqa: DTZ001 - the naive time is the point
        ({"deep": [1, {2: 1.5, 3: {None: 1}}]}, "v.deep[1].3", "neither text nor a whole number"),
        ({True: 1}, "v", "neither text nor a whole number"),
        ({1: "a", "1": "b"}, "v.1", "same text"),
        ({"a\x00": 1, "a": 2}, "v.a", "same text"),
    ],
)
def test_what_has_no_form_is_refused_and_named_by_its_path(value: object, path: str, hint: str) -> None:
    with pytest.raises(UnrecordableError) as refusal:
        canonical({"v": value})
    assert refusal.value.path == path
    assert hint in str(refusal.value)


def test_nesting_ends_somewhere_and_a_value_that_holds_itself_is_refused() -> None:
    deep: dict[str, object] = {"end": 1}
    for _ in range(DEPTH_LIMIT - 1):
        deep = {"in": deep}
    assert canonical({"v": deep}).endswith('{"end":1}' + "}" * DEPTH_LIMIT)
    with pytest.raises(UnrecordableError, match="nested deeper"):
        canonical({"v": {"in": deep}})
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(UnrecordableError, match="nested deeper"):
        canonical({"v": endless})


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    whole = "x" * TEXT_LIMIT
    assert clip(whole) == whole
    cut = clip(whole + "y")
    assert len(cut) == TEXT_LIMIT
    assert re.search(rf"x\n\[cut: {TEXT_LIMIT + 1} characters, SHA-256 [0-9a-f]{{64}}\]$", cut)
    assert clip(cut) == cut
    assert clip(whole + "z") != cut


def test_a_body_beyond_the_limit_is_refused() -> None:
    texts = {str(number): "x" * TEXT_LIMIT for number in range(BODY_LIMIT // TEXT_LIMIT + 1)}
    with pytest.raises(UnrecordableError, match="Record a digest instead"):
        canonical(texts)


def test_names_are_sorted_by_utf16_units_as_rfc_8785_says() -> None:
    # RFC 8785, section 3.2.3: an astral character sorts by its surrogates, before U+FB33.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    stored = json.loads(canonical(dict.fromkeys(names, 1)))
    assert list(stored) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"password": "hunter2"}, "password"),
        ({"device": {"enable_secret": "hunter2"}}, "device.enable_secret"),
        ({"users": [{"name": "x"}, {"apiKey": "hunter2"}]}, "users[1].apiKey"),
        ({"credentials": {"username": "hunter2"}}, "credentials.username"),
        ({"tokens": ["", "hunter2"]}, "tokens[1]"),
        ({"pin": 4711}, "pin"),
    ],
)
def test_a_value_under_a_secrets_name_is_refused_and_not_repeated(value: Mapping[str, object], path: str) -> None:
    with pytest.raises(SecretRefusedError) as refusal:
        canonical(value)
    assert refusal.value.path == path
    assert "hunter2" not in str(refusal.value)


def test_that_a_secret_was_set_may_be_said() -> None:
    said: dict[str, object] = {
        "password": True,
        "secret": None,
        "token": "",
        "credentials": {},
        "token_id": 7,
    }
    assert json.loads(canonical(said)) == said


_TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)  # surrogates and NUL included
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | _TEXTS
    | st.datetimes(timezones=st.timezones())
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=12,
)


def _stored(value: Mapping[str, object]) -> str:
    """The stored form; two random names that become one, or look like a secret, make no case."""
    try:
        return canonical(value)
    except UnrecordableError as refusal:
        if isinstance(refusal, SecretRefusedError) or "same text" in refusal.problem:
            return reject()
        raise


def _as_printable_ascii(jcs: bytes) -> str:
    """RFC 8785's bytes with each character outside printable ASCII written as its UTF-16 units."""
    return re.sub(
        "[^ -~]",
        lambda found: "".join(f"\\u{unit:04x}" for unit in memoryview(found[0].encode("utf-16-le")).cast("H").tolist()),
        jcs.decode(),
    )


@given(st.dictionaries(_TEXTS, _VALUES, max_size=5))
def test_the_stored_form_agrees_with_an_independent_rfc_8785(value: dict[str, object]) -> None:
    stored = _stored(value)
    assert re.fullmatch("[ -~]+", stored)
    assert stored == _as_printable_ascii(rfc8785.dumps(json.loads(stored)))


@given(st.dictionaries(_TEXTS, _VALUES, max_size=5))
def test_what_was_stored_and_read_is_stored_the_same_again(value: dict[str, object]) -> None:
    stored = _stored(value)
    assert canonical(json.loads(stored)) == stored


@given(st.text())
def test_clean_text_takes_nothing_but_nuls_from_ordinary_text(text: str) -> None:
    assert clean_text(text) == text.replace("\x00", "")


@given(st.text(st.sampled_from("a\x00é\ud800\udbff\udc00\udfff\N{GRINNING FACE}")))
def test_clean_text_pairs_or_replaces_surrogates(text: str) -> None:
    clean = clean_text(text)
    assert clean.encode().decode() == clean
    paired = re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda found: found[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"),
        text,
    )
    assert clean == re.sub("[\ud800-\udfff]", "\ufffd", paired).replace("\x00", "")
