"""Checks before and after a change: one show command each, and what its output must or must not hold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, one_of, shown, unix_lines, unknown_names
from changes.domain.labels import Labelled

DEFAULT_TIMEOUT_S: Final = 30
MAX_TIMEOUT_S: Final = 300
MAX_CHECKS: Final = 50
MAX_NAME: Final = 100
MAX_COMMAND: Final = 250
MAX_VALUE: Final = 1_000
MAX_EVIDENCE: Final = 10

READING_PIPES: Final = frozenset(
    {"include", "exclude", "begin", "section", "count", "grep", "egrep", "json", "no-more", "last"}
)
_WRITING_PIPES: Final = ("redirect", "append", "tee", "sed", "awk", "email", "vsh", "bash", "source")
_SHELL_CHARACTERS: Final = ";<>`&?"
_NOT_UNDERSTOOD: Final = (
    "% Invalid",
    "% Incomplete",
    "% Ambiguous",
    "% Unknown",
    "% Unrecognized",
    "% Authorization",
    "% Permission",
    "Command authorization failed",
)


class Expectation(Labelled):
    """How a check's value is compared with the output."""

    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    REGEX = "regex"
    NOT_REGEX = "not_regex"


_PATTERNS: Final = frozenset({Expectation.REGEX, Expectation.NOT_REGEX})
_PRESENT: Final = frozenset({Expectation.CONTAINS, Expectation.REGEX})
_FIELDS: Final = frozenset({"name", "command", "expect", "value", "timeout_s"})


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``value`` is text, or an RE2 pattern in which ``^`` and ``$`` match at every line."""

    name: str
    command: str
    expect: Expectation
    value: str
    timeout_s: int = DEFAULT_TIMEOUT_S

    def to_json(self) -> dict[str, str | int]:
        """The check as it stands in a device plan."""
        return {
            "name": self.name,
            "command": self.command,
            "expect": self.expect.value,
            "value": self.value,
            "timeout_s": self.timeout_s,
        }


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """Whether a check held, one sentence about it, and the output's lines that decided it (at most ten)."""

    check: Check
    passed: bool
    sentence: str
    evidence: tuple[str, ...] = ()


