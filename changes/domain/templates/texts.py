"""Text variables of a template that is approved in advance: what they may say has to be closed at both ends.

A pattern of JSON Schema may match anywhere in a text, so that ``[a-z]+`` allows ``x ; reload``. In an envelope the
whole text has to fit, wherever nothing else (a format, a list of values) bounds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from changes.domain.check_patterns import compiled_pattern
from changes.domain.content import Variable

Schema = Mapping[str, Any]

_CLOSED: Final = frozenset({"enum", "const", "format"})
_ANYTHING: Final = ("no shutdown ; reload | x", "zq!{}#\"'$ 0", "reload", "description x y z")
"""A pattern that the most different of these fit, as a whole, allows anything."""


def unbounded_texts(variables: Mapping[str, Schema], narrower: Mapping[str, Schema]) -> Iterator[str]:
    """The names of text variables, and lists of texts, that could say anything in spite of both schemas."""
    for name, item in variables.items():
        patterns = _patterns(item, narrower.get(name, {}))
        if patterns is not None and not any(_says_something(pattern) for pattern in patterns):
            yield name


def text_problems(
    variables: Mapping[str, Schema], narrower: Mapping[str, Schema], values: Mapping[str, Variable]
) -> Iterator[tuple[str, str]]:
    """Pairs of a variable's name and a sentence where a text does not fit, as a whole, a pattern that bounds it."""
    for name, item in variables.items():
        patterns = _patterns(item, narrower.get(name, {}))
        if patterns is None or name not in values:
            continue
        value = values[name]
        for text in value if isinstance(value, list) else [value]:
            if not any(compiled_pattern(pattern).fullmatch(str(text)) for pattern in patterns):
                whole = " or ".join(patterns) or "of a format or a list of values"
                yield name, f"The whole text has to fit the pattern {whole}"
                break


def _patterns(item: Schema, narrower: Schema) -> list[str] | None:
    """The patterns that alone bound a text; None: it is no text, or something else bounds it."""
    schemas = [item, narrower, item.get("items", {}), narrower.get("items", {})]
    if item.get("items", item).get("type") != "string" or any(_CLOSED & schema.keys() for schema in schemas):
        return None
    return [schema["pattern"] for schema in schemas if "pattern" in schema]


def _says_something(pattern: str) -> bool:
    compiled = compiled_pattern(pattern)
    return not all(compiled.fullmatch(text) for text in _ANYTHING)
