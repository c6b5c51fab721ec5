"""Two edits of one text: both are in the result, or there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.domain.merging import merged

COMMON = "a\nb\nc\nd\n"


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (COMMON, COMMON, COMMON),
        ("a\nB\nc\nd\n", COMMON, "a\nB\nc\nd\n"),
        ("a\nB\nc\nd\n", "a\nb\nc\nD\n", "a\nB\nc\nD\n"),
        ("a\nB\nc\nd\n", "a\nb\nx\nc\nd\n", "a\nB\nx\nc\nd\n"),  # right behind each other
        ("a\nc\nd\n", "x\na\nb\nc\nd\n", "x\na\nc\nd\n"),
        ("a\nB\nc\nd\n", "a\nX\nc\nd\n", None),
        ("a\nx\nb\nc\nd\n", "a\ny\nb\nc\nd\n", None),  # which comes first?
        ("a\nd\n", "a\nb\nC\nd\n", None),
    ],
)
def test_edits_that_stand_apart_come_together(one: str, other: str, both: str | None) -> None:
    assert merged(COMMON, one, other) == merged(COMMON, other, one) == both


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_an_edit_and_none_is_the_edit(common: list[str], edited: list[str]) -> None:
    before, after = "\n".join(common), "\n".join(edited)
    assert merged(before, after, before) == merged(before, before, after) == after
