"""Making decisions void: the rows stay, and the log says of each which one, and why."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from audit.actor import Actor
from changes.domain import policy
from changes.domain.policy import ChangeFacts
from changes.models import Approval, Decision, PlanRevision, VoidCause
from changes.services.deciding import approval_audit

EXPIRY: Final = Actor.system("expiry")


def void_approvals(revision: PlanRevision, *, actor: Actor, cause: VoidCause = VoidCause.RETURNED) -> int:
    """Make every standing decision on a revision void, with an event for each. Returns how many there were.

    Those that are void because the change or its plan was returned may be carried over to the next revision.
    """
    return approvals_void(revision.approvals.all(), actor=actor, cause=cause)


def approvals_void(chosen: QuerySet[Approval], *, actor: Actor, cause: VoidCause) -> int:
    """The same for some standing decisions. Call it in the transaction that writes an event about their change."""
    rows = list(chosen.filter(voided_at=None).select_related("change", "revision", "on_behalf_of").order_by("pk"))
    Approval.objects.filter(pk__in=[row.pk for row in rows]).update(voided_at=timezone.now(), void_cause=cause)
    for row in rows:
        approval_audit(row, actor, action="approval.voided", void_cause=cause.value)
    return len(rows)


def lapsed_make_room(revision: PlanRevision, facts: ChangeFacts, *people: int | None) -> None:
    """Make void what these people approved and whose time is over, so that they can decide again."""
    lapsed = [fact for fact in policy.lapsed_approvals(facts) if not fact.people.isdisjoint(people)]
    for fact in lapsed:
        if fact.given_at is None:
            continue
        rows = Approval.objects.filter(revision=revision, decision=Decision.APPROVED, approver=fact.person_id)
        same = rows.filter(stage=fact.stage, created_at=fact.given_at)
        approvals_void(same, actor=EXPIRY, cause=VoidCause.LAPSED)
