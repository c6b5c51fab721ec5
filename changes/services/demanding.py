"""What the active policy asks of a plan: settled when a change is submitted, proved wherever it counts."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from audit.actor import Actor
from audit.recorder import record
from changes.domain.approval_policy.demands import Demand, DemandError, asks_more, stored_demand
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.approval_policy.shipped_policies import BUILTIN_DEMAND
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from changes.errors import PlanIntegrityError
from changes.models import ChangeRequest, PlanRevision
from changes.services.approval_policies import active_policy
from changes.services.envelopes import within_envelope
from changes.services.risk import risk_assess
from changes.services.windows import window_of

OBJECT: Final = "plan_demand"
POLICY_ASKS_MORE: Final = "POLICY_ASKS_MORE"


def plan_facts(change: ChangeRequest, revision: PlanRevision) -> PlanFacts:
    """What policies ask about a plan, as it is now: what planning found, the change's type, risk, window and envelope.

    What is not known stays unknown, and is therefore asked for.
    """
    kind = ChangeType(change.type)
    return PlanFacts.of_found(
        revision.facts,
        change_type=kind,
        risk=RiskLevel(change.risk_level) if change.risk_level else None,
        window=window_of(change),
        within_envelope=kind is ChangeType.STANDARD and within_envelope(change, revision).holds,
    )


def demand_settle(change: ChangeRequest, revision: PlanRevision, *, actor: Actor) -> Demand:
    """Ask the active policy about a locked change's plan, and keep the answer; it is what counts from now on.

    Its digest is kept beside it and in the audit event, which the database demands. No policy can be activated until
    the transaction ends.

    Raises:
        PlanIntegrityError: the active policy cannot be read.
    """
    risk_assess(change, revision, actor=actor)
    facts = plan_facts(change, revision)
    demand = evaluate(active_policy(held=True), facts)
    demand_store(change, revision, demand, facts, actor=actor)
    return demand


def demand_store(
    change: ChangeRequest, revision: PlanRevision, demand: Demand, facts: PlanFacts, *, actor: Actor, reason: str = ""
) -> None:
    """Write a demand with its digest and its event."""
    known = revision.demand_digest
    revision.demand, revision.demand_digest = demand.to_data(), demand.digest
    revision.judged_by = demand.policy_digest
    revision.save(update_fields=["demand", "demand_digest", "judged_by"])
    if known == revision.demand_digest:
        return
    record(
        actor=actor,
        action="plan_demand.replaced" if known else "plan_demand.settled",
        object_type=OBJECT,
        object_id=revision.pk,
        object_label=f"{change.number} r{revision.number}",
        change_id=change.pk,
        state_from=known,
        state_to=revision.demand_digest,
        reason=reason,
        details={
            "policy": demand.policy,
            "policy_digest": demand.policy_digest,
            "stages": {asked.stage.name: asked.stage.quorum for asked in demand.stages},
            "pre_approved": demand.pre_approved,
            "facts_sha256": _facts_digest(facts),
        },
    )


def demand_of(revision: PlanRevision) -> Demand:
    """What the policy asked of a plan when it was submitted. No query where the row was read as a whole.

    A revision that was submitted before policies were data has none: the builtin policy's answer holds for it.

    Raises:
        PlanIntegrityError: ``DEMAND_MISMATCH``; the stored demand is not the one that was settled.
    """
    if revision.demand is None and not revision.demand_digest:
        return BUILTIN_DEMAND
    try:
        return stored_demand(revision.demand, revision.demand_digest)
    except DemandError as error:
        raise PlanIntegrityError(str(error), code=error.code) from error


def what_is_more(change: ChangeRequest, revision: PlanRevision) -> tuple[str, ...]:
    """What the active policy asks of a plan now beyond what was asked of it, as sentences; empty: nothing.

    Asked with the facts as they are now: a window that was moved and a risk that rose count as a new policy does.

    Raises:
        PlanIntegrityError: the stored demand or the active policy was altered.
    """
    return asks_more(demand_of(revision), evaluate(active_policy(), plan_facts(change, revision)))


def verify_demand(change: ChangeRequest, revision: PlanRevision) -> None:
    """What was asked of the plan must be no less than what the active policy asks now.

    Raises:
        PlanIntegrityError: ``POLICY_ASKS_MORE``, with what; ``DEMAND_MISMATCH`` where the stored demand was altered.
    """
    more = what_is_more(change, revision)
    if more:
        raise PlanIntegrityError(
            f"The approval policy asks more of this change than was approved. {' '.join(more)} Make a new revision"
            " and have it approved.",
            code=POLICY_ASKS_MORE,
        )


def _facts_digest(facts: PlanFacts) -> str:
    text = json.dumps(facts.to_data(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def facts_known(change: ChangeRequest) -> PlanFacts:
    """The facts of a change in whatever state: those of its present plan, or the few that a change without one has."""
    if change.revision is not None:
        return plan_facts(change, change.revision)
    risk = RiskLevel(change.risk_level) if change.risk_level else None
    return PlanFacts(ChangeType(change.type), risk=risk, window=window_of(change))
