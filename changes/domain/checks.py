"""Checks before and after a change: one show command each, what is taken from its output, and what that must be.

A check is data. ``name``, ``command``, ``expect``, ``value`` and ``timeout_s`` are always in its stored form; the other
fields are there only where they say something, so that the digests of plans with plain checks stay what they were.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.check_expectations import (
    COMPARISONS,
    COUNTS,
    FITTING,
    NUMBERS,
    PATTERNS,
    TOLERANT,
    Expectation,
    Parser,
    number_in,
    tolerance_in,
)
from changes.domain.check_json import UnusablePathError, compiled_path
from changes.domain.check_patterns import compiled_pattern, pattern_problem
from changes.domain.check_tables import columns_of, knows_template, template_names
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, did_you_mean, hidden_character, one_of, shown, unknown_names

DEFAULT_TIMEOUT_S: Final = 30
MAX_TIMEOUT_S: Final = 300
MAX_CHECKS: Final = 50
MAX_NAME: Final = 100
MAX_COMMAND: Final = 250
MAX_VALUE: Final = 1_000
MAX_SELECT: Final = 500
MAX_TOLERANCE: Final = 20
MAX_HOLD_S: Final = 300

READING_PIPES: Final = frozenset(
    {"include", "exclude", "begin", "section", "count", "grep", "egrep", "json", "no-more", "last"}
)
_WRITING_PIPES: Final = ("redirect", "append", "tee", "sed", "awk", "email", "vsh", "bash", "source")
_SHELL_CHARACTERS: Final = ";<>`&?"
_PLACEHOLDER: Final = re.compile(r"<[a-z][a-z -]*>")
_REQUIRED: Final = frozenset({"name", "command", "expect", "value", "timeout_s"})
_OPTIONAL: Final = ("select", "template", "filter", "tolerance")
_FIELDS: Final = _REQUIRED | {"parser", "hold_s", *_OPTIONAL}


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    ``value`` is text, or an RE2 pattern in which ``^`` and ``$`` match at every line; "" where nothing is needed.
    ``select`` is what the parser takes: a pattern, a JSONPath, or a column of ``template``; ``filter`` is a pattern
    that those values must match to be looked at. ``hold_s``: for so many seconds it must go on to hold.
    """

    name: str
    command: str
    expect: Expectation
    value: str
    timeout_s: int = DEFAULT_TIMEOUT_S
    parser: Parser = Parser.TEXT
    select: str = ""
    template: str = ""
    filter: str = ""
    tolerance: str = ""
    hold_s: int = 0

    @property
    def compares(self) -> bool:
        """Whether it needs what was read before the first line was sent."""
        return self.expect in COMPARISONS

    def to_json(self) -> dict[str, str | int]:
        """The check as it stands in a device plan; fields that say nothing are left out."""
        plain: dict[str, str | int] = {
            "name": self.name,
            "command": self.command,
            "expect": self.expect.value,
            "value": self.value,
            "timeout_s": self.timeout_s,
        }
        if self.parser is not Parser.TEXT:
            plain["parser"] = self.parser.value
        said = {name: getattr(self, name) for name in (*_OPTIONAL, "hold_s")}
        return plain | {name: value for name, value in said.items() if value}


