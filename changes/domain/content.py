"""What a requester writes, judged before it is kept: title, reason, content, variables, targets and more."""

import json
import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from changes.domain.checks import Check, parse_checks
from changes.domain.errors import InvalidInputError
from changes.domain.input import (
    Findings,
    hidden_character,
    masked_secret,
    one_of,
    shown,
    unix_lines,
    unknown_names,
)
from changes.domain.states import ChangeType
from changes.domain.strategy import Strategy, parse_strategy
from changes.domain.targets import TargetSpec, parse_targets

MAX_TITLE: Final = 200
MAX_REASON: Final = 10_000
MAX_COMMENT: Final = 5_000
MAX_CALLER: Final = 200
MAX_CONTENT_BYTES: Final = 256 * 1024
MAX_VARIABLES: Final = 200
MAX_VARIABLES_BYTES: Final = 64 * 1024
MAX_VARIABLE_NAME: Final = 64
MAX_LIST: Final = 1_000

Scalar = str | int | bool
Variable = Scalar | list[Scalar]

RESERVED_NAMES: Final = frozenset(
    {
        "device",
        "loop",
        "self",
        "super",
        "caller",
        "varargs",
        "kwargs",
        "range",
        "namespace",
        "dict",
        "true",
        "false",
    }
    | {
        "none",
        "block",
        "call",
        "do",
        "elif",
        "endfor",
        "endif",
        "endmacro",
        "endset",
        "extends",
        "filter",
        "include",
    }
    | {"macro", "raw", "recursive", "set"}
)
"""Names that mean something else inside a template, beside Python's keywords."""


@dataclass(frozen=True, slots=True)
class ChangeDraft:
    """The whole input of a new change, judged: every value is of its type and within its limits.

    ``template`` is the id of a template; content and checks are then left to it. ``called_by`` and
    ``emergency_reason`` are those of an emergency change.
    """

    title: str
    reason: str
    targets: TargetSpec
    content: str = ""
    template: int | None = None
    called_by: str = ""
    emergency_reason: str = ""
    change_type: ChangeType = ChangeType.NORMAL
    variables: Mapping[str, Variable] = field(default_factory=dict)
    pre_checks: tuple[Check, ...] = ()
    post_checks: tuple[Check, ...] = ()
    strategy: Mapping[str, str | int] = field(default_factory=lambda: Strategy().as_data())


def parse_draft(data: object) -> ChangeDraft:
    """Read the body of a new change.

    ``{title, reason, content, targets, type?, variables?, checks?, strategy?}``; ``checks`` is
    ``{"pre": [...], "post": [...]}``, or a list of post-checks. With a ``template`` there is no content. An emergency
    has ``called_by`` and ``emergency_reason`` besides.

    Raises:
        InvalidInputError: with every sentence about every field.
    """
    values, findings = _parse(data)
    needed = ("title", "reason", "targets") if values.get("template") else ("title", "reason", "content", "targets")
    for name in needed:
        if name not in values and not any(_top(found) == name for found in findings.fields):
            findings.add(name, f"A change needs {_REQUIRED[name]}.")
    findings.check()
    return ChangeDraft(**values)


def parse_patch(data: object) -> dict[str, Any]:
    """Read the body of an edit: only the fields given, by the names of :class:`ChangeDraft`'s attributes.

    Raises:
        InvalidInputError: with every sentence about every field; or the body names no field at all.
    """
    values, findings = _parse(data)
    if not values and not findings.fields:
        findings.add("body", f"Nothing to change is given. Give one of: {one_of(_PARSERS)}.")
    findings.check()
    return values


