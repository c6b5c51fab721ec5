"""The pre-check ladder of one device as pages show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.gates import Gate, GateVerdict
from devices.domain.trust import FactVerdict, TrustMode
from portal.presenters.links import page_url
from portal.presenters.visible import Mask

_STOPPED: Final = "failed"
_WARNED: Final = "warned"


@dataclass(frozen=True, slots=True)
class ExceptionLink:
    """An exception that lets something through, with its page."""

    number: str
    url: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One value that was looked at; ``note`` says how it compares, ``tone`` whether that is well."""

    name: str
    mode: str
    expected: str
    live: str
    note: str
    tone: str


@dataclass(frozen=True, slots=True)
class Rung:
    """One gate; ``status`` is a gate state of the design system."""

    label: str
    status: str
    word: str
    code: str
    sentence: str
    at: str
    exceptions: tuple[ExceptionLink, ...]
    compared: tuple[Compared, ...]


def ladder_rows(gates: Sequence[Mapping[str, object]], mask: Mask) -> tuple[Rung, ...]:
    """The stored ladder as rows; nothing where none was stored. No query."""
    return tuple(_rung(gate, mask) for gate in gates if isinstance(gate, Mapping))


def ladder_summary(rows: Sequence[Rung]) -> tuple[str, str]:
    """How the ladder went, in a few words, and its tone."""
    if not rows:
        return "", "idle"
    for status, tone in ((_STOPPED, "bad"), (_WARNED, "warn"), ("overridden", "warn")):
        found = [row.label.lower() for row in rows if row.status == status]
        if found:
            return f"{_WORDS[status]}: {', '.join(found)}", tone
    return "all gates passed", "ok"


_WORDS: Final[Mapping[str, str]] = {
    "passed": "Passed",
    _STOPPED: "Failed",
    _WARNED: "Would stop a run",
    "not_assessed": "Not assessed",
    "skipped": "Skipped",
    "overridden": "Overridden",
}


def _rung(gate: Mapping[str, object], mask: Mask) -> Rung:
    name, verdict = str(gate.get("gate", "")), str(gate.get("verdict", ""))
    status = _WARNED if verdict == GateVerdict.FAILED and not gate.get("stops") else verdict
    return Rung(
        label=Gate(name).label if name in set(Gate) else name,
        status=status,
        word=_WORDS.get(status, status),
        code=str(gate.get("code", "")),
        sentence=mask.prose(str(gate.get("sentence", ""))),
        at=str(gate.get("at", ""))[:19].replace("T", " "),
        exceptions=tuple(_link(str(number)) for number in _list(gate.get("exceptions"))),
        compared=tuple(_compared(value, mask) for value in _list(gate.get("values")) if isinstance(value, Mapping)),
    )


def _link(number: str) -> ExceptionLink:
    digits = number.removeprefix("EXC-")
    return ExceptionLink(number, page_url("change-exception-detail", int(digits)) if digits.isdigit() else "")


def _compared(value: Mapping[str, object], mask: Mask) -> Compared:
    verdict = str(value.get("verdict", ""))
    live = value.get("value")
    unit = " %" if isinstance(live, int | float) else ""
    limit = value.get("limit")
    expected = f"at most {limit:g} %" if isinstance(limit, int | float) and unit else str(value.get("expected", ""))
    note = FactVerdict(verdict).label if verdict in set(FactVerdict) else verdict.capitalize()
    return Compared(
        name=str(value.get("label") or mask.prose(str(value.get("name", "")).capitalize())),
        mode=str(value.get("mode", "")),
        expected=mask.prose(expected),
        live=mask.prose("" if live is None else f"{live}{unit}"),
        note=note,
        tone=_tone(verdict, str(value.get("mode", ""))),
    )


_TONES: Final[Mapping[str, str]] = {
    "match": "ok",
    "mismatch": "bad",
    "not_stated": "warn",
    "field_missing": "warn",
    "healthy": "ok",
    "unhealthy": "bad",
}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _tone(verdict: str, mode: str) -> str:
    """What is only reported is no warning."""
    harmless = mode == TrustMode.OBSERVATIONAL and verdict != FactVerdict.MISMATCH
    return "idle" if harmless else _TONES.get(verdict, "idle")