def parse_checks(data: object, *, where: str = "checks") -> tuple[Check, ...]:
    """Read a list of ``{name, command, expect, value, timeout_s}``; ``timeout_s`` may be left out.

    Raises:
        InvalidInputError: with sentences under names such as ``checks[2].command``.
    """
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        raise InvalidInputError({where: ["Checks must be a list."]})
    if len(data) > MAX_CHECKS:
        raise InvalidInputError({where: [f"{len(data)} checks are given; {MAX_CHECKS} are allowed."]})
    findings = Findings()
    checks = []
    for at, item in enumerate(data):
        try:
            checks.append(parse_check(item, where=f"{where}[{at}]"))
        except InvalidInputError as error:
            findings.absorb(error)
    names = [check.name for check in checks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.add(where, f'Two checks are named "{shown(name)}". Give each its own name.')
    findings.check()
    return tuple(checks)


def parse_check(data: object, *, where: str = "check") -> Check:
    """Read one check; the stored form of a device plan reads back unchanged.

    Raises:
        InvalidInputError: with a sentence under ``where.field`` for everything that is wrong.
    """
    if not isinstance(data, Mapping):
        raise InvalidInputError({where: [f"A check must be an object with {one_of(_FIELDS)}."]})
    findings = Findings()
    for field, sentence in unknown_names(data, _FIELDS, "field").items():
        findings.add(f"{where}.{shown(field)}", sentence)
    name = _text(data, "name", MAX_NAME, findings, where)
    command = " ".join(_text(data, "command", MAX_COMMAND, findings, where).split())
    value = _text(data, "value", MAX_VALUE, findings, where, strip=False)
    expect = _expectation(data.get("expect"), findings, f"{where}.expect")
    timeout_s = _timeout(data.get("timeout_s", DEFAULT_TIMEOUT_S), findings, f"{where}.timeout_s")
    for field, problem in (
        ("command", _command_problem(command) if command else None),
        ("value", _pattern_problem(value) if expect in _PATTERNS and value else None),
    ):
        if problem:
            findings.add(f"{where}.{field}", problem)
    findings.check()
    return Check(name=name, command=command, expect=expect, value=value, timeout_s=timeout_s)


def evaluate(check: Check, output: str) -> CheckOutcome:
    """Judge the output of the check's command.

    A command that the device did not understand never passes, whatever was expected: that a text is
    absent from an error message proves nothing.
    """
    text = unix_lines(output)
    lines = text.split("\n")
    refused = tuple(line for line in lines if line.strip().startswith(_NOT_UNDERSTOOD))
    if refused:
        sentence = f'The device did not accept "{check.command}".'
        return CheckOutcome(check, passed=False, sentence=sentence, evidence=refused[:MAX_EVIDENCE])
    found = tuple(line for line in lines if _holds(check, line))
    present = bool(found) or _holds(check, text)
    verb = "match" if check.expect in _PATTERNS else "contain"
    how = f"{verb}{'es' if verb == 'match' else 's'}" if present else f"does not {verb}"
    return CheckOutcome(
        check,
        passed=present is (check.expect in _PRESENT),
        sentence=f'The output of "{check.command}" {how} "{shown(check.value)}".',
        evidence=found[:MAX_EVIDENCE],
    )


def _holds(check: Check, text: str) -> bool:
    if check.expect in _PATTERNS:
        return _compile(check.value).search(text) is not None
    return check.value in text


def _compile(pattern: str) -> Any:  # noqa: ANN401 - re2 ships no types
    options = re2.Options()
    options.log_errors = False
    re2.compile(pattern, options)  # alone first: with the prefix, a broken pattern must not become a whole one
    return re2.compile(f"(?m){pattern}", options)


def _text(
    data: Mapping[str, object], field: str, limit: int, findings: Findings, where: str, *, strip: bool = True
) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value.strip():
        findings.add(f"{where}.{field}", f'Every check needs a "{field}" that is a text and not empty.')
        return ""
    if len(value) > limit:
        findings.add(f"{where}.{field}", f"This has {len(value)} characters; {limit} are allowed.")
        return ""
    hidden = hidden_character(value)
    if hidden:
        findings.add(f"{where}.{field}", f"Here {hidden}")
        return ""
    return value.strip() if strip else value


def _expectation(value: object, findings: Findings, where: str) -> Expectation:
    if isinstance(value, str) and value in set(Expectation):
        return Expectation(value)
    findings.add(where, f'"{shown(value)}" is not known. Allowed: {one_of(set(Expectation))}.')
    return Expectation.CONTAINS


def _timeout(value: object, findings: Findings, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_TIMEOUT_S:
        return value
    findings.add(where, f"Give whole seconds from 1 to {MAX_TIMEOUT_S}.")
    return DEFAULT_TIMEOUT_S


def _command_problem(command: str) -> str | None:
    if not re.match(r"show \S", command):
        return f'A check may only read: the command must begin with "show ", but it is "{shown(command)}".'
    wrong = [char for char in _SHELL_CHARACTERS if char in command]
    if wrong:
        return f'The character "{wrong[0]}" can do more than read on some platforms. Take it out of the command.'
    for pipe in command.split("|")[1:]:
        word = (pipe.split() or [""])[0].lower()
        reads = any(name.startswith(word) for name in READING_PIPES)
        if not word or not reads or any(name.startswith(word) for name in _WRITING_PIPES):
            return f'"| {shown(word)}" is not a filter that only reads. Allowed: {one_of(READING_PIPES)}.'
    return None


def _pattern_problem(pattern: str) -> str | None:
    try:
        _compile(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else b""
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        return f"RE2 does not know this pattern ({shown(said)}). It has no look-around or back-references."
    return None