def parse_comment(value: object, *, action: str, required: bool = True, where: str = "comment") -> str:
    """A comment on a decision, stripped; ``action`` completes the sentence "To … you must say why".

    Raises:
        InvalidInputError: it is missing though required, too long, or holds hidden characters.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        if not required:
            return ""
        raise InvalidInputError({where: [f"To {action} you must say why, so that the others can act on it."]})
    return _text(value, where, MAX_COMMENT, allowed="\n\t")


def parse_content(value: object, *, where: str = "content") -> str:
    """The configuration text with LF line ends. The template's syntax is judged by ``changes.rendering``.

    Raises:
        InvalidInputError: no text, empty, over 256 KiB as UTF-8, with hidden characters, or with a masked secret.
    """
    if not isinstance(value, str):
        raise InvalidInputError({where: ["The content must be text: configuration lines, or a template of them."]})
    text = unix_lines(value)
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_CONTENT_BYTES:
        sentence = f"The content has {size:,} bytes; {MAX_CONTENT_BYTES:,} are allowed. Split the change."
        raise InvalidInputError({where: [sentence]})
    if not text.strip():
        raise InvalidInputError({where: ["The content is empty. Write the configuration lines to send."]})
    hidden = hidden_character(text, allowed="\n\t")
    if hidden:
        raise InvalidInputError({where: [f"In the content, {hidden}"]})
    masked = masked_secret(text)
    if masked:
        raise InvalidInputError({where: [f"In the content, {masked}"]})
    return text


def parse_variables(value: object, *, where: str = "variables") -> dict[str, Variable]:
    """An object of names and values: one line of text, whole number, true, false, or a flat list of those.

    Fractions are refused because two machines may write them differently into a device's lines; text says
    exactly what is meant.

    Raises:
        InvalidInputError: with sentences under ``variables.<name>``.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError({where: ['Variables must be an object, such as {"vlan": 10}.']})
    if len(value) > MAX_VARIABLES:
        raise InvalidInputError({where: [f"{len(value)} variables are given; {MAX_VARIABLES} are allowed."]})
    findings = Findings()
    for name, item in value.items():
        for problem in (_name_problem(name), _value_problem(item)):
            if problem:
                findings.add(f"{where}.{shown(name)}", problem)
    findings.check()
    size = len(json.dumps(dict(value), ensure_ascii=False).encode())
    if size > MAX_VARIABLES_BYTES:
        sentence = f"The variables have {size:,} bytes in all; {MAX_VARIABLES_BYTES:,} are allowed."
        raise InvalidInputError({where: [sentence]})
    return {name: list(item) if isinstance(item, list | tuple) else item for name, item in value.items()}


def _parse(data: object) -> tuple[dict[str, Any], Findings]:
    findings = Findings()
    values: dict[str, Any] = {}
    if not isinstance(data, Mapping):
        findings.add("body", f"The body must be a JSON object with {one_of(_PARSERS)}.")
        return values, findings
    for name, sentence in unknown_names(data, _PARSERS.keys(), "field").items():
        findings.add(shown(name), sentence)
    for name, parser in _PARSERS.items():
        if name in data:
            try:
                values.update(parser(data[name]))
            except InvalidInputError as error:
                findings.absorb(error)
    return values, findings


def _title(value: object) -> dict[str, Any]:
    return {"title": _text(value, "title", MAX_TITLE)}


def _reason(value: object) -> dict[str, Any]:
    return {"reason": _text(value, "reason", MAX_REASON, allowed="\n\t")}


def _text(value: object, where: str, limit: int, *, allowed: str = "") -> str:
    text = unix_lines(value).strip() if isinstance(value, str) else ""
    problem = None
    if not text:
        problem = f"Give a {where}: a text that is not empty."
    elif len(text) > limit:
        problem = f"The {where} has {len(text):,} characters; {limit:,} are allowed. Shorten it."
    elif hidden := hidden_character(text, allowed=allowed):
        problem = f"In the {where}, {hidden}"
    if problem:
        raise InvalidInputError({where: [problem]})
    return text


def _type(value: object) -> dict[str, Any]:
    if not isinstance(value, str) or value not in set(ChangeType):
        sentence = f'"{shown(value)}" is not a change type. Allowed: {one_of(ChangeType)}.'
        raise InvalidInputError({"type": [sentence]})
    return {"change_type": ChangeType(value)}


