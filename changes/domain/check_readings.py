"""What a check's parser finds in an output: a text, or named values. What cannot be read for certain is an error."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import Final

from changes.domain.check_expectations import Parser, number_in
from changes.domain.check_json import UnusablePathError, read_json, selected
from changes.domain.check_patterns import compiled_pattern
from changes.domain.check_tables import UnreadableTableError, read_table
from changes.domain.checks import Check
from changes.domain.input import unix_lines

MAX_OUTPUT: Final = 2_000_000
"""Characters of output that a parser looks at; more is unreadable."""
MAX_VALUES: Final = 20_000

# Patterns for configuration lines do not know a secret in JSON.
_SECRET_NAME: Final = re.compile(r"passw|secret|passphrase|community|psk|(?:^|_|auth|priv|shared)key$", re.IGNORECASE)

_NAMING: Final = (
    "bgp_neighbor", "bgp_neigh", "peer_ip", "neighbor_id", "interface", "port", "neighbor", "network", "name",
)  # fmt: skip
"""Columns that tell one row from another, the best first."""

NOT_UNDERSTOOD: Final = (
    "% Invalid",
    "% Incomplete",
    "% Ambiguous",
    "% Unknown",
    "% Unrecognized",
    "% Authorization",
    "% Permission",
    "Command authorization failed",
)


class UnreadableOutputError(ValueError):
    """Nothing certain can be said of the output, so the check fails; the message is a sentence."""

    def __init__(self, sentence: str, evidence: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.evidence = evidence


@dataclass(frozen=True, slots=True)
class Reading:
    """Values and the names that people know them by; of a text, the whole as the only value, and its lines as names."""

    values: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many values were found."""
        return len(self.values)

    def masked(self, mask: Callable[[str], str]) -> Reading:
        """The same values, with their names masked."""
        return replace(self, labels=tuple(map(mask, self.labels)))

    def number(self) -> Decimal:
        """The only value, as a number.

        Raises:
            UnreadableOutputError: there is none, or more than one, or it is no number.
        """
        if len(self.values) != 1:
            found = "no value" if not self.values else f"{len(self.values)} values"
            raise UnreadableOutputError(f"{found[0].upper()}{found[1:]} where one number is expected.")
        number = number_in(self.values[0])
        if number is None:
            raise UnreadableOutputError("What was found is not a plain number.")
        return number

    def fingerprint(self, key: bytes) -> str:
        """A keyed digest of all values whatever their order: equal where they are, and no help in guessing them."""
        text = json.dumps(sorted(self.values), ensure_ascii=True)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def read_output(check: Check, output: str) -> Reading:
    """Apply the check's parser.

    Raises:
        UnreadableOutputError: the device did not understand the command, or the parser cannot be sure.
    """
    text = unix_lines(output)
    refused = tuple(line for line in text.split("\n") if line.strip().startswith(NOT_UNDERSTOOD))
    if refused:
        raise UnreadableOutputError(f'The device did not accept "{check.command}".', refused)
    if check.parser is Parser.TEXT:
        body = _body(text)
        return Reading((body,), tuple(body.split("\n")))
    if len(text) > MAX_OUTPUT:
        raise UnreadableOutputError(f"The output has {len(text):,} characters; {MAX_OUTPUT:,} are looked at.")
    pairs = tuple(islice(_found(check, text), MAX_VALUES + 1))
    if len(pairs) > MAX_VALUES:
        raise UnreadableOutputError(f"More than {MAX_VALUES:,} values were found. Narrow what the check takes.")
    kept = [(label, value) for label, value in pairs if _is_kept(check, value)]
    return Reading(tuple(value for _, value in kept), tuple(label for label, _ in kept))


def _found(check: Check, text: str) -> Iterator[tuple[str, str]]:
    if check.parser is Parser.REGEX:
        for match in compiled_pattern(check.select).finditer(text):
            value = match.group(1 if match.re.groups else 0)
            yield value or "", value or ""
    elif check.parser is Parser.JSON:
        yield from _from_json(check, text)
    else:
        yield from _from_table(check, text)


def _from_json(check: Check, text: str) -> Iterator[tuple[str, str]]:
    try:
        document = read_json(text)
    except ValueError as error:
        raise UnreadableOutputError(f"The output is not JSON that can be read in one way only: {error}.") from error
    try:
        for name, value in selected(check.select, document):
            plain = _plain(value)
            label = name if isinstance(value, dict | list) else plain
            yield ("<hidden>" if _SECRET_NAME.search(name) else label), plain
    except UnusablePathError as error:
        raise UnreadableOutputError(str(error)) from error


def _from_table(check: Check, text: str) -> Iterator[tuple[str, str]]:
    try:
        rows = read_table(check.template, text)
    except UnreadableTableError as error:
        raise UnreadableOutputError(str(error)) from error
    for row in rows:
        value = row[check.select]
        name = next((row[column] for column in _NAMING if row.get(column)), "")
        yield (value if name in ("", value) else f"{name} {value}".strip()), value


def _plain(value: object) -> str:
    """A JSON value as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _is_kept(check: Check, value: str) -> bool:
    return not check.filter or compiled_pattern(check.filter).search(value) is not None


def _body(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")
