"""Checks as rows of a form. Rows are read as they were typed; :mod:`changes.domain.checks` judges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from django.http import QueryDict

from changes.domain.check_expectations import COMPARISONS, SPOKEN, Expectation, Parser
from changes.domain.check_library import When, library_checks
from changes.domain.checks import DEFAULT_TIMEOUT_S, MAX_CHECKS
from devices.domain.platforms import PLATFORMS

KINDS: Final = ("pre", "post")
PARSERS: Final = (
    (Parser.TEXT.value, "the output as it is"),
    (Parser.REGEX.value, "what a pattern finds (RE2)"),
    (Parser.JSON.value, "JSON, by JSONPath"),
    (Parser.TEXTFSM.value, "a table, by an ntc-template"),
)
_TEXTS: Final = ("name", "command", "expect", "value", "timeout_s")
_MORE: Final = ("parser", "select", "template", "filter", "tolerance", "hold_s")
_SECONDS: Final = frozenset({"timeout_s", "hold_s"})


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One row as typed, and the sentences about its fields."""

    name: str = ""
    command: str = ""
    expect: str = Expectation.CONTAINS.value
    value: str = ""
    timeout_s: str = str(DEFAULT_TIMEOUT_S)
    parser: str = Parser.TEXT.value
    select: str = ""
    template: str = ""
    filter: str = ""
    tolerance: str = ""
    hold_s: str = ""
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed; such a row is left out."""
        return not (self.name.strip() or self.command.strip() or self.value.strip())

    @property
    def says_more(self) -> bool:
        """Whether it uses, or has a sentence about, the fields that are folded away at first."""
        typed = any(getattr(self, name).strip() for name in _MORE if name != "parser")
        return typed or self.parser != Parser.TEXT.value or any(name in self.errors for name in _MORE)

    def body(self) -> dict[str, object]:
        """The row for :func:`changes.domain.checks.parse_check`; what was left empty is left out."""
        body: dict[str, object] = {name: getattr(self, name) for name in _TEXTS if name not in _SECONDS}
        if self.parser != Parser.TEXT.value:
            body["parser"] = self.parser
        for name in ("timeout_s", *_MORE[1:]):
            text = getattr(self, name).strip()
            if text:
                body[name] = _whole(text) if name in _SECONDS else text
        return body


@dataclass(frozen=True, slots=True)
class CheckRows:
    """The rows of one kind, ``pre`` or ``post``; ``errors`` are about all of them together."""

    kind: str
    rows: tuple[CheckRow, ...] = ()
    errors: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: QueryDict, kind: str) -> Self:
        """The rows that a form holds; how many there are stands in ``<kind>-count``."""
        given = data.get(f"{kind}-count", "")
        count = min(int(given), MAX_CHECKS + 1) if given.isascii() and given.isdigit() and len(given) < 6 else 0
        return cls(kind, tuple(_row(data, f"{kind}-{number}") for number in range(count)))

    @classmethod
    def of(cls, checks: object, kind: str) -> Self:
        """Stored checks as rows; where there is no post-check, one empty row asks for it."""
        found = [_stored(check) for check in checks if isinstance(check, Mapping)] if isinstance(checks, list) else []
        return cls(kind, tuple(found) or ((CheckRow(),) if kind == "post" else ()))

    @property
    def expectations(self) -> tuple[tuple[str, str], ...]:
        """What can be expected; before the change there is nothing to compare with."""
        return tuple(
            (one.value, label) for one, label in SPOKEN.items() if self.kind == "post" or one not in COMPARISONS
        )

    @property
    def library(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """The library's checks for this kind, by platform: (label, ((key, name), …)) each."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for key, entry in library_checks().items():
            if self.kind == "post" or entry.when is When.ANY:
                label = ", ".join(PLATFORMS[slug].label for slug in entry.platforms if slug in PLATFORMS)
                groups.setdefault(label, []).append((key, entry.check.name))
        return tuple((label, tuple(entries)) for label, entries in groups.items() if label)

    @property
    def full(self) -> bool:
        """Whether no further row is allowed."""
        return len(self.rows) >= MAX_CHECKS

    def added(self) -> Self:
        """With one more empty row."""
        return self if self.full else replace(self, rows=(*self.rows, CheckRow()))

    def with_library(self, key: str) -> Self:
        """With a check of the library as a new row, to be changed at will; empty rows make way for it."""
        entry = library_checks().get(key)
        if entry is None:
            return replace(self, errors=(*self.errors, "Choose a check of the library in the list first."))
        filled = tuple(row for row in self.rows if not row.is_blank)
        return self if self.full else replace(self, rows=(*filled, _stored(entry.check.to_json())))

    def without(self, number: int) -> Self:
        """Without the row of that number, counted from 0."""
        return replace(self, rows=self.rows[:number] + self.rows[number + 1 :])

    def body(self) -> list[dict[str, object]]:
        """The rows that hold something."""
        return [row.body() for row in self.rows if not row.is_blank]

    def number_of(self, position: int) -> int:
        """The number of the row that is at ``position`` in :meth:`body`."""
        filled = [number for number, row in enumerate(self.rows) if not row.is_blank]
        return filled[position] if position < len(filled) else 0

    def blamed(self, number: int, name: str, sentence: str) -> Self:
        """With one more sentence about a row's field."""
        row = self.rows[number]
        errors = {**row.errors, name: [*row.errors.get(name, ()), sentence]}
        rows = [*self.rows]
        rows[number] = replace(row, errors=errors)
        return replace(self, rows=tuple(rows))


def _row(data: QueryDict, prefix: str) -> CheckRow:
    blank = CheckRow(timeout_s="")
    texts: dict[str, Any] = {name: data.get(f"{prefix}-{name}", getattr(blank, name)) for name in (*_TEXTS, *_MORE)}
    return CheckRow(**texts)


def _stored(check: Mapping[str, object]) -> CheckRow:
    blank = CheckRow(timeout_s="")
    texts: dict[str, Any] = {name: str(check.get(name, getattr(blank, name))) for name in (*_TEXTS, *_MORE)}
    return CheckRow(**texts)


def _whole(text: str) -> int | str:
    """Whole seconds; anything else is left to the domain to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
