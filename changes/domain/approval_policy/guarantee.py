"""Proof that a policy lets no change through without an independent approver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from changes.domain.approval_policy.document import ApprovalPolicy, StageSpec
from changes.domain.approval_policy.evaluation import asked_types
from changes.domain.approval_policy.facts import FactIndex, PlanFacts
from changes.domain.approval_policy.vocabulary import StageStep
from changes.domain.states import ChangeType

_WAYS: Final = {
    ChangeType.NORMAL: "a normal change",
    ChangeType.EMERGENCY: "an emergency change",
    ChangeType.STANDARD: "a standard change that is not pre-approved",
}


def what_is_not_sure(policy: ApprovalPolicy) -> Iterator[str]:
    """A sentence for each type of change for which some facts could make the policy ask too little.

    All facts but the type are taken as not known. In Kleene's logic a condition that holds then holds for all facts.
    So only rules count here whose conditions are "always" or about the type; each stage has a quorum of one or more,
    and who had a hand in a change never counts in any.
    """
    for kind, words in _WAYS.items():
        steps = {stage.step for stage in certain_stages(policy, kind)}
        if kind is ChangeType.EMERGENCY:
            if not steps:
                yield f"No stage is asked of {words} whatever its facts are. {_REMEDY}"
            continue
        for step in StageStep:
            if step not in steps:
                yield f"No stage of the {step.value} is asked of {words} whatever its facts are. {_REMEDY}"


_REMEDY: Final = (
    'Add a rule whose condition is "always" or names only the change type, so that nothing passes without an'
    " independent approver."
)


def certain_stages(policy: ApprovalPolicy, kind: ChangeType) -> tuple[StageSpec, ...]:
    """The stages that every change of this type is asked, whatever else is known of it; not the pre-approved ones."""
    index = FactIndex.of(PlanFacts(kind), asked_types(kind, pre_approved=False))
    certain = [rule for rule in policy.rules if rule.when.truth(index, policy.business_time) is True]
    names = {ask.stage for rule in certain for ask in rule.asks}
    return tuple(stage for stage in policy.stages if stage.name in names)
