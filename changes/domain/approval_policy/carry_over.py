"""Approvals of an earlier revision: carried over by device digest, never by trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from changes.domain.approval_facts import ApprovalFact, Decision, Person
from changes.domain.approval_policy.demands import Demand, asks_more
from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.risk.levels import RiskLevel
from changes.domain.roles import Role

Leaves = Mapping[str, str]
"""The digest of each device's plan, by the device's key; it covers everything that is sent to the device."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One planned revision as far as carrying over asks: its digests, what is asked of it, and its risk."""

    plan_digest: str
    leaves: Leaves
    demand: Demand
    risk: RiskLevel | None


@dataclass(frozen=True, slots=True)
class CarryOver:
    """What becomes of the approvals of the revision before.

    ``approvals`` count for the new revision and are shown as carried over. ``unchanged`` are devices whose plan is the
    same, byte for byte: a reviewer who saw them need not read them again, also where nothing is carried over.
    ``why_not`` are sentences; empty exactly where approvals may be carried over.
    """

    approvals: tuple[ApprovalFact, ...]
    unchanged: frozenset[str]
    to_review: frozenset[str]
    why_not: tuple[str, ...] = ()


def carry_over(
    approvals: tuple[ApprovalFact, ...],
    *,
    before: Revision,
    after: Revision,
    people: Mapping[int, Person],
    hands: frozenset[int],
) -> CarryOver:
    """Which approvals of ``before`` count for ``after``.

    An approval is carried over as a whole or not at all: only where every device plan of the new revision was in the
    old one with the same digest, so that nothing is signed that the person did not see. ``people`` are the approvers
    as they are now, ``hands`` author, editors and implementers: rights and the separation of duties are asked again.
    The time of an approval goes on from when it was given. Nothing is carried over at high risk, at a risk that is
    not known, or where the policy forbids it or asks more than before.
    """
    unchanged = frozenset(key for key, digest in after.leaves.items() if before.leaves.get(key) == digest)
    to_review = frozenset(after.leaves) - unchanged
    why_not = _why_not(before, after, to_review)
    carried = () if why_not else tuple(
        replace(fact, plan_digest=after.plan_digest, carried_from=fact.carried_from or fact.plan_digest, group=group)
        for fact in approvals
        if (group := _right_still_held(fact, before, after, people, hands))
    )  # fmt: skip
    return CarryOver(carried, unchanged, to_review, why_not)


def _why_not(before: Revision, after: Revision, to_review: frozenset[str]) -> tuple[str, ...]:
    found = []
    if not after.leaves:
        found.append("The new revision has no device plan.")
    if to_review:
        count = len(to_review)
        what = "1 device's plan is" if count == 1 else f"{count:,} devices' plans are"
        found.append(f"{what} new or changed, so the approvals do not cover the whole revision.")
    if after.risk is None or after.risk.rank >= RiskLevel.HIGH.rank:
        risk = "not known" if after.risk is None else after.risk.label.lower()
        found.append(f"The risk is {risk}; approvals are carried over at low and medium risk only.")
    if Duty.NO_CARRY_OVER in after.demand.as_duties():
        found.append("The policy asks for new approvals of each revision.")
    found += [f"More is asked than before. {sentence}" for sentence in asks_more(before.demand, after.demand)]
    return tuple(found)


def _right_still_held(
    fact: ApprovalFact, before: Revision, after: Revision, people: Mapping[int, Person], hands: frozenset[int]
) -> str:
    """The group by whose right the approval goes on counting: that by which it was given; "" where it does not."""
    stage = next((asked.stage for asked in after.demand.stages if asked.stage.name == fact.stage), None)
    both = [people.get(person) for person in fact.people]
    holder = people.get(fact.person_id if fact.on_behalf_of is None else fact.on_behalf_of)
    stands = fact.decision is Decision.APPROVED and not fact.void and fact.plan_digest == before.plan_digest
    if not stands or stage is None or holder is None or not fact.people.isdisjoint(hands):
        return ""
    if any(person is None or Role.AUDITOR in person.roles for person in both):
        return ""
    # Where the group was not kept, any of the stage's that the person is in does.
    groups = (fact.group,) if fact.group else stage.groups
    return next((group for group in groups if group in stage.groups and group in holder.roles), "")
