"""The envelope of a template as rows of its form: a range for each variable of its schema, and bounds of the rollout.

What was typed is judged by :mod:`changes.domain.templates.envelope`. Words of a range for which there is no control are
carried along, so that an envelope that was written by a script loses nothing here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.forms.boundfield import BoundField
from django.http import QueryDict

from changes.domain.errors import InvalidInputError
from changes.domain.strategy import Strategy
from changes.domain.templates.schema import parse_schema
from changes.domain.templates.values import bounds_said
from portal.forms.changes import Problem
from portal.forms.raw_text import RawText
from portal.forms.strategy import StrategyFields
from portal.forms.template_variables import scalar_of, written

Schema = Mapping[str, Any]

_KEY: Final = re.compile(r"range-(?P<name>[A-Za-z]\w{0,63})-(?P<word>[a-z_]+)", re.ASCII)
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "integer": ("minimum", "maximum", "enum"),
    "string": ("pattern", "enum"),
    "boolean": ("const",),
}
_COUNTS: Final = {"count_min": "minItems", "count_max": "maxItems"}
_LABELS: Final = {
    "minimum": "At least",
    "maximum": "At most",
    "enum": "Only these values",
    "pattern": "Fits the pattern",
    "const": "Only",
    "count_min": "Values at least",
    "count_max": "Values at most",
}
_ITEMS: Final = {"minimum": "Each at least", "maximum": "Each at most", "pattern": "Each fits the pattern",
                 "enum": "Only of these values", "const": "Each only"}  # fmt: skip
_HINTS: Final = {
    "enum": "One on each line.",
    "pattern": "RE2. Where neither a format nor a list of values bounds it, the whole text has to fit.",
}
_TRUTH: Final = (("", "Either"), ("true", "Yes"), ("false", "No"))


@dataclass(frozen=True, slots=True)
class RangeRow:
    """One variable: its controls, and what the template itself allows."""

    name: str
    title: str
    said: str
    declared: bool
    fields: tuple[BoundField, ...]
    hidden: tuple[BoundField, ...]
    more: str


class RangeRows:
    """A row for each variable that the schema declares, and for each other one that something was typed for."""

    def __init__(self, variables: str, texts: Mapping[str, str]) -> None:
        """``variables``: the schema as typed; ``texts`` by ``range-<name>-<word>``, and ``range_rest``."""
        self._texts = dict(texts)
        self._schema = _schema_of(variables)
        self._kinds = self._rows_kinds()
        self.errors: list[str] = []
        self.form = forms.Form(self._texts)
        for name, kind in self._kinds.items():
            for word in (*_controls(kind), "kind", "more"):
                self.form.fields[f"range-{name}-{word}"] = _control(kind, word)
        self.form.data = {**self._texts, **{f"range-{name}-kind": kind for name, kind in self._kinds.items()}}
        self.form.full_clean()

    @classmethod
    def of(cls, variables: str, narrower: Schema) -> RangeRows:
        """The narrower schema of a stored envelope."""
        texts = {"range_rest": _json({name: word for name, word in narrower.items() if name in _REST and word})}
        for name, item in narrower.get("properties", {}).items():
            texts |= {f"range-{name}-{word}": text for word, text in _texts_of(item).items()}
        return cls(variables, texts)

    @classmethod
    def read(cls, data: QueryDict) -> RangeRows:
        """What somebody sent."""
        texts = {key: data.get(key, "") for key in data if _KEY.fullmatch(key)}
        return cls(data.get("variables", ""), {**texts, "range_rest": data.get("range_rest", "")})

    @property
    def rest(self) -> str:
        """Words of the narrower schema as a whole, carried along."""
        return self._texts.get("range_rest", "")

    @property
    def readable(self) -> bool:
        """Whether the schema could be read; else the rows are those of before."""
        return self._schema is not None

    @property
    def rows(self) -> list[RangeRow]:
        """As the page draws them."""
        return [self._row(name, kind) for name, kind in self._kinds.items()]

    def body(self) -> dict[str, object]:
        """The narrower schema for :func:`changes.domain.templates.envelope.parse_envelope`."""
        words = {name: self._words(name, kind) for name, kind in self._kinds.items()}
        return {**_object(self.rest), "properties": {name: found for name, found in words.items() if found}}

    def blame(self, below: str, sentence: str) -> Problem:
        """Put a sentence about ``properties.<name>.<word>`` beside its control."""
        parts = below.split(".")
        name = parts[1] if len(parts) > 1 and parts[0] == "properties" else ""
        if name not in self._kinds:
            self.errors.append(f"{name}: {sentence}" if name else sentence)
            return Problem("ranges", "Ranges of variables", self.errors[-1])
        controls = _controls(self._kinds[name])
        named = {**{word: word for word in controls}, **{word: key for key, word in _COUNTS.items()}}
        word = next((named[part] for part in reversed(parts) if named.get(part) in controls), controls[0])
        key = f"range-{name}-{word}"
        self.form.add_error(key, sentence)
        return Problem(self.form[key].id_for_label, f"Range of {name}", sentence)

    def _rows_kinds(self) -> dict[str, str]:
        declared = {name: _kind(item) for name, item in (self._schema or {}).items()}
        typed: dict[str, str] = {}
        for key in self._texts:
            found = _KEY.fullmatch(key)
            kind = self._texts.get(f"range-{found['name']}-kind", "string") if found else ""
            if found and found["name"] not in declared and _is_kind(kind):
                typed[found["name"]] = kind
        kept = {name: kind for name, kind in typed.items() if self._schema is None or self._words(name, kind)}
        return declared | kept

    def _row(self, name: str, kind: str) -> RangeRow:
        item = (self._schema or {}).get(name, {})
        values = item.get("enum", [item["const"]] if "const" in item else [])
        listed = f"One of {', '.join(written(value) for value in values[:20])}." if values else ""
        return RangeRow(
            name=name,
            title=str(item.get("title", "")),
            said=" ".join(part for part in (listed, bounds_said(item) if item else "") if part),
            declared=self._schema is None or bool(item),
            fields=tuple(self.form[f"range-{name}-{word}"] for word in _controls(kind)),
            hidden=tuple(self.form[f"range-{name}-{word}"] for word in ("kind", "more")),
            more=self._texts.get(f"range-{name}-more", ""),
        )

    def _words(self, name: str, kind: str) -> dict[str, object]:
        of = kind.removeprefix("array:")
        typed = {word: self._texts.get(f"range-{name}-{word}", "").strip() for word in _controls(kind)}
        given = {word: _read(word, of, text) for word, text in typed.items() if text}
        more = _object(self._texts.get(f"range-{name}-more", ""))
        if not kind.startswith("array:"):
            return {**more, **given}
        counts = {_COUNTS[word]: value for word, value in given.items() if word in _COUNTS}
        inner = {word: value for word, value in given.items() if word not in _COUNTS}
        kept = more.pop("items", None)
        items = {**(kept if isinstance(kept, dict) else {}), **inner}
        return {**more, **counts, **({"items": items} if items else {})}


@dataclass(frozen=True, slots=True)
class BoundRow:
    """One field of the rollout: two ends, or the values that are allowed."""

    name: str
    label: str
    usual: str
    ends: tuple[BoundField, ...] = ()
    allowed: BoundField | None = None


class BoundRows:
    """How far each field of the rollout may differ from the template's."""

    def __init__(self, data: QueryDict) -> None:
        self.form = forms.Form(data)
        for name, field in _STRATEGY.items():
            if isinstance(field.widget, forms.Select):
                widget = forms.CheckboxSelectMultiple(choices=field.widget.choices)
                self.form.fields[f"bound-{name}-allowed"] = forms.Field(
                    required=False, label=field.label, widget=widget
                )
            else:
                for end, label in (("min", "At least"), ("max", "At most")):
                    number = forms.NumberInput(attrs={"min": field.widget.attrs.get("min"), "inputmode": "numeric"})
                    self.form.fields[f"bound-{name}-{end}"] = RawText(label=f"{label}: {field.label}", widget=number)
        self.form.full_clean()

    @classmethod
    def of(cls, bounds: Mapping[str, Mapping[str, Any]]) -> BoundRows:
        """The bounds of a stored envelope."""
        data = QueryDict(mutable=True)
        for name, bound in bounds.items():
            for word, value in bound.items():
                data.setlist(
                    f"bound-{name}-{word}", [str(item) for item in value] if word == "allowed" else [str(value)]
                )
        return cls(data)

    @property
    def rows(self) -> list[BoundRow]:
        """As the page draws them."""
        return [self._row(name, str(field.label)) for name, field in _STRATEGY.items()]

    @property
    def filled(self) -> bool:
        """Whether there is a bound, or a sentence about one, so that the rows should be open."""
        return bool(self.body()) or bool(self.form.errors)

    def body(self) -> dict[str, object]:
        """The bounds for :func:`changes.domain.templates.envelope.parse_envelope`."""
        found = {row.name: self._bound(row) for row in self.rows}
        return {name: bound for name, bound in found.items() if bound}

    def blame(self, below: str, sentence: str) -> Problem:
        """Put a sentence about a field beside its controls."""
        name = below.partition(".")[0]
        key = next((key for key in (f"bound-{name}-min", f"bound-{name}-allowed") if key in self.form.fields), "")
        if not key:
            return Problem("bounds", "Bounds of the rollout", sentence)
        self.form.add_error(key, sentence)
        return Problem(self.form[key].id_for_label, f"Bounds: {_STRATEGY[name].label}", sentence)

    def _row(self, name: str, label: str) -> BoundRow:
        if f"bound-{name}-allowed" in self.form.fields:
            return BoundRow(name, label, "", allowed=self.form[f"bound-{name}-allowed"])
        return BoundRow(name, label, "", ends=tuple(self.form[f"bound-{name}-{end}"] for end in ("min", "max")))

    def _bound(self, row: BoundRow) -> dict[str, object]:
        if row.allowed is not None:
            values = row.allowed.value() or []
            return {"allowed": list(values)} if values else {}
        texts = {field.name.rpartition("-")[2]: str(field.value() or "").strip() for field in row.ends}
        return {end: scalar_of("integer", text) for end, text in texts.items() if text}


