"""A form made from the JSON Schema of a template's variables. What was typed is judged by the domain, not here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms

from changes.domain.content import Variable
from changes.domain.templates.values import bounds_said
from portal.forms.raw_text import RawText

PREFIX: Final = "variable"
_NUMBER: Final = re.compile(r"-?[0-9]{1,16}")
_TRUTH: Final = (("", "Choose"), ("true", "Yes"), ("false", "No"))

Schema = Mapping[str, Any]


class VariableForm(forms.Form):
    """One control for each variable: a choice, a number, a line of text, or a value on each line for a list."""

    def __init__(self, schema: Schema, data: Mapping[str, Any]) -> None:
        super().__init__(data, prefix=PREFIX)
        self._schema = schema
        required = set(schema["required"])
        for name, item in schema["properties"].items():
            self.fields[name] = _control(name, item, required=name in required and "default" not in item)
        self.full_clean()

    def values(self) -> dict[str, Variable]:
        """What was typed, by the types of the schema as far as it can be read so; empty controls are left out."""
        typed = {name: str(self[name].value() or "") for name in self.fields}
        items: Mapping[str, Schema] = self._schema["properties"]
        return {name: _read(items[name], text) for name, text in typed.items() if text.strip()}


def filled_form(schema: Schema, values: Mapping[str, Variable]) -> VariableForm:
    """The form with these values, and the schema's defaults where there is none."""
    texts = {}
    for name, item in schema["properties"].items():
        value = values.get(name, item.get("default"))
        texts[f"{PREFIX}-{name}"] = "" if value is None else written(value)
    return VariableForm(schema, texts)


def _control(name: str, item: Schema, *, required: bool) -> RawText:
    title = item.get("title")
    hints = [item.get("description", ""), bounds_said(item)]
    if item["type"] == "array":
        hints.append("One value on each line.")
        hints += [f"Allowed: {', '.join(map(str, item['items']['enum']))}."] if "enum" in item["items"] else []
    return RawText(
        label=f"{title} ({name})" if title else name,
        required=required,
        widget=_widget(item),
        help_text=" ".join(hint for hint in hints if hint),
    )


def _widget(item: Schema) -> forms.Widget:
    if "enum" in item or "const" in item:
        values = item.get("enum", [item.get("const")])
        return forms.Select(choices=[("", "Choose"), *((written(value), _spoken(value)) for value in values)])
    if item["type"] == "boolean":
        return forms.Select(choices=_TRUTH)
    if item["type"] == "array":
        return forms.Textarea(attrs={"rows": 3, "wrap": "off", "spellcheck": "false", "autocomplete": "off"})
    attrs: dict[str, str | int] = {"autocomplete": "off", "spellcheck": "false"}
    if item["type"] == "integer":
        ends = {"min": item.get("minimum"), "max": item.get("maximum")}
        return forms.NumberInput(attrs={**attrs, **{name: end for name, end in ends.items() if end is not None}})
    if "maxLength" in item:
        attrs["maxlength"] = item["maxLength"]
    return forms.TextInput(attrs=attrs)


def written(value: Variable) -> str:
    """A value as a control holds it; a list with a value on each line."""
    if isinstance(value, list):
        return "\n".join(written(item) for item in value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _spoken(value: Variable) -> str:
    return {True: "Yes", False: "No"}[value] if isinstance(value, bool) else str(value)


def _read(item: Schema, text: str) -> Variable:
    if item["type"] == "array":
        lines = [line.strip() for line in text.splitlines()]
        return [scalar_of(item["items"]["type"], line) for line in lines if line]
    return scalar_of(item["type"], text.strip())


def scalar_of(kind: str, text: str) -> str | int | bool:
    """The value; what cannot be read as its type stays text, for the domain to refuse."""
    if kind == "integer" and _NUMBER.fullmatch(text):
        return int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text
