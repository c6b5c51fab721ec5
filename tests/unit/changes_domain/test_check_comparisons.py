import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.check_expectations import COMPARISONS, Expectation
from changes.domain.check_judging import Before, CheckOutcome, evaluate
from changes.domain.check_library import LIBRARY, When
from changes.domain.check_readings import UnreadableOutputError
from changes.domain.checks import Check, parse_check
from changes.domain.errors import InvalidInputError
from devices.domain.platforms import PLATFORMS

KEY = b"k"


def check(expect: str, **fields: object) -> Check:
    values = {"parser": "json", "select": "$.peers[*]"} if "parser" not in fields else {}
    return parse_check({"name": "x", "command": "show x", "expect": expect, **values, **fields})


def peers(*names: object) -> str:
    return json.dumps({"peers": names})


def compared(one: Check, before: str, now: str) -> CheckOutcome:
    kept = Before.from_json(json.loads(json.dumps(Before.of(one, before, key=KEY).to_json())))
    return evaluate(one, now, kept, key=KEY)


@pytest.mark.parametrize(
    ("expect", "tolerance", "before", "now", "passed"),
    [
        ("not_fewer_than_before", "", "abc", "abc", True),
        ("not_fewer_than_before", "", "abc", "abcd", True),
        ("not_fewer_than_before", "", "abc", "ab", False),
        ("not_fewer_than_before", "1", "abc", "ab", True),
        ("not_fewer_than_before", "34%", "abc", "ab", True),
        ("not_fewer_than_before", "33%", "abc", "ab", False),
        ("not_more_than_before", "", "abc", "abcd", False),
        ("not_more_than_before", "", "abc", "", True),
        ("same_as_before", "", "abc", "cba", True),
        ("same_as_before", "", "abc", "abd", False),
        ("same_as_before", "", "abc", "abcc", False),
    ],
)
def test_counts_and_sets_are_compared_with_before(
    expect: str, tolerance: str, before: str, now: str, *, passed: bool
) -> None:
    assert compared(check(expect, tolerance=tolerance), peers(*before), peers(*now)).passed is passed


@pytest.mark.parametrize(
    ("expect", "tolerance", "before", "now", "passed"),
    [
        ("number_near_before", "10%", 100, 90, True),
        ("number_near_before", "10%", 100, 111, False),
        ("number_near_before", "5", 100, 95, True),
        ("number_not_below_before", "", 100, 99, False),
        ("number_not_below_before", "1", 100, 99, True),
        ("number_not_above_before", "", 100, 101, False),
        ("number_not_above_before", "", 100, 3, True),
    ],
)
def test_numbers_are_compared_with_before(expect: str, tolerance: str, before: int, now: int, *, passed: bool) -> None:
    assert compared(check(expect, tolerance=tolerance), peers(before), peers(now)).passed is passed


def test_the_result_names_both_values_and_what_is_gone() -> None:
    outcome = compared(check("not_fewer_than_before"), peers("r1", "r2", "r3"), peers("r1", "r9"))
    assert (outcome.before, outcome.after) == ("3", "2")
    assert outcome.sentence == '"show x" gives 2 now and gave 3 before; it must be not fewer than that.'
    assert outcome.evidence == ("gone: r2", "gone: r3", "new: r9")


@pytest.mark.parametrize("expect", sorted(COMPARISONS))
def test_without_a_value_from_before_no_comparison_holds(expect: str) -> None:
    one = check(expect, **({"tolerance": "5%"} if expect == "number_near_before" else {}))
    outcome = evaluate(one, peers(1), None, key=KEY)
    assert not outcome.passed
    assert "nothing to compare with" in outcome.sentence


def test_what_cannot_be_read_before_is_not_kept() -> None:
    with pytest.raises(UnreadableOutputError):
        Before.of(check("not_fewer_than_before"), "no json", key=KEY)
    with pytest.raises(UnreadableOutputError):
        Before.of(check("number_not_below_before"), peers(1, 2), key=KEY)


def test_a_text_is_the_same_whatever_its_line_ends_and_else_its_lines_are_told() -> None:
    one = check("same_as_before", parser="text")
    assert compared(one, "a\r\nb \r\n\r\n", "a\nb\n").passed
    outcome = compared(one, "a\nb\n", "a\nc\n")
    assert not outcome.passed
    assert outcome.evidence == ("gone: b", "new: c")


def test_values_from_before_are_kept_as_a_keyed_digest_that_needs_its_key() -> None:
    one = check("same_as_before")
    before = Before.of(one, peers("s3cret"), key=KEY, mask=lambda _label: "<hidden>")
    assert "s3cret" not in json.dumps(before.to_json())
    assert evaluate(one, peers("s3cret"), before, key=KEY).passed
    assert not evaluate(one, peers("s3cret"), before, key=b"other").passed


@pytest.mark.parametrize("data", [None, [], {}, {"count": "3", "fingerprint": "", "number": "", "labels": []}])
def test_a_damaged_record_of_before_is_none(data: object) -> None:
    assert Before.from_json(data) is None


@given(st.lists(st.text("abc", max_size=3), max_size=6), st.lists(st.text("abc", max_size=3), max_size=6))
def test_fewer_and_more_agree_with_counting(before: list[str], now: list[str]) -> None:
    old, new = peers(*before), peers(*now)
    assert compared(check("not_fewer_than_before"), old, new).passed is (len(now) >= len(before))
    assert compared(check("not_more_than_before"), old, new).passed is (len(now) <= len(before))
    assert compared(check("same_as_before"), old, new).passed is (sorted(before) == sorted(now))


@pytest.mark.parametrize("entry", LIBRARY, ids=lambda entry: entry.key)
def test_every_check_of_the_library_is_one_that_a_change_may_hold(entry: object) -> None:
    from changes.domain.check_library import LibraryCheck

    assert isinstance(entry, LibraryCheck)
    stored = entry.check.to_json()
    if entry.placeholder:
        with pytest.raises(InvalidInputError, match="real value"):
            parse_check(stored)
        stored["command"] = str(stored["command"]).replace(entry.placeholder, "192.0.2.1")
    assert parse_check(stored, after=entry.when is When.AFTER).to_json() == stored
    assert set(entry.platforms) <= set(PLATFORMS)


def test_keys_of_the_library_are_unique_and_each_expectation_that_waits_is_for_afterwards() -> None:
    assert len({entry.key for entry in LIBRARY}) == len(LIBRARY)
    assert all((entry.when is When.AFTER) == (entry.check.compares or entry.check.hold_s > 0) for entry in LIBRARY)
    assert Expectation.NOT_FEWER_THAN_BEFORE in {entry.check.expect for entry in LIBRARY}
