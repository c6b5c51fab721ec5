"""Values of a template's variables, judged by its JSON Schema, with a sentence for each that does not fit.

No sentence quotes a value: a variable may be a secret, and these sentences are shown and logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from changes.domain.check_patterns import compiled_pattern
from changes.domain.content import Variable
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, shown, unknown_names
from changes.domain.templates.formats import FORMATS

Schema = Mapping[str, Any]


def with_defaults(schema: Schema, values: Mapping[str, Variable]) -> dict[str, Variable]:
    """The values, with the schema's default for each variable that is not given, in the schema's order."""
    properties: Mapping[str, Schema] = schema["properties"]
    filled = {name: item["default"] for name, item in properties.items() if "default" in item}
    return {name: {**filled, **values}[name] for name in (*properties, *values) if name in values or name in filled}


def judge_values(schema: Schema, values: Mapping[str, Variable], *, where: str = "variables") -> None:
    """Check values against a schema of :func:`changes.domain.templates.schema.parse_schema`.

    Raises:
        InvalidInputError: with sentences under ``<where>.<name>``.
    """
    properties: Mapping[str, Schema] = schema["properties"]
    findings = Findings()
    for name, sentence in unknown_names(values, properties, "variable").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    for name in schema["required"]:
        if name not in values:
            findings.add(f"{where}.{name}", "Give a value; the template needs it.")
    for name, item in properties.items():
        if name in values:
            for sentence in value_problems(item, values[name]):
                findings.add(f"{where}.{name}", sentence)
    findings.check()


def value_problems(item: Schema, value: Variable) -> Iterator[str]:
    """A sentence for each rule of one variable's schema that a value breaks."""
    said: set[str] = set()
    for error in _validator()(item, format_checker=_formats()).iter_errors(value):
        sentence = _sentence(error)
        if sentence not in said:
            said.add(sentence)
            yield sentence


def bounds_said(item: Schema) -> str:
    """What one variable may be, as a short sentence for a form; "" where the schema leaves it open."""
    kind = item["type"]
    if kind == "array":
        inner = bounds_said(item["items"])
        count = _span(item.get("minItems"), item.get("maxItems"), "value")
        return " ".join(part for part in (count, f"Each: {inner}" if inner else "") if part)
    parts = []
    if kind == "integer" and _ends(item) != (None, None):
        parts.append(_range(item))
    if kind == "string":
        if "format" in item:
            found = FORMATS[item["format"]]
            parts.append(f"{found.label[0].upper()}{found.label[1:]}, such as {found.example}.")
        parts.append(_span(item.get("minLength"), item.get("maxLength"), "character"))
        if "pattern" in item:
            parts.append(f"Pattern: {item['pattern']}")
    if "multipleOf" in item:
        parts.append(f"In steps of {item['multipleOf']:,}.")
    return " ".join(part for part in parts if part)


def _sentence(error: ValidationError) -> str:
    say = _SENTENCES.get(str(error.validator))
    said = say(error.schema) if say and isinstance(error.schema, Mapping) else "This value is not allowed."
    at = [part for part in error.absolute_path if isinstance(part, int)]
    return f"Value {at[0] + 1} of the list: {said}" if at else said


_TYPES: Final = {
    "string": "Give a text.",
    "integer": "Give a whole number.",
    "boolean": "Give true or false.",
    "array": "Give a list.",
}


def _ends(item: Schema) -> tuple[int | None, int | None]:
    low, high = item.get("minimum"), item.get("maximum")
    above, below = item.get("exclusiveMinimum"), item.get("exclusiveMaximum")
    lows = [end for end in (low, None if above is None else above + 1) if end is not None]
    highs = [end for end in (high, None if below is None else below - 1) if end is not None]
    return max(lows, default=None), min(highs, default=None)


def _range(item: Schema) -> str:
    low, high = _ends(item)
    if low is None:
        return f"Give a whole number of at most {high:,}."
    return f"Give a whole number from {low:,}{f' to {high:,}' if high is not None else ' on'}."


def _span(least: int | None, most: int | None, what: str) -> str:
    if least is None and most is None:
        return ""
    if least == most:
        return f"Exactly {least} {what}{'s' if least != 1 else ''}."
    if least is None:
        return f"At most {most} {what}{'s' if most != 1 else ''}."
    return f"At least {least} {what}{'s' if least != 1 else ''}." if most is None else f"{least} to {most} {what}s."


def _choices(item: Schema) -> str:
    values = [shown(value) for value in item.get("enum", [item.get("const")])]
    return f"Choose one of: {', '.join(values[:20])}{' …' if len(values) > 20 else ''}."


_SENTENCES: Final[Mapping[str, Callable[[Schema], str]]] = {
    "type": lambda item: _TYPES[item["type"]],
    "enum": _choices,
    "const": _choices,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _range),
    "multipleOf": lambda item: f"Give a multiple of {item['multipleOf']:,}.",
    **dict.fromkeys(
        ("minLength", "maxLength"), lambda item: _span(item.get("minLength"), item.get("maxLength"), "character")
    ),
    "pattern": lambda item: f"This does not fit the pattern {item['pattern']}",
    "format": lambda item: f"Give {FORMATS[item['format']].label}, such as {FORMATS[item['format']].example}.",
    **dict.fromkeys(("minItems", "maxItems"), lambda item: _span(item.get("minItems"), item.get("maxItems"), "value")),
    "uniqueItems": lambda _item: "A value stands twice in this list. Each may stand once.",
}


@lru_cache(maxsize=1)
def _validator() -> Any:  # noqa: ANN401 - jsonschema makes the class at run time
    """Draft 2020-12, with patterns by RE2: Python's own could be made to run for hours."""
    return extend(Draft202012Validator, {"pattern": _pattern})


def _pattern(_validator: object, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and compiled_pattern(pattern).search(value) is None:
        yield ValidationError("The text does not fit the pattern.")


@lru_cache(maxsize=1)
def _formats() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name, found in FORMATS.items():
        checker.checks(name)(_of_text(found.holds))
    return checker


def _of_text(holds: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or holds(value)


__all__ = ["InvalidInputError", "bounds_said", "judge_values", "value_problems", "with_defaults"]
