"""What a policy asks of a change: a pure function that always answers and says why."""

from __future__ import annotations

from collections.abc import Sequence

from changes.domain.approval_policy.demands import AskedDuty, AskedStage, Because, Demand
from changes.domain.approval_policy.document import ApprovalPolicy, Ask, Rule, StageSpec
from changes.domain.approval_policy.facts import FactIndex, PlanFacts
from changes.domain.approval_policy.stages import Stage
from changes.domain.approval_policy.vocabulary import Duty, StageStep
from changes.domain.states import ChangeEvent, ChangeType


def evaluate(policy: ApprovalPolicy, facts: PlanFacts) -> Demand:
    """Which stages and duties the policy asks of a change with these facts, and because of what.

    A rule holds when its condition does, and also when a missing fact leaves it open. What several rules ask of one
    stage is put together: the largest quorum, the shortest time. The order of the rules makes no difference.
    A standard change inside its envelope is pre-approved where the policy allows it; outside it is asked everything
    that a normal change is.
    """
    pre_approved, path = _path(policy, facts)
    index = FactIndex.of(facts, asked_types(facts.change_type, pre_approved=pre_approved))
    holding = [
        (rule, why)
        for rule in sorted(policy.rules, key=lambda rule: rule.name)
        if (why := _because(rule, policy, index)) is not None
    ]
    return Demand(
        policy=policy.label,
        policy_digest=policy.digest,
        stages=() if pre_approved else _stages(policy, holding, facts.change_type),
        duties=_duties(holding),
        pre_approved=pre_approved,
        path=path,
    )


def asked_types(kind: ChangeType, *, pre_approved: bool) -> frozenset[ChangeType]:
    """The types whose rules hold: a standard change that is not pre-approved is asked as a normal one as well."""
    if kind is ChangeType.STANDARD and not pre_approved:
        return frozenset({kind, ChangeType.NORMAL})
    return frozenset({kind})


def _because(rule: Rule, policy: ApprovalPolicy, index: FactIndex) -> Because | None:
    """The rule's reason; None where it certainly does not hold. Words are only made for rules that hold."""
    if rule.when.truth(index, policy.business_time) is False:
        return None
    outcome = rule.when.outcome(index, policy.business_time)
    return Because(rule.name, outcome.why, reason=rule.reason, certain=outcome.truth is True)


def _path(policy: ApprovalPolicy, facts: PlanFacts) -> tuple[bool, str]:
    kind = facts.change_type
    if kind is ChangeType.EMERGENCY:
        return False, "An emergency change goes straight to its authorization."
    if kind is ChangeType.NORMAL:
        return False, "A normal change is assessed first and authorized then."
    if not facts.within_envelope:
        return False, "The change is not inside its template's approved envelope, so it is asked what a normal one is."
    if not policy.pre_approval.allowed:
        return False, "This policy has no pre-approved changes, so the change is asked what a normal one is."
    unless = policy.pre_approval.unless
    if unless is not None:
        index = FactIndex.of(facts, asked_types(kind, pre_approved=True))
        outcome = unless.outcome(index, policy.business_time)
        if outcome.truth is not False:
            return False, f"The pre-approval does not hold because {', and '.join(outcome.why)}."
    return True, "The change is pre-approved: it lies inside its template's approved envelope."


def _stages(
    policy: ApprovalPolicy, holding: Sequence[tuple[Rule, Because]], kind: ChangeType
) -> tuple[AskedStage, ...]:
    asked = []
    for spec in policy.stages:
        asks = [(ask, why) for rule, why in holding for ask in rule.asks if ask.stage == spec.name]
        if asks:
            asked.append(_asked(spec, asks, kind))
    return tuple(asked)


def _asked(spec: StageSpec, asks: Sequence[tuple[Ask, Because]], kind: ChangeType) -> AskedStage:
    times = [hours for hours in (spec.expires_after_h, *(ask.expires_after_h for ask, _ in asks)) if hours]
    stage = Stage(
        name=spec.name,
        group=spec.groups[0],
        quorum=max(spec.quorum, *(ask.quorum for ask, _ in asks)),
        event=_event(spec.step, kind),
        other_groups=spec.groups[1:],
        from_each_group=spec.from_each_group,
        expires_after_h=min(times, default=0),
        delegates=spec.delegates,
        escalate_after_h=spec.escalate_after_h,
        escalate_to=spec.escalate_to,
        remind_every_h=spec.remind_every_h,
    )
    because = tuple(
        Because(why.rule, why.facts, why.reason, max(spec.quorum, ask.quorum), why.certain) for ask, why in asks
    )
    return AskedStage(stage, spec.title, because)


def _event(step: StageStep, kind: ChangeType) -> ChangeEvent:
    """An emergency change has no step of assessment: all its stages stand in its authorization."""
    if step is StageStep.ASSESSMENT and kind is not ChangeType.EMERGENCY:
        return ChangeEvent.ASSESS
    return ChangeEvent.AUTHORIZE


def _duties(holding: Sequence[tuple[Rule, Because]]) -> tuple[AskedDuty, ...]:
    asked = []
    for duty in Duty:
        because = tuple(why for rule, why in holding if duty in rule.duties)
        if because:
            asked.append(AskedDuty(duty, because))
    return tuple(asked)
