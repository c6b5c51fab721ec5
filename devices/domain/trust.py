"""How far each fact of an inventory source is trusted, and what follows when the device says otherwise.

A fact is compared in one of three modes. *Authoritative*: the device must say the same, or nothing is planned or sent.
*Advisory*: the device must confirm it before anything is written; a plan is made with a warning. *Observational*: it is
reported and stops nothing. Pure rules: the live facts come from :mod:`devices.services.identity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import re2

from devices.domain.severity import Severity

MAX_PATTERN: Final = 200
MAX_LIVE: Final = 200


class TrustMode(StrEnum):
    """What it means when the device does not say what the inventory says."""

    AUTHORITATIVE = "authoritative"
    ADVISORY = "advisory"
    OBSERVATIONAL = "observational"

    @property
    def label(self) -> str:
        """The word on a page."""
        return self.value.capitalize()


class FactVerdict(StrEnum):
    """How one fact compares."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_STATED = "not_stated"
    """The inventory has it, the device does not tell."""
    FIELD_MISSING = "field_missing"
    """The device tells it, or must, and the inventory has none."""
    NOT_COMPARED = "not_compared"
    """Neither has it."""

    @property
    def label(self) -> str:
        """The words on a page."""
        return _VERDICT_LABELS[self]


_VERDICT_LABELS: Final[Mapping[FactVerdict, str]] = {
    FactVerdict.MATCH: "Matches",
    FactVerdict.MISMATCH: "Differs",
    FactVerdict.NOT_STATED: "Not stated by the device",
    FactVerdict.FIELD_MISSING: "Missing in the inventory",
    FactVerdict.NOT_COMPARED: "Nothing to compare",
}


class LearntFrom(StrEnum):
    """Where a site or a role can be read on the device itself."""

    NOWHERE = ""
    CONFIG = "config"
    HOSTNAME = "hostname"

    @property
    def label(self) -> str:
        """The words on a page."""
        return {"": "Not on the device", "config": "Running configuration", "hostname": "Hostname"}[self.value]


FIELDS: Final = ("hostname", "serial", "model", "platform", "role", "site")
LEARNT_FIELDS: Final = ("role", "site")
"""No device tells these by itself; a pattern that somebody declared for a source can find them."""
DEFAULT_MODES: Final[Mapping[str, TrustMode]] = {
    "hostname": TrustMode.AUTHORITATIVE,
    "serial": TrustMode.AUTHORITATIVE,
    "model": TrustMode.ADVISORY,
    "platform": TrustMode.AUTHORITATIVE,
    "role": TrustMode.OBSERVATIONAL,
    "site": TrustMode.OBSERVATIONAL,
}
_ALWAYS_STATED: Final = frozenset({"hostname", "platform"})
_COVERS: Final[Mapping[str, frozenset[str]]] = {"cisco_ios": frozenset({"cisco_ios", "cisco_xe"})}
"""Inventories call IOS XE "cisco_ios" as well; see :meth:`devices.domain.platforms.Platform.for_version`."""

