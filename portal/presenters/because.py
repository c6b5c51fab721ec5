"""Why each approval is asked: what the policy answered about a plan, or would answer if it were submitted now."""

from __future__ import annotations

from dataclasses import dataclass

from changes.domain.approval_policy.demands import Demand
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.states import EDITABLE
from changes.services.approval_policies import active_policy
from changes.services.demanding import demand_of, facts_known
from portal.presenters.sight import Sight


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, with the reasons; ``foreseen``: the change is a draft, so it is settled when it is submitted."""

    demand: Demand
    foreseen: bool


def asked_of(sight: Sight) -> Asked:
    """What the policy asked of the plan that counts. No query; of a draft one, and more for a standard change.

    Raises:
        PlanIntegrityError: the stored demand, or the active policy, was altered.
    """
    if sight.state in EDITABLE or sight.revision is None:
        return Asked(evaluate(active_policy(), facts_known(sight.change)), foreseen=True)
    return Asked(demand_of(sight.revision), foreseen=False)
