from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import BadFieldsError
from devices.services.rule_input import RuleInput

JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.text(max_size=5) | st.integers())


@given(JSON)
def test_whatever_comes_is_read_as_what_it_is_or_refused(value: object) -> None:
    read = RuleInput({"text": value, "names": value, "flag": value, "whole": value})
    text, names = read.text("text", limit=20), read.names("names")
    flag, whole = read.flag("flag", default=True), read.whole("whole", limit=100)
    assert ("text" in read.problems) or text == ("" if value is None else value)
    assert ("names" in read.problems) or names == [item.strip() for item in (value or []) if item.strip()]  # type: ignore[attr-defined]
    assert ("flag" in read.problems) or flag is value
    assert ("whole" in read.problems) or str(whole) == str(value).lstrip("0") or int(str(value)) == whole


def test_what_was_left_out_has_its_default_and_every_problem_is_told_at_once() -> None:
    empty = RuleInput({})
    assert (empty.text("a", limit=1), empty.names("b"), empty.flag("c", default=True)) == ("", [], True)
    empty.check()
    wrong = RuleInput({"a": "too long", "b": ["x\u202e"], "c": "x\n\ty"})
    wrong.text("a", limit=3)
    wrong.names("b")
    assert wrong.text("c", limit=10, lines=True) == "x\n\ty"
    with pytest.raises(BadFieldsError) as refused:
        wrong.check()
    assert list(refused.value.fields) == ["a", "b"]
