"""Variables as people type them: a small part of YAML, read so that nobody is surprised by what it means.

``no``, ``on``, ``3.10`` and ``2026-03-01`` are text here, as they look; only ``true`` and ``false`` are truth values,
and only decimal digits are numbers. Everything that YAML could hide (references, tags, several documents, a name
given twice) is refused, with the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml

from changes.domain.content import MAX_VARIABLES_BYTES, Scalar, Variable
from changes.domain.errors import InvalidInputError
from changes.domain.input import hidden_character, shown, unix_lines

FIELD: Final = "variables"
MAX_TEXT: Final = 2 * MAX_VARIABLES_BYTES
_MAX_LISTED: Final = 20
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,999})")
_TRUTH: Final = {"true": True, "false": False}
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
_UNLIKE_TRUTH: Final = frozenset({"True", "TRUE", "False", "FALSE"})

_Events = Iterator[yaml.Event]


@dataclass(frozen=True, slots=True)
class ReadVariables:
    """The values by name, and the line of each name, counted from 1."""

    values: dict[str, Variable] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


class _RefusedError(Exception):
    """What stands there has no meaning here."""

    def __init__(self, event: yaml.Event, sentence: str) -> None:
        super().__init__(f"Line {_line(event)}: {sentence}")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def read_variables(text: str) -> ReadVariables:
    """Read ``name: value`` lines; a value may be a list, as ``- item`` lines or as ``[a, b]``. Empty text has none.

    What a name or a value may be is judged by :func:`changes.domain.content.parse_variables`, not here.

    Raises:
        InvalidInputError: under ``variables``, with the line.
    """
    if len(text) > MAX_TEXT:
        sentence = f"The variables have {len(text):,} characters; {MAX_TEXT:,} are allowed. Split the change."
        raise InvalidInputError({FIELD: [sentence]})
    hidden = hidden_character(unix_lines(text), allowed="\n")
    if hidden:
        raise InvalidInputError({FIELD: [f"In the variables, {hidden}"]})
    try:
        return _document(yaml.parse(unix_lines(text), Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise InvalidInputError({FIELD: [_syntax(error)]}) from error
    except (_RefusedError, yaml.YAMLError) as error:
        raise InvalidInputError({FIELD: [str(error)]}) from error


def _syntax(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"Line {mark.line + 1}: " if mark else ""
    said = shown(error.problem or "this cannot be read", 120)
    return f"{where}{said}. Write one “name: value” on each line, and put text with : or # into quotes."


def _document(events: _Events) -> ReadVariables:
    next(events)  # the stream begins
    first = next(events)
    if isinstance(first, yaml.StreamEndEvent):
        return ReadVariables()
    root = next(events)
    if isinstance(root, yaml.ScalarEvent) and root.value == "" and root.implicit[0]:
        return ReadVariables()
    if not isinstance(root, yaml.MappingStartEvent):
        raise _RefusedError(root, "write “name: value” here; the variables are names with values.")
    read = _mapping(root, events)
    next(events)  # the document ends
    after = next(events)
    if not isinstance(after, yaml.StreamEndEvent):
        raise _RefusedError(after, "a second document begins here. Take the “---” out.")
    return read


def _mapping(start: yaml.Event, events: _Events) -> ReadVariables:
    _plain_only(start)
    read = ReadVariables()
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        name = _name(event)
        if name in read.values:
            raise _RefusedError(event, f"“{shown(name)}” is given twice; it stands in line {read.lines[name]} already.")
        read.lines[name] = _line(event)
        read.values[name] = _value(name, next(events), events)
    return read


def _name(event: yaml.Event) -> str:
    _plain_only(event)
    if not isinstance(event, yaml.ScalarEvent):
        raise _RefusedError(event, "a name must be a word.")
    if event.value == "<<":
        raise _RefusedError(event, "“<<” takes in another mapping, which is not possible here.")
    return str(event.value)


def _value(name: str, event: yaml.Event, events: _Events) -> Variable:
    _plain_only(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return _items(name, events)
    if isinstance(event, yaml.MappingStartEvent):
        sentence = f"“{shown(name)}” holds names and values of its own. Give each value a name of its own at the left."
        raise _RefusedError(event, sentence)
    return _scalar(name, event)


def _items(name: str, events: _Events) -> list[Scalar]:
    items: list[Scalar] = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        _plain_only(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise _RefusedError(event, f"an item of “{shown(name)}” is no single value; a list holds only those.")
        items.append(_scalar(name, event))
    return items


def _scalar(name: str, event: yaml.Event) -> Scalar:
    if not isinstance(event, yaml.ScalarEvent):
        raise _RefusedError(event, f"“{shown(name)}” has no value that can be read.")
    text = str(event.value)
    if event.style is not None:  # in quotes or as a block: text, whatever it looks like
        return text.removesuffix("\n") if event.style in "|>" else text
    if text in _NOTHING:
        raise _RefusedError(event, f'“{shown(name)}” has no value. Write one, or "" for an empty text.')
    if text in _UNLIKE_TRUTH:
        raise _RefusedError(event, f'write {text.lower()} in small letters, or "{text}" in quotes if it is text.')
    if text in _TRUTH:
        return _TRUTH[text]
    return int(text) if _NUMBER.fullmatch(text) else text


def _plain_only(event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _RefusedError(event, f"“*{shown(event.anchor)}” refers to another value. Write that value, or quote it.")
    if getattr(event, "anchor", None):
        raise _RefusedError(event, "“&” names a value for others to refer to. Take it out, or quote the value.")
    if getattr(event, "tag", None):
        raise _RefusedError(event, "“!” gives a type to a value. Take it out, or quote the value.")


def write_variables(values: Mapping[str, Variable]) -> str:
    """The text that :func:`read_variables` reads back as exactly these values, names in the order given."""
    return "".join(f"{name}:{_written(value)}\n" for name, value in values.items())


def _written(value: Variable) -> str:
    if not isinstance(value, list):
        return f" {_written_scalar(value)}"
    written = [_written_scalar(item) for item in value]
    if len(written) > _MAX_LISTED or not written:
        return f" [{', '.join(_quoted(item) for item in value)}]"
    return "".join(f"\n  - {item}" for item in written)


def _written_scalar(value: Scalar) -> str:
    """Text stands bare where it reads back as itself, else in quotes."""
    return value if isinstance(value, str) and _reads_back(value) else _quoted(value)


def _quoted(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _reads_back(text: str) -> bool:
    if "\n" in text or not text.isprintable():
        return False
    try:
        return read_variables(f"v:\n  - {text}\n").values == {"v": [text]}
    except InvalidInputError:
        return False
