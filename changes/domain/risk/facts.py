"""What the risk of a change is computed from. A fact that nobody knows is None; it is never taken for harmless."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final, Self

from changes.domain.input import Findings, one_of, unknown_names
from changes.domain.labels import Labelled
from devices.domain.criticality import Criticality
from devices.domain.severity import Severity


class Timing(Labelled):
    """When a change is carried out, least harmful first."""

    MAINTENANCE_WINDOW = "maintenance_window"
    OUT_OF_HOURS = "out_of_hours"
    BUSINESS_HOURS = "business_hours"


class Rollback(Labelled):
    """How good the way back is, best first.

    *rehearsed*: the backout was tried, and led back; only a person can say so, since a run rehearses a way back when it
    is ordered and planning never does. *snapshot*: the whole configuration is replaced by the one before.
    *computed*: lines were computed that lead back, and prediction says that they do. *manual*: a person has to do it.
    *none*: there is no way back.
    """

    REHEARSED = "rehearsed"
    SNAPSHOT = "snapshot"
    COMPUTED = "computed"
    MANUAL = "manual"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class History:
    """How earlier changes went, each counted once: closed as successful, or with any other close code."""

    succeeded: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        if self.succeeded < 0 or self.failed < 0:
            raise ValueError("A history counts from 0.")

    @property
    def runs(self) -> int:
        """All of them."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class WarningCounts:
    """How many semantic warnings the plan has, by severity, over all devices."""

    critical: int = 0
    major: int = 0
    minor: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        if min(self.critical, self.major, self.minor) < 0:
            raise ValueError("Warnings are counted from 0.")

    @classmethod
    def of(cls, counts: Mapping[Severity, int]) -> Self:
        """From counts by severity; a severity that is not named has none."""
        return cls(*(counts.get(severity, 0) for severity in (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)))


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """Everything that the score is computed from; None: not known.

    Attributes:
        devices: how many devices the plan changes.
        share_percent: the largest share, in per cent and rounded up, that they are of the devices of one role at one
            site; 100: no such device keeps its old configuration.
        alone: how many of them have no redundancy partner, or all of whose partners are changed as well.
        criticality: that of the most important device.
        timing: when it is carried out.
        warnings: what the plan warns of.
        template: how earlier changes from the same template went; all 0: a new template, or content written by hand.
        unprotected: how many of the devices have no commit-confirmed, and no timer that takes the change back when
            the session is lost.
        rollback: the worst way back of any device.
        requester: how earlier changes of the requester went.
        criticality_least: that of the most important device whose criticality is known, where others' are not; no
            answer goes below it.
        answered: names of facts that a person gave as an answer, and no system measured.
    """

    devices: int | None = None
    share_percent: int | None = None
    alone: int | None = None
    criticality: Criticality | None = None
    timing: Timing | None = None
    warnings: WarningCounts | None = None
    template: History | None = None
    unprotected: int | None = None
    rollback: Rollback | None = None
    requester: History | None = None
    criticality_least: Criticality | None = None
    answered: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be, since a score would hide them."""
        if any(value is not None and value < 0 for value in (self.devices, self.alone, self.unprotected)):
            raise ValueError("Devices are counted from 0.")
        if self.share_percent is not None and not 0 <= self.share_percent <= 100:
            raise ValueError("A share is from 0 to 100 per cent.")

    def to_data(self) -> dict[str, object]:
        """As JSON, to be kept beside the score."""
        found: dict[str, object] = {name: _plain(getattr(self, name)) for name in FACT_NAMES}
        return {**found, "answered": sorted(self.answered)}

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Self:
        """Read what :meth:`to_data` wrote; a fact that is not named is not known.

        Raises:
            InvalidInputError: with a sentence under each name.
        """
        findings = Findings()
        for name, sentence in unknown_names(data, {*FACT_NAMES, "answered"}, "fact").items():
            findings.add(name, sentence)
        values = {name: _read(name, data.get(name), findings) for name in FACT_NAMES}
        answered = data.get("answered", [])
        if not isinstance(answered, list) or not set(map(str, answered)) <= set(FACT_NAMES):
            findings.add("answered", "This must be a list of names of facts.")
        findings.check()
        assert isinstance(answered, list)  # noqa: S101 - found above
        return cls(**values, answered=frozenset(answered))  # type: ignore[arg-type]  # each was read by its own kind


FACT_NAMES: Final = tuple(field.name for field in fields(RiskFacts) if field.name != "answered")
_CHOICES: Final[Mapping[str, type[StrEnum]]] = {
    "criticality": Criticality,
    "criticality_least": Criticality,
    "timing": Timing,
    "rollback": Rollback,
}
_COUNTS: Final[Mapping[str, type[History | WarningCounts]]] = {
    "template": History,
    "requester": History,
    "warnings": WarningCounts,
}


def _plain(value: object) -> object:
    if isinstance(value, History | WarningCounts):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value.value if isinstance(value, StrEnum) else value


def _read(name: str, value: object, findings: Findings) -> object:
    if value is None:
        return None
    if name in _CHOICES:
        choices = {member.value: member for member in _CHOICES[name]}
        if isinstance(value, str) and value in choices:
            return choices[value]
        findings.add(name, f"This must be one of: {one_of(choices)}.")
        return None
    if name in _COUNTS:
        return _read_counts(name, value, findings)
    most = 100 if name == "share_percent" else None
    if not _is_count(value, most):
        findings.add(name, "This must be a whole number from 0 to 100." if most else "This must be a number from 0 on.")
        return None
    return value


def _read_counts(name: str, value: object, findings: Findings) -> object:
    kind = _COUNTS[name]
    names = {field.name for field in fields(kind)}
    if isinstance(value, Mapping) and set(value) <= names and all(map(_is_count, value.values())):
        return kind(**value)
    findings.add(name, f"This must be an object of numbers from 0 on, with: {one_of(names)}.")
    return None


def _is_count(value: object, most: int | None = None) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return 0 <= value <= (value if most is None else most)
