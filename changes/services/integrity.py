"""Is the stored plan the plan that was approved? Asked before every approval, every start and every device."""

from __future__ import annotations

from changes.domain import policy
from changes.domain.plan import PlanEmptyError, PlanHashMismatchError, PlanLeaf, verify_plan
from changes.errors import PlanIntegrityError
from changes.models import ChangeRequest, DevicePlan, PlanRevision
from changes.services.people import facts_of


def leaves_of(revision: PlanRevision) -> list[PlanLeaf]:
    """The stored leaves of a revision in device order; one query."""
    rows = DevicePlan.objects.filter(revision=revision).order_by("position").values_list("digest", "payload")
    return [PlanLeaf(digest=digest, payload=payload.encode()) for digest, payload in rows.iterator(200)]


def verify_revision(revision: PlanRevision, *, approved_digest: str = "") -> None:
    """Recompute every leaf from its stored bytes, and the root over all, and compare with what was approved.

    Raises:
        PlanIntegrityError: a row was edited, added, removed or reordered behind the application.
    """
    try:
        verify_plan(approved_digest or revision.digest, leaves_of(revision))
    except (PlanHashMismatchError, PlanEmptyError) as mismatch:
        raise PlanIntegrityError(str(mismatch)) from mismatch


def verify_approvals(change: ChangeRequest, revision: PlanRevision) -> None:
    """Every stage of the policy must have its quorum, for exactly this revision's digest.

    Raises:
        PlanIntegrityError: ``PLAN_NOT_APPROVED``; a stage lacks approvals that name this digest.
    """
    facts = facts_of(change)
    missing = policy.stage_open(facts.stages, policy.live_approvals(facts))
    if missing is not None or facts.plan_digest != revision.digest:
        stage = missing.name if missing else "every"
        raise PlanIntegrityError(
            f"The plan {revision.digest[:12]}… lacks approvals of the stage “{stage}”. Have it approved first.",
            code="PLAN_NOT_APPROVED",
        )