_STRATEGY: Final = {
    name: field for name, field in StrategyFields.base_fields.items() if name in Strategy().as_data()
}  # fmt: skip
_REST: Final = frozenset({"title", "description", "required"})


def _schema_of(text: str) -> dict[str, Schema] | None:
    """The variables that a typed schema declares; None: it cannot be read."""
    try:
        found: dict[str, Schema] = parse_schema(json.loads(text or "{}"))["properties"]
    except (ValueError, RecursionError, InvalidInputError):
        return None
    return found


def _kind(item: Schema) -> str:
    return f"array:{item['items']['type']}" if item["type"] == "array" else str(item["type"])


def _is_kind(kind: str) -> bool:
    return kind.removeprefix("array:") in _WORDS


def _controls(kind: str) -> tuple[str, ...]:
    words = _WORDS[kind.removeprefix("array:")]
    return (*_COUNTS, *words) if kind.startswith("array:") else words


def _control(kind: str, word: str) -> RawText:
    if word in {"kind", "more"}:
        return RawText(widget=forms.HiddenInput)
    label = _ITEMS[word] if kind.startswith("array:") and word in _ITEMS else _LABELS[word]
    plain = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    widget: forms.Widget = forms.TextInput(attrs=plain)
    if word == "enum":
        widget = forms.Textarea(attrs={"rows": 2, "wrap": "off", **plain})
    elif word == "const":
        widget = forms.Select(choices=_TRUTH)
    elif word != "pattern":
        widget = forms.NumberInput(attrs={"autocomplete": "off", "inputmode": "numeric"})
    return RawText(label=label, widget=widget, help_text=_HINTS.get(word, ""))


def _texts_of(item: Schema) -> dict[str, str]:
    """A stored range by the names of its controls; ``more`` holds the words without one."""
    kind = _kind(item)
    inner = item["items"] if kind.startswith("array:") else item
    texts = {word: written(inner[word]) for word in _controls(kind) if word in inner}
    texts |= {name: str(item[word]) for name, word in _COUNTS.items() if word in item}
    shown = {"type", "items", *_COUNTS.values()} if inner is not item else {"type", *_controls(kind)}
    more = {name: word for name, word in item.items() if name not in shown}
    if inner is not item:
        left = {name: word for name, word in inner.items() if name not in {"type", *_controls(kind)}}
        more |= {"items": left} if left else {}
    return {**texts, "kind": kind, "more": _json(more)}


def _read(word: str, of: str, text: str) -> object:
    if word == "enum":
        return [scalar_of(of, line.strip()) for line in text.splitlines() if line.strip()]
    if word == "pattern":
        return text
    return scalar_of("boolean" if word == "const" else "integer", text)


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if value else ""


def _object(text: str) -> dict[str, Any]:
    """What was carried along; nothing where somebody altered it so that it cannot be read."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