def _template(value: object) -> dict[str, Any]:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63):
        raise InvalidInputError({"template": ["Give the id of a template, a whole number, or null for none."]})
    return {"template": value}


def _emergency(name: str, limit: int, what: str) -> Callable[[object], dict[str, Any]]:
    def parser(value: object) -> dict[str, Any]:
        text = unix_lines(value).strip() if isinstance(value, str) else ""
        problem = None
        if not isinstance(value, str):
            problem = f"Say {what} as a text."
        elif len(text) > limit:
            problem = f"This has {len(text):,} characters; {limit:,} are allowed. Shorten it."
        elif hidden := hidden_character(text, allowed="\n\t"):
            problem = f"Here, {hidden}"
        if problem:
            raise InvalidInputError({name: [problem]})
        return {name: text}

    return parser


def _checks(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {"post_checks": parse_checks(value)}
    findings = Findings()
    for name, sentence in unknown_names(value, {"pre", "post"}, "field").items():
        findings.add(f"checks.{shown(name)}", sentence)
    parsed: dict[str, Any] = {}
    for name in ("pre", "post"):
        try:
            parsed[f"{name}_checks"] = parse_checks(value.get(name, []), where=f"checks.{name}", after=name == "post")
        except InvalidInputError as error:
            findings.absorb(error)
    findings.check()
    return parsed


def _name_problem(name: object) -> str | None:
    if not isinstance(name, str) or not name.isascii() or not name.isidentifier() or name.startswith("_"):
        return f'"{shown(name)}" cannot be a variable\'s name: use letters, digits and _, first a letter.'
    if len(name) > MAX_VARIABLE_NAME:
        return f"The name has {len(name)} characters; {MAX_VARIABLE_NAME} are allowed."
    if name in RESERVED_NAMES or keyword.iskeyword(name):
        return f'"{name}" means something else inside a template. Choose another name.'
    return None


def _value_problem(value: object) -> str | None:
    if isinstance(value, list | tuple):
        if len(value) > MAX_LIST:
            return f"The list has {len(value)} items; {MAX_LIST} are allowed."
        problems = (_scalar_problem(item) for item in value)
        return next((problem for problem in problems if problem), None)
    return _scalar_problem(value)


def _scalar_problem(value: object) -> str | None:
    if isinstance(value, str):
        hidden = hidden_character(value)
        if hidden:
            return f"In this value {hidden} A value is one line; use a list for several."
        return masked_secret(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if abs(value) < 2**53 else f"{shown(value)} is too large; write it as text."
    if isinstance(value, float):
        return f'{value} is a fraction; write it as text, "{value}", so that it is sent just so.'
    kind = {type(None): "null", dict: "an object", list: "a list in a list"}.get(type(value), "this")
    return f"A value must be text, a whole number, true, false, or a flat list of those; {kind} is not."


def _top(name: str) -> str:
    return name.partition(".")[0].partition("[")[0]


_REQUIRED: Final = {
    "title": "a title that says what it does",
    "reason": "a reason: why it is made",
    "content": "content: the configuration lines to send",
    "targets": 'targets: "device_ids" or a "filter"',
}
_PARSERS: Final[Mapping[str, Callable[[object], dict[str, Any]]]] = {
    "title": _title,
    "reason": _reason,
    "type": _type,
    "template": _template,
    "called_by": _emergency("called_by", MAX_CALLER, "who called the emergency"),
    "emergency_reason": _emergency("emergency_reason", MAX_REASON, "why it cannot wait"),
    "content": lambda value: {"content": parse_content(value)},
    "variables": lambda value: {"variables": parse_variables(value)},
    "targets": lambda value: {"targets": parse_targets(value)},
    "checks": _checks,
    "strategy": lambda value: {"strategy": parse_strategy(value)},
}
