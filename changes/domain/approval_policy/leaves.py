"""Conditions over single facts: risk, counts of values, number of devices, warnings, the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Final

from changes.domain.approval_policy.conditions import Data, Outcome, Truth
from changes.domain.approval_policy.facts import FactIndex, WarningFact
from changes.domain.approval_policy.hours import BusinessTime, WindowHours, window_hours
from changes.domain.approval_policy.vocabulary import BusinessHours, Weekday
from changes.domain.risk.levels import RiskLevel
from devices.domain.severity import Severity
from devices.domain.warnings.content_kinds import ContentKind

SHOWN: Final = 3
"""So many values are named in one reason; the rest is counted."""

_NOUNS: Final = {"platforms": "platform", "roles": "role", "sites": "site", "tags": "tag", "tenants": "tenant"}
_VERBS: Final = {
    "platforms": ("runs the platform", "run the platform"),
    "roles": ("has the role", "have the role"),
    "sites": ("is at the site", "are at the site"),
    "tags": ("carries the tag", "carry the tag"),
    "tenants": ("belongs to the tenant", "belong to the tenant"),
}


@dataclass(frozen=True, slots=True)
class RiskAtLeast:
    """The risk is this level or higher."""

    level: RiskLevel

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Not known while no risk was judged."""
        del business
        risk = index.facts.risk
        return None if risk is None else risk.rank >= self.level.rank

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Names the risk."""
        risk = index.facts.risk
        clause = f"the risk is {risk.label.lower()}" if risk else "the risk is not known"
        return Outcome(self.truth(index, business), (clause,))

    def to_data(self) -> Data:
        """``{"risk": {"at_least": level}}``."""
        return {"risk": {"at_least": self.level.value}}


@dataclass(frozen=True, slots=True)
class DeviceCount:
    """The plan has at least, and at most, so many target devices; ``at_most`` None: no upper bound."""

    at_least: int = 0
    at_most: int | None = None

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Not known while the devices were not counted."""
        del business
        count = index.facts.device_count
        if count is None:
            return None
        return self.at_least <= count and (self.at_most is None or count <= self.at_most)

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Names the number."""
        count = index.facts.device_count
        clause = "the number of devices is not known" if count is None else f"the change is for {_devices(count)}"
        return Outcome(self.truth(index, business), (clause,))

    def to_data(self) -> Data:
        """``{"device_count": {"at_least": n, "at_most": m}}``, each only where it bounds."""
        bounds: dict[str, object] = {}
        if self.at_least or self.at_most is None:
            bounds["at_least"] = self.at_least
        if self.at_most is not None:
            bounds["at_most"] = self.at_most
        return {"device_count": bounds}


@dataclass(frozen=True, slots=True)
class ValuesIn:
    """One of these values of an inventory field, or kinds of content, is found on at least so many devices."""

    fact: str
    values: tuple[str, ...]
    devices_at_least: int = 1
    folded: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", tuple(value.casefold() for value in self.values))

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Not known while the fact was not gathered."""
        del business
        counts = index.counts.get(self.fact)
        if counts is None:
            return None
        if self.devices_at_least == 1:
            return not counts.keys().isdisjoint(self.folded)
        return any(counts[value][1] >= self.devices_at_least for value in self.folded if value in counts)

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Names the values that were found, each with its number of devices."""
        del business
        counts = index.counts.get(self.fact)
        if counts is None:
            return Outcome(None, (self._unknown(),))
        found = self._found(counts)
        if not found:
            return Outcome(truth=False, why=(self._absent(),))
        clauses = [self._clause(value, devices) for value, devices in found[:SHOWN]]
        more = len(found) - SHOWN
        return Outcome(
            truth=True, why=(*clauses, *([f"{more} more of the named values are found"] if more > 0 else ()))
        )

    def to_data(self) -> Data:
        """A list of values, or with a number of devices ``{"any_of": [...], "devices_at_least": n}``."""
        values = list(self.values)
        if self.devices_at_least == 1:
            return {self.fact: values}
        return {self.fact: {"any_of": values, "devices_at_least": self.devices_at_least}}

    def _found(self, counts: Mapping[str, tuple[str, int]]) -> list[tuple[str, int]]:
        found = [counts[value] for value in self.folded if value in counts]
        return [pair for pair in found if pair[1] >= self.devices_at_least]

    def _clause(self, value: str, devices: int) -> str:
        if self.fact == "content":
            phrase = ContentKind(value).phrase if value in set(ContentKind) else f"{value} is"
            return f"{phrase} touched on {_devices(devices)}"
        one, many = _VERBS[self.fact]
        return f"{_devices(devices)} {one if devices == 1 else many} {value}"

    def _unknown(self) -> str:
        if self.fact == "content":
            return "it is not known what the content touches"
        return f"the devices' {self.fact} are not known"

    def _absent(self) -> str:
        named = _named([ContentKind(v).label if self.fact == "content" else v for v in self.values])
        if self.fact == "content":
            return f"nothing of these kinds is touched: {named}"
        return f"no device has the {_NOUNS[self.fact]} {named}"


@dataclass(frozen=True, slots=True)
class HasWarning:
    """The plan has a warning with one of these codes (none named: any) of at least this severity."""

    codes: tuple[str, ...] = ()
    severity_at_least: Severity = Severity.MINOR

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Not known while nobody looked for warnings."""
        del business
        worst, least = index.severities, self.severity_at_least.rank
        if worst is None:
            return None
        ranks = (worst.get(code, -1) for code in self.codes) if self.codes else worst.values()
        return any(rank >= least for rank in ranks)

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Names the warnings that were found."""
        del business
        if index.facts.warnings is None:
            return Outcome(None, ("it is not known what the plan warns of",))
        found = self._found(index.facts.warnings)
        if not found:
            return Outcome(truth=False, why=("the plan has no such warning",))
        clauses = [
            f"the plan warns of {fact.code} ({fact.severity.label.lower()}) on {_devices(fact.devices)}"
            for fact in found[:SHOWN]
        ]
        more = len(found) - SHOWN
        return Outcome(truth=True, why=(*clauses, *([f"{more} more such warnings"] if more > 0 else ())))

    def to_data(self) -> Data:
        """``{"warnings": {"codes": [...], "severity_at_least": severity}}``."""
        value: dict[str, object] = {"severity_at_least": self.severity_at_least.value}
        return {"warnings": {"codes": list(self.codes), **value} if self.codes else value}

    def _found(self, warnings: tuple[WarningFact, ...]) -> list[WarningFact]:
        found = [
            fact
            for fact in warnings
            if fact.severity.rank >= self.severity_at_least.rank and (not self.codes or fact.code in self.codes)
        ]
        return sorted(found, key=lambda fact: (-fact.severity.rank, fact.code))


@dataclass(frozen=True, slots=True)
class WindowIs:
    """The maintenance window has all the named properties. Without a window none is known: any time is possible.

    ``starts_from`` and ``starts_before`` are local times and may go over midnight (22:00 to 05:00).
    """

    weekdays: tuple[Weekday, ...] = ()
    business_hours: BusinessHours | None = None
    longer_than_min: int | None = None
    starts_from: time | None = None
    starts_before: time | None = None

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Not known while no window is set."""
        window = index.facts.window
        if window is None:
            return None
        return self._fits(window_hours(window, business))

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Describes the window by the properties that the condition asks for."""
        window = index.facts.window
        if window is None:
            return Outcome(None, ("no maintenance window is set, so the change may be carried out at any time",))
        hours = window_hours(window, business)
        return Outcome(self._fits(hours), tuple(self._clauses(hours, business)))

    def to_data(self) -> Data:
        """Only the properties that are named."""
        value: dict[str, object] = {}
        if self.weekdays:
            value["weekdays"] = [day.value for day in Weekday if day in self.weekdays]
        if self.business_hours:
            value["business_hours"] = self.business_hours.value
        if self.longer_than_min is not None:
            value["longer_than_min"] = self.longer_than_min
        if self.starts_from is not None and self.starts_before is not None:
            value |= {"starts_from": f"{self.starts_from:%H:%M}", "starts_before": f"{self.starts_before:%H:%M}"}
        return {"window": value}

    def _fits(self, hours: WindowHours) -> bool:
        touched = self.business_hours is BusinessHours.TOUCHED
        return (
            (not self.weekdays or not hours.weekdays.isdisjoint(self.weekdays))
            and (self.business_hours is None or hours.in_business_hours is touched)
            and (self.longer_than_min is None or hours.minutes > self.longer_than_min)
            and self._starts(hours.start)
        )

    def _starts(self, start: time) -> bool:
        if self.starts_from is None or self.starts_before is None:
            return True
        if self.starts_from <= self.starts_before:
            return self.starts_from <= start < self.starts_before
        return start >= self.starts_from or start < self.starts_before

    def _clauses(self, hours: WindowHours, business: BusinessTime) -> Sequence[str]:
        clauses = []
        if self.weekdays:
            named = [day.label for day in Weekday if day in hours.weekdays]
            clauses.append(f"the window is on {_named(named, limit=7)}")
        if self.business_hours:
            where = "touches" if hours.in_business_hours else "lies outside"
            clauses.append(f"the window {where} business hours ({business.time_zone})")
        if self.longer_than_min is not None:
            clauses.append(f"the window is {hours.minutes:,} minutes long")
        if self.starts_from is not None:
            clauses.append(f"the window starts at {hours.start:%H:%M} ({business.time_zone})")
        return clauses


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count:,} devices"


def _named(values: Sequence[str], limit: int = SHOWN) -> str:
    more = len(values) - limit
    return ", ".join(values[:limit]) + (f" and {more} more" if more > 0 else "")
