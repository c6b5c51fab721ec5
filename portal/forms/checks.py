"""Checks as rows of a form. Rows are read as they were typed; :mod:`changes.domain.checks` judges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from django.http import QueryDict

from changes.domain.checks import DEFAULT_TIMEOUT_S, MAX_CHECKS, Expectation

KINDS: Final = ("pre", "post")
EXPECTATIONS: Final = (
    (Expectation.CONTAINS.value, "contains"),
    (Expectation.NOT_CONTAINS.value, "does not contain"),
    (Expectation.REGEX.value, "matches (RE2)"),
    (Expectation.NOT_REGEX.value, "does not match (RE2)"),
)


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One row as typed, and the sentences about its fields."""

    name: str = ""
    command: str = ""
    expect: str = Expectation.CONTAINS.value
    value: str = ""
    timeout_s: str = str(DEFAULT_TIMEOUT_S)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed; such a row is left out."""
        return not (self.name.strip() or self.command.strip() or self.value.strip())

    def body(self) -> dict[str, object]:
        """The row for :func:`changes.domain.checks.parse_check`."""
        timeout = self.timeout_s.strip()
        whole = timeout.isascii() and timeout.isdigit() and len(timeout) < 10
        body: dict[str, object] = {
            "name": self.name,
            "command": self.command,
            "expect": self.expect,
            "value": self.value,
        }
        return body | ({"timeout_s": int(timeout) if whole else timeout} if timeout else {})


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
    def full(self) -> bool:
        """Whether no further row is allowed."""
        return len(self.rows) >= MAX_CHECKS

    def added(self) -> Self:
        """With one more empty row."""
        return self if self.full else replace(self, rows=(*self.rows, CheckRow()))

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
    return CheckRow(
        name=data.get(f"{prefix}-name", ""),
        command=data.get(f"{prefix}-command", ""),
        expect=data.get(f"{prefix}-expect", Expectation.CONTAINS.value),
        value=data.get(f"{prefix}-value", ""),
        timeout_s=data.get(f"{prefix}-timeout_s", ""),
    )


def _stored(check: Mapping[str, object]) -> CheckRow:
    text = {name: str(value) for name, value in check.items()}
    return CheckRow(
        name=text.get("name", ""),
        command=text.get("command", ""),
        expect=text.get("expect", Expectation.CONTAINS.value),
        value=text.get("value", ""),
        timeout_s=text.get("timeout_s", ""),
    )
