"""Setting another level than the computed one: upward by the requester, downward by a change manager with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from changes.domain.manager_duties import has_hand_in, manager_denials, role_denial, started_denial
from changes.domain.policy import GATE_ROLE_DENIED, ChangeFacts, Denial, Person, Role, Verdict
from changes.domain.risk.levels import RiskLevel

RISK_UNCHANGED: Final = "RISK_UNCHANGED"
RISK_IN_REVIEW: Final = "RISK_IN_REVIEW"


@dataclass(frozen=True, slots=True)
class Override:
    """A level that a person set in place of the computed one of the plan with this digest."""

    level: RiskLevel
    computed: RiskLevel
    by_id: int
    reason: str
    plan_digest: str


def effective_level(computed: RiskLevel, override: Override | None, *, plan_digest: str) -> RiskLevel:
    """The level that counts.

    An upward override stays with the change, and never lowers what is computed later. A downward one holds for the
    plan that it was made for, and only while no higher level is computed for it than the change manager saw.
    """
    if override is None:
        return computed
    if override.level.rank > override.computed.rank:
        return max(computed, override.level, key=lambda level: level.rank)
    if override.plan_digest == plan_digest and computed.rank <= override.computed.rank:
        return min(computed, override.level, key=lambda level: level.rank)
    return computed


def may_override(
    person: Person, facts: ChangeFacts, *, effective: RiskLevel, wanted: RiskLevel, reason: str = ""
) -> Verdict:
    """Set another level than the one that counts now.

    Upward: who wrote or edited the change as a requester, or a change manager. Downward: a change manager who has no
    hand in the change, with a reason. Nobody after the start, and superusers are not exempt.
    """
    denials = _when(facts, effective, wanted)
    if wanted.rank > effective.rank:
        denials += _by_hand(person, facts, "raise the risk level")
    elif wanted.rank < effective.rank:
        denials += manager_denials(person, facts, "lower the risk level", reason)
    return Verdict(denials)


def _when(facts: ChangeFacts, effective: RiskLevel, wanted: RiskLevel) -> tuple[Denial, ...]:
    late = started_denial(facts, "Say in the review what the level should have been.")
    if late:
        return (late,)
    if wanted is effective:
        return (Denial(RISK_UNCHANGED, f"The level is {wanted.value} already. Choose another one."),)
    return ()


def _by_hand(person: Person, facts: ChangeFacts, what: str) -> tuple[Denial, ...]:
    denial = role_denial(person, what, Role.REQUESTER, Role.CHANGE_MANAGER)
    if denial is None and Role.CHANGE_MANAGER not in person.roles and not has_hand_in(person, facts):
        sentence = f"Only who wrote or edited the change, or a change manager, can {what}. Ask its author."
        denial = Denial(GATE_ROLE_DENIED, sentence)
    return (denial,) if denial else ()


def standing_override(overrides: Iterable[Override], *, plan_digest: str) -> Override | None:
    """The override that counts for a plan, of those given newest first: the newest one that was made for it alone.

    One that raised the level stays with the change until another one replaces it. A downward one is passed over for any
    other plan, so that what was raised before it holds again there; what was raised on top of it only counts if higher.
    """
    standing: list[Override] = []
    replaced = False
    for each in overrides:
        if each.level.rank > each.computed.rank:
            standing += [] if replaced else [each]
            replaced = True
        elif each.plan_digest == plan_digest:
            standing = standing or [each]
            break
        else:
            replaced = False
    return max(standing, key=lambda each: each.level.rank, default=None)


def may_answer(person: Person, facts: ChangeFacts) -> Verdict:
    """Answer a question about a fact that nobody knows: who wrote or edited the change, or a change manager.

    Nobody after the start. The answer is shown as a person's, whatever it is.
    """
    late = started_denial(facts, "Say in the review what was not known.")
    return Verdict((late,) if late else _by_hand(person, facts, "answer questions about the risk"))
