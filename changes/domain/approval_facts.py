"""Who and what the rules about people judge: persons, decisions, the facts of one change, and verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changes.domain.approval_policy.shipped_policies import BUILTIN_DEMAND
from changes.domain.approval_policy.stages import Stage
from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.labels import Labelled
from changes.domain.states import ChangeState, ChangeType

DEFAULT_STAGES: Final = BUILTIN_DEMAND.as_stages()


class Decision(Labelled):
    """What a reviewer decided about one plan revision."""

    APPROVED = "approved"
    REJECTED = "rejected"
    ABSTAINED = "abstained"
    """Counts for nothing; the person then does not approve this revision unless they withdraw it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in. ``roles`` are names of groups; unknown ones carry no right."""

    id: int
    username: str
    roles: frozenset[str] = frozenset()
    is_superuser: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """One stored decision about the current revision. A void one no longer counts for anything.

    Attributes:
        group: the group by whose right it was given; "" where that was not kept.
        on_behalf_of: the absent member for whom ``person_id`` decided.
        given_at: when; an approval in a stage with an expiry does not count without it.
        carried_from: the plan digest that the person saw, where the approval was carried over from a revision before.
    """

    person_id: int
    stage: str
    plan_digest: str
    decision: Decision = Decision.APPROVED
    void: bool = False
    group: str = ""
    on_behalf_of: int | None = None
    given_at: datetime | None = None
    carried_from: str = ""

    @property
    def people(self) -> frozenset[int]:
        """Who acted, and for whom. Both are bound by the decision, and neither counts a second time."""
        return frozenset({self.person_id} if self.on_behalf_of is None else {self.person_id, self.on_behalf_of})


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """All that the rules need to know about one change.

    ``editor_ids`` is everybody who ever saved its content, ``implementer_ids`` everybody who started, resumed
    or rolled back a run of it, ``opened_by`` everybody who opened the plan with exactly ``plan_digest``;
    ``approvals`` are those of the current revision, oldest first. ``stages`` and ``duties`` are what its policy asks;
    only a pre-approved standard change has no stage. ``now`` is needed to judge expiry and delegation: without it
    approvals that can expire do not count, and nobody acts for another.

    Raises:
        ValueError: another change than a standard one has no stage, so nobody would have to approve it.
    """

    author_id: int
    state: ChangeState
    change_type: ChangeType = ChangeType.NORMAL
    editor_ids: frozenset[int] = frozenset()
    implementer_ids: frozenset[int] = frozenset()
    plan_digest: str = ""
    opened_by: frozenset[int] = frozenset()
    approvals: tuple[ApprovalFact, ...] = ()
    stages: tuple[Stage, ...] = DEFAULT_STAGES
    duties: frozenset[Duty] = frozenset()
    unresolved_threads: int = 0
    now: datetime | None = None

    def __post_init__(self) -> None:
        if not self.stages and self.change_type is not ChangeType.STANDARD:
            raise ValueError("Only a pre-approved standard change has no approval stage.")


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason for a refusal: a stable code and a sentence that names what to do instead."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allowed exactly when no rule has a reason against it."""

    reasons: tuple[Denial, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether no rule forbids it."""
        return not self.reasons

    @property
    def codes(self) -> tuple[str, ...]:
        """The reasons' codes, in the rules' order."""
        return tuple(denial.code for denial in self.reasons)

    def __bool__(self) -> bool:
        return self.allowed


def live_approvals(facts: ChangeFacts) -> tuple[ApprovalFact, ...]:
    """The approvals that count: not void, not expired, for exactly this plan, by nobody who has a hand in it by now."""
    expired, hands = set(lapsed_approvals(facts)), facts.editor_ids | {facts.author_id}
    return tuple(fact for fact in _standing(facts) if fact not in expired and fact.people.isdisjoint(hands))


def lapsed_approvals(facts: ChangeFacts) -> tuple[ApprovalFact, ...]:
    """The approvals that would count if their time were not over. Time only ever takes approvals away."""
    stages = {stage.name: stage for stage in facts.stages}
    return tuple(
        fact
        for fact in _standing(facts)
        if fact.stage in stages and stages[fact.stage].has_expired(fact.given_at, facts.now)
    )


def _standing(facts: ChangeFacts) -> tuple[ApprovalFact, ...]:
    return tuple(
        fact
        for fact in facts.approvals
        if fact.decision is Decision.APPROVED and not fact.void and fact.plan_digest == facts.plan_digest
    )
