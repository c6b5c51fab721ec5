"""The variables of a template: a JSON Schema (draft 2020-12) of the part that a form can show and everybody can read.

The whole is an object whose properties are text, whole numbers, truth values, or flat lists of those. Words of
JSON Schema that a form cannot show, such as ``anyOf`` or ``$ref``, are refused, so that page, API and reviewer see the
same rules. Patterns are RE2 (linear time).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from changes.domain.canonical import CanonicalError, canonical_json
from changes.domain.check_patterns import pattern_problem
from changes.domain.content import Variable, parse_variables
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, one_of, shown, unknown_names
from changes.domain.templates.formats import FORMATS
from changes.domain.templates.values import value_problems

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_PROPERTIES: Final = 100
MAX_SCHEMA_BYTES: Final = 64 * 1024
MAX_CHOICES: Final = 500
MAX_TEXT: Final = 500

Schema = Mapping[str, Any]

SCALARS: Final = ("string", "integer", "boolean")
_WORDS: Final = frozenset({"type", "title", "description", "default", "enum", "const"})
_OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "boolean": frozenset(),
    "array": frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
}
_TOP: Final = frozenset({"$schema", "type", "title", "description", "properties", "required", "additionalProperties"})

EMPTY: Final[Schema] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
"""The schema of a template without variables."""


def parse_schema(value: object, *, where: str = "variables") -> dict[str, Any]:
    """Judge a schema of variables; ``additionalProperties`` is always false in what is returned.

    Raises:
        InvalidInputError: with sentences under ``where`` and the path below it.
    """
    schema = _object(value, where)
    findings = Findings()
    for name, sentence in unknown_names(schema, _TOP, "word").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    if schema.get("type", "object") != "object":
        findings.add(f"{where}.type", 'The variables together are an "object".')
    if schema.get("additionalProperties", False) is not False:
        findings.add(f"{where}.additionalProperties", "Other variables than those declared cannot be allowed.")
    if schema.get("$schema", DRAFT) != DRAFT:
        findings.add(f"{where}.$schema", f"The schema is read as draft 2020-12: {DRAFT}.")
    properties = _properties(schema.get("properties", {}), f"{where}.properties", findings)
    required = _required(schema.get("required", []), properties, f"{where}.required", findings)
    findings.check()
    return {**EMPTY, **_texts(schema), "properties": properties, "required": required}


def parse_narrowing(value: object, schema: Schema, *, where: str) -> dict[str, Any]:
    """Judge the narrower schema of an envelope: the same words, for variables that ``schema`` declares.

    A property without a ``type`` has that of the schema. What it does not name stays as free as the schema leaves it.

    Raises:
        InvalidInputError: with sentences under ``where`` and the path below it.
    """
    narrow = _object(value, where)
    given = narrow.get("properties", {})
    known = schema["properties"]
    if isinstance(given, Mapping):
        for name, sentence in unknown_names(given, known, "variable").items():
            raise InvalidInputError({f"{where}.properties.{shown(name)}": [sentence]})
        narrow = {**narrow, "properties": {name: _typed(item, known[name]) for name, item in given.items()}}
    return parse_schema(narrow, where=where)


def _typed(item: object, base: Schema) -> object:
    if not isinstance(item, Mapping):
        return item
    typed = {"type": base["type"], **item}
    if base["type"] == "array":
        inner = item.get("items", {})
        typed["items"] = {"type": base["items"]["type"], **inner} if isinstance(inner, Mapping) else inner
    return typed


def _object(value: object, where: str) -> Schema:
    if not isinstance(value, Mapping):
        sentence = 'A schema is an object, such as {"properties": {"vlan": {"type": "integer"}}}.'
        raise InvalidInputError({where: [sentence]})
    try:
        size = len(canonical_json(value))
    except CanonicalError as error:
        raise InvalidInputError({where: [f"The schema cannot be kept as it is: {error}"]}) from error
    if size > MAX_SCHEMA_BYTES:
        raise InvalidInputError({where: [f"The schema has {size:,} bytes; {MAX_SCHEMA_BYTES:,} are allowed."]})
    try:
        # Without formats: the one of patterns is Python's, and these are RE2's, which are judged below.
        Draft202012Validator.check_schema(value, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        path = "".join(f".{shown(part)}" for part in error.absolute_path)
        sentence = f"This is not JSON Schema 2020-12: {shown(error.message, 200)}"
        raise InvalidInputError({f"{where}{path}": [sentence]}) from error
    return value


def _properties(value: Mapping[str, Schema], where: str, findings: Findings) -> dict[str, dict[str, Any]]:
    if len(value) > MAX_PROPERTIES:
        findings.add(where, f"{len(value)} variables are declared; {MAX_PROPERTIES} are allowed.")
        return {}
    try:
        parse_variables(dict.fromkeys(value, 0), where=where)
    except InvalidInputError as error:
        findings.absorb(error)
    return {name: _property(item, f"{where}.{shown(name)}", findings) for name, item in value.items()}


def _property(item: object, where: str, findings: Findings, *, types: tuple[str, ...] = ()) -> dict[str, Any]:
    allowed = types or (*SCALARS, "array")
    if not isinstance(item, Mapping) or item.get("type") not in allowed:
        findings.add(where, f'Give it a "type": {one_of(allowed)}.')
        return {}
    kind = item["type"]
    known = (_WORDS | _OF_TYPE[kind]) - ({"title", "description", "default"} if types else frozenset())
    for name, sentence in unknown_names(item, known, "word").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    parsed = {name: word for name, word in item.items() if name in known}
    for sentence in _word_problems(parsed):
        findings.add(where, sentence)
    if kind == "array":
        parsed["items"] = _property(item.get("items"), f"{where}.items", findings, types=SCALARS)
    if not findings.fields:
        _judge_samples(parsed, where, findings)
    return parsed


def _word_problems(item: Schema) -> Iterator[str]:
    for name in ("title", "description"):
        text = item.get(name, "")
        if len(text) > MAX_TEXT:
            yield f'"{name}" has {len(text)} characters; {MAX_TEXT} are allowed.'
        elif hidden := hidden_character(text):
            yield f'In "{name}" {hidden}'
    pattern = item.get("pattern")
    if pattern is not None and len(pattern) > MAX_TEXT:
        yield f"The pattern has {len(pattern)} characters; {MAX_TEXT} are allowed."
    elif pattern is not None and (problem := pattern_problem(pattern)):
        yield problem
    if "format" in item and item["format"] not in FORMATS:
        yield f'"{shown(item["format"])}" is not a format that is checked here. Allowed: {one_of(FORMATS)}.'
    if len(item.get("enum", ())) > MAX_CHOICES:
        yield f"{len(item['enum'])} values are listed; {MAX_CHOICES} are allowed."


def _judge_samples(item: Schema, where: str, findings: Findings) -> None:
    """Values that the schema itself names have to be values that a variable may have, and the default a good one."""
    for sample in [*item.get("enum", ()), *([item["const"]] if "const" in item else [])]:
        _judge_sample(sample, f"{where}.enum", findings)
    if "default" in item:
        _judge_sample(item["default"], f"{where}.default", findings)
        for sentence in value_problems(item, item["default"]):
            findings.add(f"{where}.default", f"The default is not a value that the schema allows. {sentence}")


def _judge_sample(sample: Variable, where: str, findings: Findings) -> None:
    try:
        parse_variables({"value": sample})
    except InvalidInputError as error:
        for sentences in error.fields.values():
            for sentence in sentences:
                findings.add(where, sentence)


def _required(value: list[str], properties: Mapping[str, Schema], where: str, findings: Findings) -> list[str]:
    for name in value:
        if name not in properties:
            findings.add(where, f'"{shown(name)}" is required but not declared.')
    return sorted(set(value))


def _texts(schema: Schema) -> dict[str, str]:
    return {name: schema[name] for name in ("title", "description") if name in schema}
