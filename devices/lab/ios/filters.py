"""What `| include`, `| exclude`, `| begin` and `| section` do to an output."""

import re
from typing import Final

from devices.lab.ios.errors import AmbiguousError, IncompleteError, InvalidInputError, RefusedError

_FILTERS: Final = ("begin", "exclude", "include", "section")


def split_filter(line: str) -> tuple[str, str, str]:
    """The command, the filter's name and its pattern; both empty without a filter.

    Raises:
        IosError: the filter is unknown, ambiguous or has no pattern.
    """
    command, bar, rest = line.partition("|")
    if not bar:
        return line, "", ""
    word, _, pattern = rest.strip().partition(" ")
    names = [name for name in _FILTERS if word and name.startswith(word.lower())]
    if not names:
        raise InvalidInputError(len(command) + 2) if word else IncompleteError
    if len(names) > 1:
        raise AmbiguousError
    if not pattern:
        raise IncompleteError
    return command.rstrip(), names[0], pattern.strip()


def filtered(text: str, name: str, pattern: str) -> str:
    """What `| include`, `| exclude`, `| begin` and `| section` leave of an output."""
    try:
        wanted = re.compile(pattern)
    except re.error:
        raise RefusedError("% Failed to compile regular expression") from None
    lines = text.splitlines()
    if name == "include":
        kept = [line for line in lines if wanted.search(line)]
    elif name == "exclude":
        kept = [line for line in lines if not wanted.search(line)]
    elif name == "begin":
        first = next((i for i, line in enumerate(lines) if wanted.search(line)), len(lines))
        kept = lines[first:]
    else:
        kept = _sections(lines, wanted)
    return "".join(f"{line}\n" for line in kept)


def _sections(lines: list[str], wanted: re.Pattern[str]) -> list[str]:
    kept: list[str] = []
    depth: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if depth is not None and indent > depth:
            kept.append(line)
            continue
        depth = indent if wanted.search(line) else None
        if depth is not None:
            kept.append(line)
    return kept
