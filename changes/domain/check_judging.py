"""Judging what a check read: against a fixed value, or against what was read before the first line was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from changes.domain.check_expectations import (
    COUNTS,
    NUMBERS,
    PATTERNS,
    Expectation,
    Parser,
    number_in,
    tolerance_in,
)
from changes.domain.check_patterns import compiled_pattern
from changes.domain.check_readings import Reading, UnreadableOutputError, read_output
from changes.domain.checks import Check
from changes.domain.input import shown, unix_lines

MAX_EVIDENCE: Final = 10
MAX_LABELS: Final = 50
_E = Expectation
_PRESENT: Final = frozenset({_E.CONTAINS, _E.REGEX})


@dataclass(frozen=True, slots=True)
class Before:
    """What a check read before the first line was sent, kept until it is compared; its texts are masked."""

    count: int
    fingerprint: str
    number: str
    labels: tuple[str, ...]

    @classmethod
    def of(cls, check: Check, output: str, *, key: bytes, mask: Callable[[str], str] = str) -> Self:
        """Read what the check will compare and keep it.

        Raises:
            UnreadableOutputError: it cannot be read for certain.
        """
        reading = read_output(check, output).masked(mask)
        number = str(reading.number()) if check.expect in NUMBERS else ""
        return cls(reading.count, reading.fingerprint(key), number, tuple(sorted(reading.labels)[:MAX_LABELS]))

    def to_json(self) -> dict[str, object]:
        """As it stands in a step's record."""
        return {
            "count": self.count,
            "fingerprint": self.fingerprint,
            "number": self.number,
            "labels": list(self.labels),
        }

    @classmethod
    def from_json(cls, data: object) -> Self | None:
        """Read :meth:`to_json` back; None where it is anything else."""
        if not isinstance(data, Mapping):
            return None
        count, fingerprint, number, labels = (data.get(n) for n in ("count", "fingerprint", "number", "labels"))
        if type(count) is not int or not isinstance(fingerprint, str) or not isinstance(number, str):
            return None
        return cls(count, fingerprint, number, tuple(map(str, labels)) if isinstance(labels, list) else ())

    def spoken(self, check: Check) -> str:
        """What was before, for a table."""
        return _spoken(check, self.count, self.number)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """Whether a check held, one sentence about it, and what decided it (at most ten lines).

    ``before`` and ``after`` are what was compared, in short; "" where the check compares nothing of that kind.
    """

    check: Check
    passed: bool
    sentence: str
    evidence: tuple[str, ...] = ()
    before: str = ""
    after: str = ""


def evaluate(
    check: Check,
    output: str,
    before: Before | None = None,
    *,
    key: bytes = b"",
    mask: Callable[[str], str] = str,
) -> CheckOutcome:
    """Judge the output of the check's command; ``key`` is the one that ``before`` was made with.

    ``mask`` hides secrets in the names of values before they are compared with those from before and shown.

    An output that cannot be read for certain never passes, whatever was expected: that a text is absent from an
    error message proves nothing. Nor does a comparison without anything to compare with.
    """
    try:
        reading = read_output(check, output)
        if check.parser is Parser.TEXT and not check.compares and check.expect is not _E.EQUALS:
            return _text(check, unix_lines(output))
        reading = reading.masked(mask)
        if check.compares:
            return _compared(check, reading, before, key)
        return _fixed(check, reading)
    except UnreadableOutputError as error:
        return CheckOutcome(check, passed=False, sentence=str(error), evidence=error.evidence[:MAX_EVIDENCE])


def _text(check: Check, text: str) -> CheckOutcome:
    lines = text.split("\n")
    found = tuple(line for line in lines if _holds(check, line))
    present = bool(found) or _holds(check, text)
    verb = "match" if check.expect in PATTERNS else "contain"
    how = f"{verb}{'es' if verb == 'match' else 's'}" if present else f"does not {verb}"
    return CheckOutcome(
        check,
        passed=present is (check.expect in _PRESENT),
        sentence=f'The output of "{check.command}" {how} "{shown(check.value)}".',
        evidence=found[:MAX_EVIDENCE],
    )


def _holds(check: Check, text: str) -> bool:
    if check.expect in PATTERNS:
        return compiled_pattern(check.value).search(text) is not None
    return check.value in text


def _fixed(check: Check, reading: Reading) -> CheckOutcome:
    if check.expect in COUNTS:
        return _judged(check, Decimal(reading.count), Decimal(check.value), reading.labels)
    if check.expect in NUMBERS:
        return _judged(check, reading.number(), Decimal(check.value), ())
    return _values(check, reading)


