"""Approval policies as their pages show them: stages and rules in sentences, and what changed since a version."""

from __future__ import annotations

from dataclasses import dataclass, replace

from changes.domain.approval_policy.demands import Demand, asks_more
from changes.domain.approval_policy.document import ApprovalPolicy
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.approval_policy.sentences import (
    business_hours_sentence,
    pre_approval_sentence,
    rule_sentence,
    stage_sentences,
)
from changes.domain.policy_versions import PolicyState
from changes.models import ApprovalPolicyVersion
from changes.services.approval_policies import active_policy, next_number, policy_by_digest
from devices.domain.diffing import unified_diff
from portal.presenters.diffs import Block, diff_blocks
from portal.presenters.visible import Mask

TONES = {
    PolicyState.DRAFT: "idle",
    PolicyState.PROPOSED: "wait",
    PolicyState.ACTIVE: "ok",
    PolicyState.RETIRED: "",
}


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One version in the list."""

    version: ApprovalPolicyVersion
    state: str
    tone: str


@dataclass(frozen=True, slots=True)
class StageLine:
    """A stage: when it stands, and who decides in it."""

    title: str
    name: str
    step: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in one sentence, and why it is there."""

    name: str
    sentence: str
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two versions, as lines of YAML."""

    before: str
    before_id: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """One version as a whole."""

    policy: ApprovalPolicy
    state: str
    tone: str
    stages: tuple[StageLine, ...]
    rules: tuple[RuleLine, ...]
    pre_approval: str
    business_hours: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a policy asks of certain facts; ``more`` and ``less`` compare it with the active policy's answer."""

    demand: Demand
    facts: PlanFacts
    more: tuple[str, ...]
    less: tuple[str, ...]
    compared: str


def policy_row(version: ApprovalPolicyVersion) -> PolicyRow:
    """A version as a row of the list."""
    state = PolicyState(version.state)
    return PolicyRow(version, state.label, TONES[state])


def policy_page(version: ApprovalPolicyVersion) -> PolicyPage:
    """A version with its stages and rules in sentences."""
    policy, state = policy_by_digest(version.digest), PolicyState(version.state)
    return PolicyPage(
        policy=policy,
        state=state.label,
        tone=TONES[state],
        stages=tuple(
            StageLine(stage.title, stage.name, stage.step.label, stage_sentences(stage)) for stage in policy.stages
        ),
        rules=tuple(RuleLine(rule.name, rule_sentence(rule, policy), rule.reason) for rule in policy.rules),
        pre_approval=pre_approval_sentence(policy),
        business_hours=business_hours_sentence(policy),
    )


def difference_to_before(version: ApprovalPolicyVersion) -> Difference | None:
    """What changed since the version of the same name before, or else since the active one; None: there is none."""
    rows = ApprovalPolicyVersion.objects.defer("document")
    before = rows.filter(name=version.name, version__lt=version.version).order_by("-version").first()
    return difference(before or rows.active().exclude(pk=version.pk).first(), version)


def difference_to_active(version: ApprovalPolicyVersion) -> Difference | None:
    """What changes when this version is activated."""
    return difference(ApprovalPolicyVersion.objects.defer("document").active().exclude(pk=version.pk).first(), version)


def difference(before: ApprovalPolicyVersion | None, version: ApprovalPolicyVersion) -> Difference | None:
    """What changed between two versions; no secret can stand in a policy, but the mask is asked all the same."""
    if before is None:
        return None
    old, new = (policy_by_digest(each.digest).to_yaml() for each in (before, version))
    return Difference(before.label, before.pk, diff_blocks(unified_diff(old, new), Mask.load()))


def next_draft(version: ApprovalPolicyVersion) -> str:
    """The file of a version with the next free number, to begin another one with."""
    policy = policy_by_digest(version.digest)
    return replace(policy, version=next_number(policy.name)).to_yaml()


def answer(policy: ApprovalPolicy, facts: PlanFacts) -> Answer:
    """What this policy asks of these facts, beside what the active one asks."""
    active = active_policy()
    demand, present = evaluate(policy, facts), evaluate(active, facts)
    same = active.digest == policy.digest
    return Answer(
        demand=demand,
        facts=facts,
        more=() if same else asks_more(present, demand),
        less=() if same else asks_more(demand, present),
        compared="" if same else active.label,
    )
