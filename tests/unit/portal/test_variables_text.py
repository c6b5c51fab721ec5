from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.domain.content import Variable, parse_variables
from changes.domain.errors import InvalidInputError
from portal.forms.variables_text import MAX_TEXT, read_variables, write_variables


def refused(text: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        read_variables(text)
    [[sentence]] = [list(sentences) for name, sentences in caught.value.fields.items() if name == "variables"]
    return sentence


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("0", 0),
        ("-7", -7),
        ("true", True),
        ("false", False),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("010", "010"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("+5", "+5"),
        ("3.10", "3.10"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("2026-03-01", "2026-03-01"),
        ("12:30:00", "12:30:00"),
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("00:11:22:33:44:55", "00:11:22:33:44:55"),
        ('"10"', "10"),
        ("'true'", "true"),
        ('""', ""),
        ("two words", "two words"),
        ("[]", []),
        ("[1, no, 'x y', true]", [1, "no", "x y", True]),
        ("\n  - a\n  - 2", ["a", 2]),
        ("|\n  one line", "one line"),
    ],
)
def test_value_means_what_it_looks_like(text: str, value: Variable) -> None:
    read = read_variables(f"v: {text}\n").values["v"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["", "\n", "# only a remark\n", "---\n"])
def test_no_variables_are_no_error(text: str) -> None:
    assert read_variables(text).values == {}


def test_lines_are_known_by_name() -> None:
    read = read_variables("# first\na: 1\n\nb:\n  - x\nc: 2\n")
    assert read.lines == {"a": 2, "b": 4, "c": 6}


def test_line_ends_of_browsers_are_read() -> None:
    assert read_variables("a: 1\r\nb: two\r\n").values == {"a": 1, "b": "two"}


@pytest.mark.parametrize(
    ("text", "line", "about"),
    [
        ("a: 1\na: 2\n", 2, "given twice"),
        ("a: 1\nb: *a\n", 2, "refers to another"),
        ("a: &x 1\n", 1, "“&”"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "“!”"),
        ("a: !secret x\n", 1, "“!”"),
        ("a: 1\n<<: {b: 2}\n", 2, "“<<”"),
        ("a:\n", 1, "has no value"),
        ("a: null\n", 1, "has no value"),
        ("a: ~\n", 1, "has no value"),
        ("a: True\n", 1, "small letters"),
        ("a: FALSE\n", 1, "small letters"),
        ("a: 1\nb: {c: 2}\n", 2, "names and values of its own"),
        ("a: 1\nb:\n  c: 2\n", 3, "names and values of its own"),
        ("a: [[1]]\n", 1, "no single value"),
        ("a:\n  - b: 1\n", 2, "no single value"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("- a\n", 1, "name: value"),
        ("just text\n", 1, "name: value"),
        ("[a, b]: 1\n", 1, "a name must be a word"),
        ("a: 1\nb: x: y\n", 2, "not allowed here"),
        ('a: 1\nb: "open\n', 3, "end of stream"),
        ("a: @x\n", 1, "cannot start any token"),
    ],
)
def test_what_could_surprise_is_refused_with_its_line(text: str, line: int, about: str) -> None:
    sentence = refused(text)
    assert sentence.startswith(f"Line {line}: ")
    assert about in sentence


@pytest.mark.parametrize("char", ["\t", "\x07", "\x1b", "\x00", "\u202e", "\u200b"])
def test_hidden_characters_are_refused(char: str) -> None:
    assert "not allowed here" in refused(f"a: x{char}y\n")


@pytest.mark.parametrize("text", ["[" * 20_000, "{" * 20_000, "a: " + "[" * 20_000, "? " * 20_000, "- " * 20_000])
def test_deep_nesting_is_refused_and_costs_nothing(text: str) -> None:
    refused(text)


def test_too_much_text_is_refused_unread() -> None:
    assert "Split the change" in refused("a: " + "x" * MAX_TEXT)


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=30)
SCALARS = TEXTS | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans()
LIKE_OTHERS = st.sampled_from(
    [
        "no",
        "true",
        "True",
        "null",
        "~",
        "",
        "010",
        "1e3",
        "- a",
        "a: b",
        "# x",
        "[x",
        "*a",
        "&a",
        "!a",
        '"',
        "'",
        " x ",
        "..",
    ]
)
VALUES = SCALARS | LIKE_OTHERS | st.lists(SCALARS | LIKE_OTHERS, max_size=30)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_what_is_written_reads_back_the_same(values: Mapping[str, Variable]) -> None:
    read = read_variables(write_variables(values)).values
    assert read == values
    assert [type(value) for value in read.values()] == [type(value) for value in values.values()]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    refusals: list[str] = []
    try:
        read_variables(text)
    except InvalidInputError as error:
        refusals = list(error.fields)
    assert set(refusals) <= {"variables"}


def test_what_is_read_satisfies_the_domain() -> None:
    values = read_variables("ntp_servers:\n  - 10.0.0.1\nvlan: 110\ntrunk: true\nname: no\n").values
    assert parse_variables(values) == {"ntp_servers": ["10.0.0.1"], "vlan": 110, "trunk": True, "name": "no"}
