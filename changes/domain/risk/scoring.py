"""The risk score: components that add up, and least levels that no low sum can hide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from changes.domain.risk.facts import History, RiskFacts, Rollback, Timing
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.weights import CURRENT, Factor, Weights, points_at
from devices.domain.criticality import Criticality

READS: Final[Mapping[Factor, tuple[str, ...]]] = {
    Factor.BLAST_RADIUS: ("devices", "share_percent"),
    Factor.REDUNDANCY: ("alone",),
    Factor.CRITICALITY: ("criticality",),
    Factor.TIMING: ("timing",),
    Factor.WARNINGS: ("warnings",),
    Factor.TEMPLATE_HISTORY: ("template",),
    Factor.PLATFORM_SAFETY: ("unprotected",),
    Factor.ROLLBACK: ("rollback",),
    Factor.REQUESTER_HISTORY: ("requester",),
}
"""Which facts each component is computed from."""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a score.

    Attributes:
        points, most: what it adds, and the most that it can add.
        reason: why, as a sentence.
        lower: what would make it less, as a sentence; empty where nothing has to be.
        missing: the facts that nobody knows; where there is one, all points are counted.
        answered: whether a person gave a fact of it as an answer.
    """

    factor: Factor
    points: int
    most: int
    reason: str
    lower: str = ""
    missing: tuple[str, ...] = ()
    answered: bool = False


@dataclass(frozen=True, slots=True)
class LeastLevel:
    """A level below which this change cannot be, whatever its sum; and why."""

    level: RiskLevel
    reason: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The risk of one change: its components by the weights of ``version``, and the least levels that hold."""

    version: str
    components: tuple[Component, ...]
    by_score: RiskLevel
    least: tuple[LeastLevel, ...] = ()

    @property
    def score(self) -> int:
        """The sum of the components, from 0 to 100."""
        return sum(component.points for component in self.components)

    @property
    def level(self) -> RiskLevel:
        """The level by the sum, or the highest of the least levels."""
        return max((self.by_score, *(each.level for each in self.least)), key=lambda level: level.rank)

    @property
    def missing(self) -> tuple[str, ...]:
        """The facts that nobody knows, in the components' order."""
        return tuple(name for component in self.components for name in component.missing)

    @property
    def sentence(self) -> str:
        """The whole in one sentence, with the heaviest components."""
        heavy = sorted((each for each in self.components if each.points), key=lambda each: -each.points)[:3]
        named = ", ".join(f"{each.factor.label.lower()} {each.points}" for each in heavy)
        return f"{self.level.label} risk: {self.score} of 100 points" + (f", most for {named}." if named else ".")

    def to_data(self) -> dict[str, object]:
        """As JSON, to be stored and shown later as it was; the facts belong beside it."""
        return {
            "weights": self.version,
            "score": self.score,
            "level": self.level.value,
            "components": [_component_data(each) for each in self.components],
            "least": [{"level": each.level.value, "reason": each.reason} for each in self.least],
        }


def assess(facts: RiskFacts, weights: Weights = CURRENT) -> Assessment:
    """Compute the risk. The same facts and weights always give the same assessment, to the letter.

    A stored score is explained by :meth:`RiskFacts.of` and :func:`~changes.domain.risk.weights.weights_of`.
    """
    components = tuple(_component(factor, facts, weights) for factor in Factor)
    score = sum(each.points for each in components)
    return Assessment(weights.version, components, weights.level(score), _least(facts, weights))


def _component(factor: Factor, facts: RiskFacts, weights: Weights) -> Component:
    most = weights.most[factor]
    missing = tuple(name for name in READS[factor] if getattr(facts, name) is None)
    answered = any(name in facts.answered for name in READS[factor])
    if missing:
        reason = f"{_UNKNOWN[factor]} All {most} points are counted until it is known."
        return Component(factor, most, most, reason, "Answer the question about it.", missing, answered)
    points, reason, lower = _RULES[factor](facts, weights)
    points = min(points, most)
    if answered:
        reason += " A person said so; no system measured it."
    return Component(factor, points, most, reason, lower if points else "", (), answered)


def _least(facts: RiskFacts, weights: Weights) -> tuple[LeastLevel, ...]:
    found = []
    if facts.warnings and facts.warnings.critical:
        level = weights.critical_floor
        found.append(LeastLevel(level, f"A change with a critical warning is at least of {level.value} risk."))
    if facts.rollback is Rollback.NONE:
        level = weights.no_way_back_floor
        found.append(LeastLevel(level, f"A change without a way back is at least of {level.value} risk."))
    return tuple(found)


Rule = Callable[[RiskFacts, Weights], tuple[int, str, str]]