def _judged(check: Check, found: Decimal, wanted: Decimal, labels: Iterable[str]) -> CheckOutcome:
    allowed = _allowed(check, wanted)
    passed = {
        _E.COUNT_EQUALS: abs(found - wanted) <= allowed,
        _E.COUNT_AT_LEAST: found >= wanted,
        _E.COUNT_AT_MOST: found <= wanted,
        _E.NUMBER_EQUALS: abs(found - wanted) <= allowed,
        _E.NUMBER_BELOW: found < wanted,
        _E.NUMBER_AT_MOST: found <= wanted,
        _E.NUMBER_ABOVE: found > wanted,
        _E.NUMBER_AT_LEAST: found >= wanted,
    }[check.expect]
    rule = check.expect.value.partition("_")[2].replace("_", " ").replace("equals", "")
    must = " ".join(f"{rule} {wanted}{_tolerated(check)}".split())
    what = "counts" if check.expect in COUNTS else "gives"
    return CheckOutcome(
        check,
        passed=passed,
        sentence=f'"{check.command}" {what} {found}; it must be {must}.',
        evidence=tuple(labels)[:MAX_EVIDENCE],
        after=str(found),
    )


def _values(check: Check, reading: Reading) -> CheckOutcome:
    """Text expectations over each of the values."""
    if check.expect is _E.EQUALS:
        if reading.count != 1:
            found = "no value" if not reading.count else f"{reading.count} values"
            raise UnreadableOutputError(f'"{check.command}" gives {found}, where one is expected.')
        passed = reading.values[0] == check.value
        verb = "is" if passed else "is not"
        return CheckOutcome(check, passed, f'What was taken {verb} "{shown(check.value)}".', reading.labels[:1])
    holding = [label for label, value in zip(reading.labels, reading.values, strict=True) if _holds(check, value)]
    others = [label for label, value in zip(reading.labels, reading.values, strict=True) if not _holds(check, value)]
    verb = "match" if check.expect in PATTERNS else "contain"
    sentence = f'{len(holding)} of {reading.count} values {verb} "{shown(check.value)}".'
    if check.expect is _E.ALL_MATCH:
        passed = bool(holding) and not others
        return CheckOutcome(check, passed, sentence, tuple(others)[:MAX_EVIDENCE])
    passed = bool(holding) is (check.expect in _PRESENT)
    return CheckOutcome(check, passed, sentence, tuple(holding)[:MAX_EVIDENCE])


def _compared(check: Check, reading: Reading, before: Before | None, key: bytes) -> CheckOutcome:
    if before is None:
        raise UnreadableOutputError(
            "There is nothing to compare with: no value was kept from before the change. So this check cannot hold."
        )
    number = reading.number() if check.expect in NUMBERS else Decimal(reading.count)
    earlier = number_in(before.number) if check.expect in NUMBERS else Decimal(before.count)
    if earlier is None:
        raise UnreadableOutputError("The value from before the change is not a number, so this check cannot hold.")
    passed = _keeps(check, number, earlier, same=reading.fingerprint(key) == before.fingerprint)
    now = _spoken(check, reading.count, str(number))
    return CheckOutcome(
        check,
        passed=passed,
        sentence=_compared_sentence(check, now, before.spoken(check), passed=passed),
        evidence=_moved(before.labels, reading.labels),
        before=before.spoken(check),
        after=now,
    )


def _keeps(check: Check, now: Decimal, before: Decimal, *, same: bool) -> bool:
    allowed = _allowed(check, before)
    return {
        _E.SAME_AS_BEFORE: same,
        _E.NOT_FEWER_THAN_BEFORE: now >= before - allowed,
        _E.NOT_MORE_THAN_BEFORE: now <= before + allowed,
        _E.NUMBER_NEAR_BEFORE: abs(now - before) <= allowed,
        _E.NUMBER_NOT_BELOW_BEFORE: now >= before - allowed,
        _E.NUMBER_NOT_ABOVE_BEFORE: now <= before + allowed,
    }[check.expect]


def _compared_sentence(check: Check, now: str, before: str, *, passed: bool) -> str:
    if check.expect is _E.SAME_AS_BEFORE:
        return f'"{check.command}" shows {"the same as" if passed else "something else than"} before the change.'
    rule = check.expect.value.removeprefix("number_").removesuffix("_before").replace("_", " ")
    must = (
        "near it"
        if check.expect is _E.NUMBER_NEAR_BEFORE
        else rule.removesuffix(" than") + (" than that" if rule.endswith("than") else " that")
    )
    return f'"{check.command}" gives {now} now and gave {before} before; it must be {must}{_tolerated(check)}.'


def _moved(before: Iterable[str], now: Iterable[str]) -> tuple[str, ...]:
    """What is gone and what is new, as far as the names were kept."""
    earlier, later = set(before), set(now)
    if len(earlier) >= MAX_LABELS:
        return ()
    gone = [f"gone: {label}" for label in sorted(earlier - later)]
    new = [f"new: {label}" for label in sorted(later - earlier)]
    return tuple((gone + new)[:MAX_EVIDENCE])


def _spoken(check: Check, count: int, number: str) -> str:
    if check.expect in NUMBERS:
        return number
    return "" if check.parser is Parser.TEXT else str(count)


def _allowed(check: Check, base: Decimal) -> Decimal:
    tolerance = tolerance_in(check.tolerance)
    return tolerance.of(base) if tolerance else Decimal(0)


def _tolerated(check: Check) -> str:
    return f", give or take {check.tolerance}" if check.tolerance else ""
