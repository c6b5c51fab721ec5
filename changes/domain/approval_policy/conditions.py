"""Conditions over a plan's facts, in three values: they hold, they do not, or it cannot be known.

The logic is Kleene's strong one. What cannot be known is asked for as if it held, so that a missing fact never makes
a change easier. Each condition says in words why it came out as it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from changes.domain.approval_policy.facts import FactIndex
from changes.domain.approval_policy.hours import BusinessTime
from changes.domain.states import ChangeType

Truth = bool | None
"""None: not known."""

Data = dict[str, object] | str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a condition came out, and the facts that made it so, as clauses without a full stop."""

    truth: Truth
    why: tuple[str, ...] = ()


class Condition(Protocol):
    """One condition of a rule."""

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Whether it holds; None: a fact is missing."""

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Whether it holds, and why."""

    def to_data(self) -> Data:
        """As it stands in a document."""


@dataclass(frozen=True, slots=True)
class Always:
    """Holds for every change."""

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Yes."""
        del index, business
        return True

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Yes."""
        del index, business
        return Outcome(truth=True, why=("every change is asked for it",))

    def to_data(self) -> Data:
        """The word ``always``."""
        return "always"


@dataclass(frozen=True, slots=True)
class TypeIs:
    """The change is of one of these types. A standard change that is not pre-approved counts as a normal one too."""

    types: tuple[ChangeType, ...]

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Always known."""
        del business
        return not index.types.isdisjoint(self.types)

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Names the type of the change."""
        kind = index.facts.change_type
        clause = f"the change is {'an' if kind is ChangeType.EMERGENCY else 'a'} {kind.value} change"
        if len(index.types) > 1:
            clause += " that is not pre-approved"
        return Outcome(self.truth(index, business), (clause,))

    def to_data(self) -> Data:
        """The types in their own order."""
        return {"change_type": [kind.value for kind in ChangeType if kind in self.types]}


@dataclass(frozen=True, slots=True)
class All:
    """Holds when every part holds."""

    parts: tuple[Condition, ...]

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """No as soon as one part says no; else not known if one is not known."""
        return _all_hold([part.truth(index, business) for part in self.parts])

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Give the reasons of those parts that decided it; beside what is not known also what holds."""
        outcomes = [part.outcome(index, business) for part in self.parts]
        truth = _all_hold([found.truth for found in outcomes])
        return Outcome(truth, _clauses(outcomes, {truth, True} if truth is None else {truth}))

    def to_data(self) -> Data:
        """``{"all": [...]}``."""
        return {"all": [part.to_data() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Any:
    """Holds when one part holds."""

    parts: tuple[Condition, ...]

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """Yes as soon as one part says yes; else not known if one is not known."""
        return _one_holds([part.truth(index, business) for part in self.parts])

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """Give the reasons of those parts that decided it."""
        outcomes = [part.outcome(index, business) for part in self.parts]
        truth = _one_holds([found.truth for found in outcomes])
        return Outcome(truth, _clauses(outcomes, {truth}))

    def to_data(self) -> Data:
        """``{"any": [...]}``."""
        return {"any": [part.to_data() for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when the part does not; what is not known stays so."""

    part: Condition

    def truth(self, index: FactIndex, business: BusinessTime) -> Truth:
        """The other way round."""
        found = self.part.truth(index, business)
        return None if found is None else not found

    def outcome(self, index: FactIndex, business: BusinessTime) -> Outcome:
        """The reasons are those of the part: they say what is the case."""
        found = self.part.outcome(index, business)
        return Outcome(None if found.truth is None else not found.truth, found.why)

    def to_data(self) -> Data:
        """``{"not": ...}``."""
        return {"not": self.part.to_data()}


def _all_hold(truths: Sequence[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True


def _one_holds(truths: Sequence[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def _clauses(outcomes: Sequence[Outcome], decisive: set[Truth]) -> tuple[str, ...]:
    """The reasons of the parts that decided it, each once."""
    return tuple(dict.fromkeys(clause for found in outcomes if found.truth in decisive for clause in found.why))


ALWAYS: Final = Always()
