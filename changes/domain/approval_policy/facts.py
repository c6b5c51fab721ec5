"""What a policy may ask about one plan, and how it is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from changes.domain.windows import Period
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind

Counts = Mapping[str, int]
"""A value, and on how many devices it is found."""


@dataclass(frozen=True, slots=True)
class WarningFact:
    """One kind of warning in a plan, and on how many devices it stands."""

    code: str
    severity: Severity
    devices: int = 1


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """Everything about one plan that a policy may ask for. None means "not known": what depends on it is asked for.

    Attributes:
        platforms, roles, sites, tags, tenants: values of the inventory, each with the number of target devices that
            have it. Small and large letters are the same.
        content: the kinds of content that the plan touches, each with the number of devices.
        window: the maintenance window; None: none is set, so the change may be carried out at any time.
        within_envelope: the change is made from a pre-approved template and lies inside its approved envelope.
    """

    change_type: ChangeType = ChangeType.NORMAL
    risk: RiskLevel | None = None
    device_count: int | None = None
    platforms: Counts | None = None
    roles: Counts | None = None
    sites: Counts | None = None
    tags: Counts | None = None
    tenants: Counts | None = None
    content: Mapping[ContentKind, int] | None = None
    warnings: tuple[WarningFact, ...] | None = None
    window: Period | None = None
    within_envelope: bool = False

    @classmethod
    def of_found(cls, found: object, **known: Any) -> Self:  # noqa: ANN401 - the other fields
        """What planning found, in the shape of :meth:`to_data`, and what is ``known`` from elsewhere.

        A field that is missing or malformed is not known, so that it is asked for.
        """
        data = found if isinstance(found, Mapping) else {}
        count = data.get("device_count")
        read: dict[str, Any] = {name: _counts(data.get(name)) for name in COUNTED if name != "content"}
        read["device_count"] = count if _is_count(count) else None
        read["content"] = _kinds(data.get("content"))
        read["warnings"] = _warning_facts(data.get("warnings"))
        return cls(**(read | known))

    def to_data(self) -> dict[str, object]:
        """As JSON: what was asked about, to be kept beside the answer."""
        window = self.window and {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()}
        return {
            "change_type": self.change_type.value,
            "risk": self.risk and self.risk.value,
            "device_count": self.device_count,
            **{name: _sorted(getattr(self, name)) for name in COUNTED},
            "warnings": _warnings(self.warnings),
            "window": window,
            "within_envelope": self.within_envelope,
        }


COUNTED: Final = ("platforms", "roles", "sites", "tags", "tenants", "content")
"""The facts that are counts of values."""


@dataclass(frozen=True, slots=True)
class FactIndex:
    """The facts of one plan, made ready for many conditions.

    ``types`` are the change types whose rules hold for it: a standard change that is not pre-approved is asked
    everything that a normal one is.
    """

    facts: PlanFacts
    types: frozenset[ChangeType]
    counts: Mapping[str, Mapping[str, tuple[str, int]] | None] = field(default_factory=dict)
    severities: Mapping[str, int] | None = None
    """The rank of the worst warning of each code."""

    @classmethod
    def of(cls, facts: PlanFacts, types: frozenset[ChangeType]) -> FactIndex:
        """Fold the case of every value; a value that stands twice then counts as its larger number."""
        counts = {name: _folded(getattr(facts, name)) for name in COUNTED}
        return cls(facts, types, counts, _severities(facts.warnings))


def _folded(counts: Counts | None) -> dict[str, tuple[str, int]] | None:
    if counts is None:
        return None
    folded: dict[str, tuple[str, int]] = {}
    for value, devices in counts.items():
        name = str(value).casefold()
        if devices > folded.get(name, ("", 0))[1]:
            folded[name] = (str(value), devices)
    return folded


def _severities(warnings: tuple[WarningFact, ...] | None) -> dict[str, int] | None:
    if warnings is None:
        return None
    worst: dict[str, int] = {}
    for fact in warnings:
        worst[fact.code] = max(fact.severity.rank, worst.get(fact.code, 0))
    return worst


def _sorted(counts: Counts | None) -> dict[str, int] | None:
    return None if counts is None else {str(name): counts[name] for name in sorted(counts)}


def _warnings(warnings: tuple[WarningFact, ...] | None) -> list[dict[str, object]] | None:
    if warnings is None:
        return None
    ordered = sorted(warnings, key=lambda fact: (fact.code, fact.severity))
    return [{"code": fact.code, "severity": fact.severity.value, "devices": fact.devices} for fact in ordered]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _counts(data: object) -> dict[str, int] | None:
    if isinstance(data, Mapping) and all(isinstance(name, str) and _is_count(count) for name, count in data.items()):
        return dict(data)
    return None


def _kinds(data: object) -> dict[ContentKind, int] | None:
    """Kinds that a newer release wrote count as those of no known kind."""
    counts = _counts(data)
    if counts is None:
        return None
    known: dict[ContentKind, int] = {}
    for name, devices in counts.items():
        kind = ContentKind(name) if name in set(ContentKind) else ContentKind.OTHER
        known[kind] = max(known.get(kind, 0), devices)
    return known


def _warning_facts(data: object) -> tuple[WarningFact, ...] | None:
    if not isinstance(data, list):
        return None
    try:
        return tuple(WarningFact(each["code"], Severity(each["severity"]), each["devices"]) for each in data)
    except (KeyError, TypeError, ValueError):
        return None
