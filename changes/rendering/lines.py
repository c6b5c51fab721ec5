"""From rendered text to the lines that a device is sent."""

import re
import unicodedata

from changes.rendering.errors import ProblemKind, TemplateError

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SPOKEN = {
    "\t": 'a tab, which a device takes as "complete this word"; use spaces',
    "\r": "a carriage return, which a device takes as a line end; take it out",
}
_BANNER = re.compile(r"\s*banner\s+(?:\S+\s+)?(?P<mark>\^C|[^\sA-Za-z0-9])(?P<rest>.*)$")
_BANNER_UNTIL_EOF = re.compile(r"\s*banner\s+(?:login|motd)$")


def command_lines(text: str) -> tuple[str, ...]:
    """The rendered text as configuration lines, without trailing space.

    Blank lines and comment lines (``!``) are dropped, except inside a banner, whose text is the device's and
    not ours. Leading space stays: it shows the nesting.

    Raises:
        TemplateError: of kind ``character``, when a line holds what a reader cannot see but a device acts on.
    """
    lines = []
    banner_end: str | None = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip(" ")
        _refuse_hidden(line, number)
        if banner_end is not None:
            lines.append(line)
            if _closes(line, banner_end):
                banner_end = None
        elif line.strip() and not line.lstrip().startswith("!"):
            lines.append(line)
            banner_end = _opens(line)
    return tuple(lines)


def _opens(line: str) -> str | None:
    if _BANNER_UNTIL_EOF.match(line):
        return "EOF"
    begin = _BANNER.match(line)
    return begin["mark"] if begin and begin["mark"] not in begin["rest"] else None


def _closes(line: str, banner_end: str) -> bool:
    return line.strip() == "EOF" if banner_end == "EOF" else banner_end in line


def _refuse_hidden(line: str, number: int) -> None:
    for char in line:
        if unicodedata.category(char) in _HIDDEN:
            what = _SPOKEN.get(char, f"the control character U+{ord(char):04X}; take it out")
            raise TemplateError(ProblemKind.CHARACTER, line=number, detail=f"it holds {what}")
