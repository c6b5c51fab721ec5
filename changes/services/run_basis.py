"""What the start of a run rests on, as its event says it: so a pack that leaves an event out contradicts itself."""

from __future__ import annotations

from changes.domain import policy
from changes.models import Approval, ChangeRequest, Decision, PlanRevision
from changes.services.people import facts_of


def run_basis(change: ChangeRequest, revision: PlanRevision) -> dict[str, object]:
    """The approvals that count now, everybody with a hand in the change, and the digest of what the policy asked."""
    facts = facts_of(change)
    live = {(fact.person_id, fact.stage, fact.given_at) for fact in policy.live_approvals(facts)}
    rows = Approval.objects.filter(revision=revision, decision=Decision.APPROVED, voided_at=None).order_by("pk")
    found = rows.values_list("pk", "approver_id", "stage", "created_at")
    return {
        "approvals": [pk for pk, person, stage, at in found if (person, stage, at) in live],
        "hands": sorted(facts.editor_ids | {facts.author_id}),
        "demand_digest": revision.demand_digest,
    }
