"""Query parameters are read strictly: one that were silently ignored would show more than was asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.http import QueryDict

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, hidden_character, unknown_names

MAX_VALUE = 200
MAX_VALUES = 100


def asked_for(given: QueryDict, known: Collection[str], *, several: Collection[str] = ()) -> dict[str, list[str]]:
    """The parameters that hold something, stripped; only those in ``several`` may be given more than once.

    Raises:
        InvalidInputError: an unknown name (the sentence lists the known ones), a value that is given twice, is too
            long or holds hidden characters.
    """
    findings = Findings()
    for name, sentence in unknown_names(given, known, "filter").items():
        findings.add(name, sentence)
    asked = {}
    for name in known:
        values = [value.strip() for value in given.getlist(name) if value.strip()]
        problem = _problem(name, values, limit=MAX_VALUES if name in several else 1)
        if problem:
            findings.add(name, problem)
        elif values:
            asked[name] = values
    findings.check()
    return asked


def asked_state(asked: Mapping[str, Sequence[str]], known: Sequence[str]) -> str:
    """The value of ``state`` among what was asked for, or "".

    Raises:
        InvalidInputError: it is none of ``known``.
    """
    [state] = asked.get("state", [""])
    if state and state not in known:
        raise InvalidInputError({"state": [f"“{state}” is no state. Use one of: {', '.join(known)}."]})
    return state


def _problem(name: str, values: list[str], *, limit: int) -> str:
    if len(values) > limit:
        allowed = "once" if limit == 1 else f"at most {limit} times"
        return f"“{name}” is given {len(values)} times. Give it {allowed}."
    for value in values:
        if len(value) > MAX_VALUE:
            return f"“{name}” is longer than {MAX_VALUE} characters. Shorten it."
        hidden = hidden_character(value)
        if hidden:
            return f"In “{name}”, {hidden}"
    return ""