def _blast_radius(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    devices, share = facts.devices or 0, facts.share_percent or 0
    points = max(points_at(weights.devices, devices), points_at(weights.share_percent, share))
    reason = f"{_devices(devices)} changed; of one role at one site up to {share} per cent."
    return points, reason, "Change fewer devices at once, or leave a part of each site for a later change."


def _redundancy(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    alone = facts.alone or 0
    if not alone:
        return 0, "Every device has a redundancy partner that is not changed.", ""
    verb = "has" if alone == 1 else "have"
    reason = f"{alone} of the devices {verb} no redundancy partner that stays as it is."
    lower = "Change one member of each pair at a time, or name the redundancy groups in the inventory."
    return points_at(weights.alone, alone), reason, lower


def _criticality(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    value = facts.criticality or Criticality.VITAL
    reason = f"The most important device is of {value.value} criticality."
    return weights.criticality[value], reason, "Put the critical devices into a change of their own."


def _timing(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    value = facts.timing or Timing.BUSINESS_HOURS
    return weights.timing[value], _TIMES[value], "Schedule it into a maintenance window."


def _warnings(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    counts = facts.warnings
    if counts is None or not (counts.critical or counts.major or counts.minor):
        return 0, "The plan warns of nothing.", ""
    points = counts.critical * weights.critical_warning + counts.major * weights.major_warning
    points += counts.minor * weights.minor_warning
    named = [f"{count} {name}" for name in ("critical", "major", "minor") if (count := int(getattr(counts, name)))]
    total = counts.critical + counts.major + counts.minor
    reason = f"The plan has {', '.join(named)} {'warning' if total == 1 else 'warnings'}."
    return points, reason, "Read each warning at its line, and change the content where it is right."


def _template(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    history = facts.template or History()
    points = _by_history(history, weights.most[Factor.TEMPLATE_HISTORY], weights)
    lower = "Use a template that has succeeded often, or prove this one with a small change first."
    if not history.runs:
        return points, "No change was ever made from this template or content.", lower
    return points, f"{_of(history)} from this template succeeded.", lower


def _platform(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    count = facts.unprotected or 0
    if not count:
        return 0, "Every device takes the change back by itself when the session is lost.", ""
    verb = "does" if count == 1 else "do"
    reason = f"{count} of the devices {verb} not take the change back when the session is lost."
    lower = "Where the platform has commit-confirmed, use the driver for it."
    return points_at(weights.unprotected, count), reason, lower


def _rollback(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    value = facts.rollback or Rollback.NONE
    return (
        weights.rollback[value],
        _WAYS_BACK[value],
        "Where the platform has it, use a driver that puts everything back.",
    )


def _requester(facts: RiskFacts, weights: Weights) -> tuple[int, str, str]:
    history = facts.requester or History()
    points = _by_history(history, weights.most[Factor.REQUESTER_HISTORY], weights)
    lower = "Have a colleague with more experience of such changes write or check it."
    if not history.runs:
        return points, "The requester has no earlier change here.", lower
    return points, f"{_of(history)} by the requester succeeded.", lower


def _by_history(history: History, most: int, weights: Weights) -> int:
    """Points by the estimated share of failures, (failed + 1) / (runs + 2): Laplace's rule of succession.

    So few successes count for less than many, and none at all for nothing. Whole numbers only, halves are rounded up.
    """
    numerator, denominator = 200 * most * (history.failed + 1), 2 * weights.doubtful_rate * (history.runs + 2)
    return min(most, (2 * numerator + denominator) // (2 * denominator))


def _devices(count: int) -> str:
    return "1 device is" if count == 1 else f"{count} devices are"


def _of(history: History) -> str:
    return f"{history.succeeded} of {history.runs} earlier {'change' if history.runs == 1 else 'changes'}"


def _component_data(each: Component) -> dict[str, object]:
    return {
        "factor": each.factor.value,
        "points": each.points,
        "most": each.most,
        "reason": each.reason,
        "lower": each.lower,
        "missing": list(each.missing),
        "answered": each.answered,
    }


_RULES: Final[Mapping[Factor, Rule]] = {
    Factor.BLAST_RADIUS: _blast_radius,
    Factor.REDUNDANCY: _redundancy,
    Factor.CRITICALITY: _criticality,
    Factor.TIMING: _timing,
    Factor.WARNINGS: _warnings,
    Factor.TEMPLATE_HISTORY: _template,
    Factor.PLATFORM_SAFETY: _platform,
    Factor.ROLLBACK: _rollback,
    Factor.REQUESTER_HISTORY: _requester,
}
_UNKNOWN: Final[Mapping[Factor, str]] = {
    Factor.BLAST_RADIUS: "It is not known how many devices are changed, or of how many.",
    Factor.REDUNDANCY: "It is not known which devices have a redundancy partner.",
    Factor.CRITICALITY: "It is not known how critical the devices are.",
    Factor.TIMING: "It is not known when the change is carried out.",
    Factor.WARNINGS: "The plan was not looked through for warnings.",
    Factor.TEMPLATE_HISTORY: "It is not known how earlier changes from this template went.",
    Factor.PLATFORM_SAFETY: "It is not known which devices take a change back by themselves.",
    Factor.ROLLBACK: "It is not known how good the way back is.",
    Factor.REQUESTER_HISTORY: "It is not known how earlier changes of the requester went.",
}
_TIMES: Final[Mapping[Timing, str]] = {
    Timing.MAINTENANCE_WINDOW: "It is carried out in a maintenance window.",
    Timing.OUT_OF_HOURS: "It is carried out outside business hours, but in no maintenance window.",
    Timing.BUSINESS_HOURS: "It is carried out in business hours.",
}
_WAYS_BACK: Final[Mapping[Rollback, str]] = {
    Rollback.REHEARSED: "The way back was rehearsed.",
    Rollback.SNAPSHOT: "The way back replaces the whole configuration by the one before.",
    Rollback.COMPUTED: "The way back was computed and predicted, but not rehearsed.",
    Rollback.MANUAL: "A person has to take the change back by hand.",
    Rollback.NONE: "There is no way back.",
}
