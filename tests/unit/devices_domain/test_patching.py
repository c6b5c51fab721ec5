"""Applying a diff gives back what it was made from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.domain.diffing import unified_diff
from devices.domain.patching import PatchMismatchError, patched

TEXT = st.lists(st.sampled_from(["a", "b", " c", "interface x", "-", "+", "@@", "", "\\ x"]), max_size=30).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


@given(TEXT, TEXT)
def test_the_diff_of_two_texts_leads_from_one_to_the_other(before: str, after: str) -> None:
    assert patched(before, unified_diff(before, after)) == after


@given(TEXT, TEXT, TEXT)
def test_on_another_text_a_diff_is_refused_or_changes_only_what_it_names(before: str, after: str, other: str) -> None:
    try:
        result = patched(other, unified_diff(before, after))
    except PatchMismatchError:
        return
    assert unified_diff(before, after) or result == other


def test_a_line_that_is_not_there_is_named() -> None:
    diff = unified_diff("a\nb\n", "a\nc\n")
    with pytest.raises(PatchMismatchError, match="Line 1"):
        patched("x\nb\n", diff)