def parse_checks(data: object, *, where: str = "checks", after: bool = True) -> tuple[Check, ...]:
    """Read a list of checks as :func:`parse_check` does; ``after``: they run after the change.

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
            checks.append(parse_check(item, where=f"{where}[{at}]", after=after))
        except InvalidInputError as error:
            findings.absorb(error)
    names = [check.name for check in checks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.add(where, f'Two checks are named "{shown(name)}". Give each its own name.')
    findings.check()
    return tuple(checks)


def parse_check(data: object, *, where: str = "check", after: bool = True) -> Check:
    """Read one check; the stored form of a device plan reads back unchanged.

    ``{name, command, expect, value?, timeout_s?, parser?, select?, template?, filter?, tolerance?, hold_s?}``. Checks
    that run before a change (``after=False``) have nothing to compare with and are looked at once.

    Raises:
        InvalidInputError: with a sentence under ``where.field`` for everything that is wrong.
    """
    if not isinstance(data, Mapping):
        raise InvalidInputError({where: [f"A check must be an object with {one_of(_REQUIRED)}."]})
    findings = Findings()
    for field, sentence in unknown_names(data, _FIELDS, "field").items():
        findings.add(f"{where}.{shown(field)}", sentence)
    expect = _expectation(data.get("expect"), findings, f"{where}.expect")
    check = Check(
        name=_text(data, "name", MAX_NAME, findings, where),
        command=" ".join(_text(data, "command", MAX_COMMAND, findings, where).split()),
        expect=expect,
        value=_value(data, expect, findings, where),
        timeout_s=_seconds(data.get("timeout_s", DEFAULT_TIMEOUT_S), 1, MAX_TIMEOUT_S, findings, f"{where}.timeout_s"),
        parser=_parser(data.get("parser", Parser.TEXT.value), findings, f"{where}.parser"),
        hold_s=_seconds(data.get("hold_s", 0), 0, MAX_HOLD_S, findings, f"{where}.hold_s"),
        **{name: _optional(data, name, findings, where) for name in _OPTIONAL},
    )
    for field, problem in _problems(check, after=after):
        if problem and f"{where}.{field}" not in findings.fields:
            findings.add(f"{where}.{field}", problem)
    findings.check()
    return check


def _problems(check: Check, *, after: bool) -> Iterator[tuple[str, str | None]]:
    """What is wrong with a check whose fields are each of their type."""
    if check.command:
        yield "command", _command_problem(check.command)
    if check.expect not in FITTING[check.parser]:
        fitting = one_of(FITTING[check.parser])
        yield "expect", f'"{check.expect}" does not fit the parser "{check.parser}". With it, use one of: {fitting}.'
    yield "value", _value_problem(check)
    yield "tolerance", _tolerance_problem(check)
    yield from _parser_problems(check)
    if not after:
        if check.compares:
            yield "expect", "Before the change there is nothing to compare with. Make it a check after the change."
        if check.hold_s:
            yield "hold_s", "A check before the change is looked at once. Leave this empty."


def _value_problem(check: Check) -> str | None:
    if not check.value:
        return None
    if check.compares:
        return f'"{check.expect}" compares with what was before and takes no value. Leave it empty.'
    if check.expect in PATTERNS:
        return pattern_problem(check.value)
    if check.expect in COUNTS and not (check.value.isascii() and check.value.isdigit() and len(check.value) <= 9):
        return f'A count is compared with a whole number; "{shown(check.value)}" is none.'
    if check.expect in NUMBERS and number_in(check.value) is None:
        return f'A number is expected here, such as 80 or 0.5; "{shown(check.value)}" is none.'
    return None


def _tolerance_problem(check: Check) -> str | None:
    if not check.tolerance:
        wanted = check.expect is Expectation.NUMBER_NEAR_BEFORE
        return 'Say how near: give a tolerance, such as "10%" or "5".' if wanted else None
    if check.expect not in TOLERANT:
        return f'"{check.expect}" takes no tolerance. Leave it empty.'
    if tolerance_in(check.tolerance) is None:
        return f'A tolerance is a number or a percentage, such as "2" or "10%"; "{shown(check.tolerance)}" is neither.'
    return None


def _parser_problems(check: Check) -> Iterator[tuple[str, str | None]]:
    """Each parser needs its own fields and takes no others."""
    if check.parser is Parser.TEXT:
        for field in ("select", "template", "filter"):
            if getattr(check, field):
                yield field, f'The parser "text" takes the output as it is and needs no "{field}". Leave it empty.'
        return
    if check.template and check.parser is not Parser.TEXTFSM:
        yield "template", 'Only the parser "textfsm" takes a template. Leave it empty.'
    if check.filter:
        yield "filter", pattern_problem(check.filter)
    if check.parser is Parser.TEXTFSM:
        yield "template", _template_problem(check.template)
    yield "select", _select_problem(check)


def _template_problem(name: str) -> str | None:
    if knows_template(name):
        return None
    if not name:
        return 'Name a template of ntc-templates, such as "cisco_ios_show_ip_bgp_summary".'
    return f'ntc-templates has no template "{shown(name)}".{did_you_mean(name, template_names())}'


def _select_problem(check: Check) -> str | None:
    if not check.select:
        needed = {
            Parser.REGEX: "an RE2 pattern; its group, if it has one, is the value",
            Parser.JSON: "a JSONPath, such as $.peers[*].state",
            Parser.TEXTFSM: "a column of the template",
        }
        return f'The parser "{check.parser}" needs to know what to take: {needed[check.parser]}.'
    if check.parser is Parser.REGEX:
        problem = pattern_problem(check.select)
        if problem is None and compiled_pattern(check.select).groups > 1:
            return "The pattern has several groups, and one value is taken. Make the others (?:…)."
        return problem
    if check.parser is Parser.JSON:
        try:
            compiled_path(check.select)
        except UnusablePathError as error:
            return str(error)
    elif knows_template(check.template) and check.select not in (columns := columns_of(check.template)):
        near = did_you_mean(check.select.lower(), columns)
        return f'{check.template} has no column "{shown(check.select)}".{near} Columns: {", ".join(columns)}.'
    return None


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


def _value(data: Mapping[str, object], expect: Expectation, findings: Findings, where: str) -> str:
    """What is compared with; a comparison with before needs none and may leave it out."""
    if expect in COMPARISONS and data.get("value") in (None, ""):
        return ""
    return _text(data, "value", MAX_VALUE, findings, where, strip=False)


def _optional(data: Mapping[str, object], field: str, findings: Findings, where: str) -> str:
    if data.get(field, "") == "":
        return ""
    limit = MAX_TOLERANCE if field == "tolerance" else MAX_SELECT
    return _text(data, field, limit, findings, where)


def _parser(value: object, findings: Findings, where: str) -> Parser:
    if isinstance(value, str) and value in set(Parser):
        return Parser(value)
    findings.add(where, f'"{shown(value)}" is not a parser. Allowed: {one_of(set(Parser))}.')
    return Parser.TEXT


def _seconds(value: object, least: int, most: int, findings: Findings, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    findings.add(where, f"Give whole seconds from {least} to {most}.")
    return least


def _command_problem(command: str) -> str | None:
    if not re.match(r"show \S", command):
        return f'A check may only read: the command must begin with "show ", but it is "{shown(command)}".'
    blank = _PLACEHOLDER.search(command)
    if blank:
        return f'Put the real value in place of "{blank[0]}".'
    wrong = [char for char in _SHELL_CHARACTERS if char in command]
    if wrong:
        return f'The character "{wrong[0]}" can do more than read on some platforms. Take it out of the command.'
    for pipe in command.split("|")[1:]:
        word = (pipe.split() or [""])[0].lower()
        reads = any(name.startswith(word) for name in READING_PIPES)
        if not word or not reads or any(name.startswith(word) for name in _WRITING_PIPES):
            return f'"| {shown(word)}" is not a filter that only reads. Allowed: {one_of(READING_PIPES)}.'
    return None
