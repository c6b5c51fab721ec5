"""From the texts of the form about facts to the shape in which facts are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from changes.domain.approval_policy.asking import parse_facts
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.errors import InvalidInputError

COUNTED: Final = ("platforms", "roles", "sites", "tags", "tenants")
SINGLE: Final = ("change_type", "risk", "device_count", *COUNTED, "warnings", "window_start", "window_end")
NONE: Final = "none"


def typed_facts(asked: Mapping[str, Sequence[str]]) -> PlanFacts:
    """The facts that somebody typed; what is empty is not known.

    Raises:
        InvalidInputError: with sentences under the form's field names.
    """
    text = {name: values[0] for name, values in asked.items() if values}
    data: dict[str, object] = {
        "change_type": text.get("change_type") or None,
        "risk": text.get("risk") or None,
        "device_count": _number(text["device_count"]) if text.get("device_count") else None,
        **{name: _counts(text[name]) for name in COUNTED if text.get(name)},
        "content": dict.fromkeys(asked["content"], _devices(text)) if asked.get("content") else None,
        "warnings": _warnings(text["warnings"]) if text.get("warnings") else None,
        "window": _window(text),
        "within_envelope": "within_envelope" in asked,
    }
    try:
        return parse_facts(data, where="")
    except InvalidInputError as error:
        raise InvalidInputError(_by_field(error.fields)) from error


def _by_field(findings: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, sentences in findings.items():
        name = path.replace("window.", "window_").split("[")[0].split(".")[0]
        found.setdefault("window_end" if name == "window" else name, []).extend(sentences)
    return found


def _devices(text: Mapping[str, str]) -> int:
    count = _number(text.get("device_count", ""))
    return count if isinstance(count, int) and count > 0 else 1


def _number(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _counts(text: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for part in _parts(text):
        name, mark, count = part.rpartition("=")
        found[(name if mark else part).strip()] = _number(count.strip()) if mark else 1
    return found


def _warnings(text: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for part in _parts(text):
        code, _, severity = part.partition("=")
        found.append({"code": code.strip(), "severity": severity.strip()})
    return found


def _parts(text: str) -> list[str]:
    return [] if text.strip() == NONE else [part.strip() for part in text.split(",") if part.strip()]


def _window(text: Mapping[str, str]) -> object:
    start, end = text.get("window_start"), text.get("window_end")
    return {"start": start, "end": end} if start or end else None