AUTHORITATIVE_MISMATCH: Final = "SOT_AUTHORITATIVE_MISMATCH"
ADVISORY_UNCONFIRMED: Final = "SOT_ADVISORY_UNCONFIRMED"
FIELD_MISSING: Final = "SOT_FIELD_MISSING"
_SEVERITIES: Final[Mapping[TrustMode, Severity]] = {
    TrustMode.AUTHORITATIVE: Severity.CRITICAL,
    TrustMode.ADVISORY: Severity.MAJOR,
    TrustMode.OBSERVATIONAL: Severity.MINOR,
}
_BESIDE: Final[Mapping[TrustMode, tuple[str, ...]]] = {
    TrustMode.AUTHORITATIVE: (AUTHORITATIVE_MISMATCH,),
    TrustMode.ADVISORY: (ADVISORY_UNCONFIRMED,),
    TrustMode.OBSERVATIONAL: (),
}


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field of one source is compared. ``pattern`` is RE2 with a group named like the field."""

    field: str
    mode: TrustMode
    learnt_from: LearntFrom = LearntFrom.NOWHERE
    pattern: str = ""

    @classmethod
    def default(cls, field: str) -> FieldRule:
        """The rule of a field that nobody decided about."""
        return cls(field, DEFAULT_MODES[field])


@dataclass(frozen=True, slots=True)
class Comparison:
    """One fact, expected beside live; ``codes`` is empty where it matches, else the reason codes, the main one first.

    ``severity`` says when it stops the work; None: it is no finding.
    """

    field: str
    mode: TrustMode
    verdict: FactVerdict
    expected: str
    live: str
    codes: tuple[str, ...] = ()
    severity: Severity | None = None

    @property
    def sentence(self) -> str:
        """What the comparison found, for people."""
        name = "serial number" if self.field == "serial" else self.field
        return {
            FactVerdict.MATCH: f"{name} is “{self.live}”, as expected",
            FactVerdict.MISMATCH: f"{name} is “{self.live}”, expected “{self.expected}”",
            FactVerdict.NOT_STATED: f"{name} is not stated by the device, expected “{self.expected}”",
            FactVerdict.FIELD_MISSING: f"{name} is missing in the inventory"
            + (f"; the device says “{self.live}”" if self.live else ""),
            FactVerdict.NOT_COMPARED: f"{name} is known neither to the inventory nor to the device",
        }[self.verdict]


def judge(rule: FieldRule, expected: str, live: str) -> Comparison:
    """Compare one fact under its rule.

    Host names are compared without their domain; host names, roles, sites and models without regard to case; serial
    numbers exactly. A device of the platform cisco_ios may run IOS XE.
    """
    verdict = _verdict(rule.field, expected, live)
    codes, severity = _consequence(rule, verdict)
    return Comparison(rule.field, rule.mode, verdict, expected, live, codes, severity)


def _verdict(field: str, expected: str, live: str) -> FactVerdict:
    if not expected:
        missing = bool(live) or field in _ALWAYS_STATED
        return FactVerdict.FIELD_MISSING if missing else FactVerdict.NOT_COMPARED
    if not live:
        return FactVerdict.NOT_STATED
    return FactVerdict.MATCH if _same(field, expected, live) else FactVerdict.MISMATCH


def _same(field: str, expected: str, live: str) -> bool:
    if field == "serial":
        return expected == live
    if field == "hostname":
        # RFC 4343: names are compared without regard to case.
        return expected.partition(".")[0].lower() == live.partition(".")[0].lower()
    if field == "platform":
        return live in _COVERS.get(expected, {expected})
    return expected.casefold() == live.casefold()


def _consequence(rule: FieldRule, verdict: FactVerdict) -> tuple[tuple[str, ...], Severity | None]:
    if verdict in (FactVerdict.MATCH, FactVerdict.NOT_COMPARED):
        return (), None
    severity = _SEVERITIES[rule.mode]
    if verdict is FactVerdict.FIELD_MISSING:
        # What the inventory does not know cannot be asked of the device; only what must be there stops the work.
        return (FIELD_MISSING,), severity if rule.mode is TrustMode.AUTHORITATIVE else Severity.MINOR
    mismatch = (f"IDENTITY_{rule.field.upper()}_MISMATCH",)
    if verdict is FactVerdict.MISMATCH:
        return (*mismatch, *_BESIDE[rule.mode]), severity
    if rule.field == "platform":
        # The session itself speaks the platform's language; not every driver is told the system's name.
        return (), Severity.MINOR
    unstated = mismatch if rule.mode is TrustMode.AUTHORITATIVE else ()
    return (*unstated, *_BESIDE[rule.mode]), severity


def pattern_problem(field: str, pattern: str) -> str:
    """A sentence about what is wrong with a declared pattern, or nothing."""
    if not pattern.strip():
        return "Give the pattern that finds it, or choose “Not on the device”."
    if len(pattern) > MAX_PATTERN:
        return f"A pattern has at most {MAX_PATTERN} characters."
    if not pattern.isprintable():
        return "The pattern holds characters that nobody can see. Type it anew."
    try:
        compiled = _compile(pattern)
    except re2.error:
        return "This is no regular expression of the RE2 kind. Look for an unclosed bracket or a look-ahead."
    if field not in compiled.groupindex:
        return f"The pattern must name what it finds: put (?P<{field}>…) around it."
    return ""


def learn(rule: FieldRule, *, hostname: str, config: str) -> str:
    """What a device says of its role or site by the declared pattern; empty where it says nothing. Never guessed."""
    if rule.learnt_from is LearntFrom.NOWHERE or not rule.pattern:
        return ""
    text = config if rule.learnt_from is LearntFrom.CONFIG else hostname
    found = _compile(rule.pattern).search(text)
    return (found.group(rule.field) or "").strip()[:MAX_LIVE] if found else ""


def _compile(pattern: str) -> Any:  # noqa: ANN401 - re2 ships no types
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    re2.compile(pattern, options)  # alone first: with the prefix, a broken pattern must not become a whole one
    return re2.compile(f"(?m){pattern}", options)
