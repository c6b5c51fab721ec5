"""What a check may expect of a command's output, and what each expectation needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from changes.domain.labels import Labelled


class Parser(Labelled):
    """What a check makes of the output before it judges it."""

    TEXT = "text"
    """The output as it is."""
    REGEX = "regex"
    """What an RE2 pattern finds: its group, or the whole match where it has none."""
    JSON = "json"
    """What a JSONPath (RFC 9535) selects."""
    TEXTFSM = "textfsm"
    """One column of the table that a template of ntc-templates reads."""


class Expectation(Labelled):
    """How the output, or what a parser found in it, is judged."""

    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    REGEX = "regex"
    NOT_REGEX = "not_regex"
    EQUALS = "equals"
    ALL_MATCH = "all_match"
    COUNT_EQUALS = "count_equals"
    COUNT_AT_LEAST = "count_at_least"
    COUNT_AT_MOST = "count_at_most"
    NUMBER_EQUALS = "number_equals"
    NUMBER_BELOW = "number_below"
    NUMBER_AT_MOST = "number_at_most"
    NUMBER_ABOVE = "number_above"
    NUMBER_AT_LEAST = "number_at_least"
    SAME_AS_BEFORE = "same_as_before"
    NOT_FEWER_THAN_BEFORE = "not_fewer_than_before"
    NOT_MORE_THAN_BEFORE = "not_more_than_before"
    NUMBER_NEAR_BEFORE = "number_near_before"
    NUMBER_NOT_BELOW_BEFORE = "number_not_below_before"
    NUMBER_NOT_ABOVE_BEFORE = "number_not_above_before"


_E = Expectation
PATTERNS: Final = frozenset({_E.REGEX, _E.NOT_REGEX, _E.ALL_MATCH})
COUNTS: Final = frozenset(
    {_E.COUNT_EQUALS, _E.COUNT_AT_LEAST, _E.COUNT_AT_MOST, _E.NOT_FEWER_THAN_BEFORE, _E.NOT_MORE_THAN_BEFORE}
)
COMPARISONS: Final = frozenset(
    {
        _E.SAME_AS_BEFORE, _E.NOT_FEWER_THAN_BEFORE, _E.NOT_MORE_THAN_BEFORE,
        _E.NUMBER_NEAR_BEFORE, _E.NUMBER_NOT_BELOW_BEFORE, _E.NUMBER_NOT_ABOVE_BEFORE,
    }
)  # fmt: skip
"""Those that compare with what was read before the first line was sent; they need no value."""
NUMBERS: Final = frozenset(expectation for expectation in _E if expectation.value.startswith("number_"))
TOLERANT: Final = frozenset(
    {
        _E.COUNT_EQUALS, _E.NUMBER_EQUALS, _E.NOT_FEWER_THAN_BEFORE, _E.NOT_MORE_THAN_BEFORE,
        _E.NUMBER_NEAR_BEFORE, _E.NUMBER_NOT_BELOW_BEFORE, _E.NUMBER_NOT_ABOVE_BEFORE,
    }
)  # fmt: skip
_OF_TEXT: Final = frozenset({_E.CONTAINS, _E.NOT_CONTAINS, _E.REGEX, _E.NOT_REGEX, _E.EQUALS, _E.SAME_AS_BEFORE})
FITTING: Final[Mapping[Parser, frozenset[Expectation]]] = MappingProxyType(
    {parser: _OF_TEXT if parser is Parser.TEXT else frozenset(Expectation) for parser in Parser}
)

SPOKEN: Final[Mapping[Expectation, str]] = MappingProxyType(
    {
        _E.CONTAINS: "contains",
        _E.NOT_CONTAINS: "does not contain",
        _E.REGEX: "matches (RE2)",
        _E.NOT_REGEX: "does not match (RE2)",
        _E.EQUALS: "equals",
        _E.ALL_MATCH: "all values match (RE2)",
        _E.COUNT_EQUALS: "count is",
        _E.COUNT_AT_LEAST: "count is at least",
        _E.COUNT_AT_MOST: "count is at most",
        _E.NUMBER_EQUALS: "number is",
        _E.NUMBER_BELOW: "number is below",
        _E.NUMBER_AT_MOST: "number is at most",
        _E.NUMBER_ABOVE: "number is above",
        _E.NUMBER_AT_LEAST: "number is at least",
        _E.SAME_AS_BEFORE: "same as before",
        _E.NOT_FEWER_THAN_BEFORE: "not fewer than before",
        _E.NOT_MORE_THAN_BEFORE: "not more than before",
        _E.NUMBER_NEAR_BEFORE: "number within tolerance of before",
        _E.NUMBER_NOT_BELOW_BEFORE: "number not below before",
        _E.NUMBER_NOT_ABOVE_BEFORE: "number not above before",
    }
)
"""How people read them; the order is that of a list to choose from."""

_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?")
_TOLERANCE: Final = re.compile(r"(?P<amount>\d{1,12}(?:\.\d{1,6})?)(?P<percent> ?%)?")


def number_in(text: str) -> Decimal | None:
    """The number that a text is, or None; "1,234", "5 %" and "1e3" are none, since they can be meant otherwise."""
    stripped = text.strip()
    return Decimal(stripped) if stripped.isascii() and _NUMBER.fullmatch(stripped) else None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a number may be off: an amount, or a percentage of what it is compared with."""

    amount: Decimal = Decimal(0)
    percent: bool = False

    def of(self, base: Decimal) -> Decimal:
        """The largest difference from ``base`` that is still taken."""
        return abs(base) * self.amount / 100 if self.percent else self.amount


def tolerance_in(text: str) -> Tolerance | None:
    """Read "2", "0.5" or "10%"; "" is no tolerance at all; None where it is none of these."""
    if not text:
        return Tolerance()
    found = _TOLERANCE.fullmatch(text.strip()) if text.isascii() else None
    return Tolerance(Decimal(found["amount"]), percent=found["percent"] is not None) if found else None
