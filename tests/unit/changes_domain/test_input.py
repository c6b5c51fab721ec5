import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, did_you_mean, hidden_character, one_of, shown, unix_lines


def test_findings_keep_all_sentences_and_raise_once() -> None:
    findings = Findings()
    findings.check()
    findings.add("a", "One.")
    findings.absorb(InvalidInputError({"a": ["Two."], "b": ["Three."]}))
    with pytest.raises(InvalidInputError) as error:
        findings.check()
    assert error.value.fields == {"a": ["One.", "Two."], "b": ["Three."]}
    assert str(error.value) == "One. Two. Three."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\x00", "character 2 is a NUL"),
        ("\ta", "character 1 is a tab"),
        ("a\nb\n\x1b", "line 3, character 1 is an escape"),
        ("ab\u202e\n", "line 1, character 3 is the control character U+202E"),
        ("\x85", "U+0085"),
    ],
)
def test_a_hidden_character_is_named_with_its_place(text: str, says: str) -> None:
    assert says in str(hidden_character(text, allowed="\n"))


def test_ordinary_text_of_any_script_is_fine() -> None:
    assert hidden_character("Grüße 東京 🚀 e\u0301 עברית") is None


@given(st.text())
def test_a_shown_value_is_short_and_safe_on_one_line(text: str) -> None:
    safe = shown(text)
    assert len(safe) <= 60
    assert hidden_character(safe) is None


def test_names_are_listed_and_guessed() -> None:
    assert one_of({"b", "a"}) == "a, b"
    assert did_you_mean("sites", {"site", "role"}) == ' Did you mean "site"?'
    assert did_you_mean("zzz", {"site"}) == ""
    assert unix_lines("a\r\nb\rc") == "a\nb\rc"
