import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.rendering import ProblemKind, TemplateError
from changes.rendering.lines import command_lines


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ()),
        ("\n\n  \n", ()),
        ("ntp server 192.0.2.1   \n", ("ntp server 192.0.2.1",)),
        ("interface Gi0/1\n  shutdown \n!\n\nend", ("interface Gi0/1", "  shutdown", "end")),
        ("! a comment\n  ! another\nhostname a ! not a comment", ("hostname a ! not a comment",)),
        # Inside a banner everything is the device's text.
        ("banner motd ^C\n\n! hello\n\n^C\n\n!\nend", ("banner motd ^C", "", "! hello", "", "^C", "end")),
        ("banner motd #\n a\n\nb#\n\nx", ("banner motd #", " a", "", "b#", "x")),
        ("banner login ^C one line ^C\n\n!x", ("banner login ^C one line ^C",)),
        ("banner exec ^C begins here\n\nends here^C\n\n", ("banner exec ^C begins here", "", "ends here^C")),
        ("banner motd\nhello\n\n! there\nEOF\n\n!", ("banner motd", "hello", "", "! there", "EOF")),
        ("banner motd line Welcome\n\nx", ("banner motd line Welcome", "x")),
        ("no banner motd\n\nx", ("no banner motd", "x")),
    ],
)
def test_rendered_text_becomes_lines(text: str, lines: tuple[str, ...]) -> None:
    assert command_lines(text) == lines


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a\nb\tc", 2, "a tab"),
        ("a\r\nb", 1, "a carriage return"),
        ("\x03", 1, "U+0003"),
        ("a\n\n\x1b[A", 3, "U+001B"),
        ("a\x0bb", 1, "U+000B"),
        ("a\u2028b", 1, "U+2028"),
        ("a\u202eb", 1, "U+202E"),
        ("banner motd ^C\n\x07\n^C", 2, "U+0007"),
        ("! only a comment\x00", 1, "U+0000"),
    ],
)
def test_what_a_reader_cannot_see_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(TemplateError) as refused:
        command_lines(text)
    assert (refused.value.kind, refused.value.line) == (ProblemKind.CHARACTER, line)
    assert says in str(refused.value)


plain = st.text("ab1 !#^C.é-", max_size=12)


@given(st.lists(plain))
def test_every_line_is_visible_stripped_and_one_of_the_given(texts: list[str]) -> None:
    given_lines = {text.rstrip(" ") for text in texts}
    for line in command_lines("\n".join(texts)):
        assert line in given_lines
        assert line == line.rstrip(" ")


@given(st.lists(plain))
def test_outside_banners_nothing_but_blank_and_comment_lines_is_dropped(texts: list[str]) -> None:
    kept = [text.rstrip(" ") for text in texts if text.strip() and not text.strip().startswith("!")]
    assert list(command_lines("\n".join(texts))) == kept
