"""A check as people read it: what it takes from the output, what that must be, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from changes.domain.check_expectations import SPOKEN, Expectation, Parser
from portal.presenters.visible import Mask

_TAKES = {Parser.REGEX: "pattern", Parser.JSON: "JSONPath", Parser.TEXTFSM: "column"}


@dataclass(frozen=True, slots=True)
class CheckWords:
    """Everything about a stored check that its reader must know, masked."""

    name: str
    command: str
    takes: str
    """How the parser takes its values, such as "JSONPath $.peers"; "" where the output is looked at as it is."""
    expectation: str
    value: str
    limits: str
    """Tolerance and time to hold, or ""."""


def check_words(check: Mapping[str, object], mask: Mask) -> CheckWords:
    """Put a check into words; unknown values are shown as they are stored."""
    expect = str(check.get("expect", ""))
    known = expect in set(Expectation)
    return CheckWords(
        name=mask.prose(str(check.get("name", ""))),
        command=mask.text(str(check.get("command", ""))),
        takes=_takes(check, mask),
        expectation=SPOKEN[Expectation(expect)] if known else expect.replace("_", " "),
        value=mask.text(str(check.get("value", ""))),
        limits=", ".join(_limits(check, mask)),
    )


def _takes(check: Mapping[str, object], mask: Mask) -> str:
    parser = str(check.get("parser", Parser.TEXT.value))
    if parser not in _TAKES:
        return ""
    parts = [f"{_TAKES[Parser(parser)]} {mask.text(str(check.get('select', '')))}"]
    if check.get("template"):
        parts.append(f"of {check['template']}")
    if check.get("filter"):
        parts.append(f"where it matches {mask.text(str(check['filter']))}")
    return " ".join(parts)


def _limits(check: Mapping[str, object], mask: Mask) -> list[str]:
    said = [f"give or take {mask.text(str(check['tolerance']))}"] if check.get("tolerance") else []
    return [*said, f"for {check['hold_s']} s"] if check.get("hold_s") else said
