"""Approvals of the revision before: those that cover every device of the new one, by digest, go on counting."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from audit.actor import Actor
from changes.domain.approval_facts import ApprovalFact, ChangeFacts
from changes.domain.approval_facts import Decision as Decided
from changes.domain.approval_policy import carry_over as rules
from changes.domain.approval_policy.demands import Demand
from changes.domain.risk.levels import RiskLevel
from changes.models import Approval, ChangeRequest, Decision, DevicePlan, PlanRevision, VoidCause
from changes.services.approval_watch import approval_watch_settle
from changes.services.deciding import advance, approval_audit
from changes.services.demanding import demand_of
from changes.services.open_stages import open_stages_settle
from changes.services.people import facts_of, people_of
from changes.services.transitions import audit_change

CARRIER = Actor.system("carry-over")


def review_begun(change: ChangeRequest) -> None:
    """What follows a submission, in its transaction: carry approvals over, go as far as they carry, tell who is asked.

    Call it when the change has moved into the review and its demand is settled.
    """
    found = approvals_carry_over(change)
    if found is not None and found.approvals:
        why = "Approvals of the revision before cover every device of this one."
        digest = change.revision.digest if change.revision else ""
        advance(change, actor=CARRIER, reason=why, details={"plan_digest": digest})
        open_stages_settle(change)
    approval_watch_settle(change)


def approvals_carry_over(change: ChangeRequest) -> rules.CarryOver | None:
    """Write the approvals that go on counting, each with the digest that its author saw; None: there were none.

    The time of an approval goes on from when it was given. What its author withdrew, or what a stricter policy made
    void, is not carried over, and neither is what somebody gave who then asked for changes. At most twelve queries and
    two for each approval.
    """
    revision = change.revision
    before = None if revision is None else _submitted_before(revision)
    rows = _candidates(before) if before is not None else []
    if revision is None or before is None or not rows:
        return None
    facts = facts_of(change)
    found = rules.carry_over(
        tuple(_fact(row) for row in rows),
        before=_known(before, demand_of(before), None),
        after=_known(revision, demand_of(revision), RiskLevel(change.risk_level) if change.risk_level else None),
        people=people_of(person for row in rows for person in _people(row)),
        hands=_hands(facts),
    )
    for fact in found.approvals:
        _write(change, revision, fact)
    audit_change(
        change,
        "change.approvals_carried_over" if found.approvals else "change.approvals_not_carried_over",
        actor=CARRIER,
        reason=" ".join(found.why_not),
        details={
            "from_revision": before.number,
            "approvals": len(found.approvals),
            "devices_unchanged": len(found.unchanged),
            "devices_to_review": len(found.to_review),
        },
    )
    return found


def devices_seen_before(revision: PlanRevision) -> frozenset[int]:
    """The devices whose plan is, byte for byte, that of the revision that was submitted before; three queries."""
    before = _submitted_before(revision)
    if before is None:
        return frozenset()
    old, new = _leaves(before), _leaves(revision)
    return frozenset(int(key) for key, digest in new.items() if old.get(key) == digest)


def _submitted_before(revision: PlanRevision) -> PlanRevision | None:
    earlier = PlanRevision.objects.filter(change_id=revision.change_id, number__lt=revision.number)
    submitted = earlier.filter(Q(demand__isnull=False) | Q(approvals__isnull=False)).distinct()
    return submitted.order_by("-number").first()


def _candidates(before: PlanRevision) -> list[Approval]:
    """The last approval of each person on the revision, where nobody but the change's own way made it void."""
    refused = Approval.objects.filter(revision=before, decision=Decision.CHANGES_REQUESTED).values("approver_id")
    rows = Approval.objects.filter(revision=before, decision=Decision.APPROVED, plan_digest=before.digest)
    rows = rows.filter(Q(voided_at=None) | Q(void_cause=VoidCause.RETURNED))
    rows = rows.exclude(approver__in=refused).exclude(on_behalf_of__in=refused)
    found: dict[int, Approval] = {}
    taken: set[int] = set()
    for row in rows.order_by("-pk"):
        if taken.isdisjoint(_people(row)):
            taken |= _people(row)
            found[row.pk] = row
    return [found[pk] for pk in sorted(found)]


def _people(row: Approval) -> set[int]:
    return {row.approver_id} if row.on_behalf_of_id is None else {row.approver_id, row.on_behalf_of_id}


def _fact(row: Approval) -> ApprovalFact:
    return ApprovalFact(
        person_id=row.approver_id,
        stage=row.stage,
        plan_digest=row.plan_digest,
        decision=Decided.APPROVED,
        group=row.group,
        on_behalf_of=row.on_behalf_of_id,
        given_at=row.created_at,
        carried_from=row.carried_from,
    )


def _hands(facts: ChangeFacts) -> frozenset[int]:
    return frozenset({facts.author_id, *facts.editor_ids, *facts.implementer_ids})


def _known(revision: PlanRevision, demand: Demand, risk: RiskLevel | None) -> rules.Revision:
    return rules.Revision(revision.digest, _leaves(revision), demand, risk)


def _leaves(revision: PlanRevision) -> dict[str, str]:
    rows: Iterable[tuple[int, str]] = DevicePlan.objects.filter(revision=revision).values_list("device_id", "digest")
    return {str(device): digest for device, digest in rows}


def _write(change: ChangeRequest, revision: PlanRevision, fact: ApprovalFact) -> None:
    if fact.given_at is None:
        raise ValueError("An approval without its time is not carried over.")
    row = Approval.objects.create(
        change=change,
        revision=revision,
        stage=fact.stage,
        decision=Decision.APPROVED,
        approver_id=fact.person_id,
        group=fact.group,
        on_behalf_of_id=fact.on_behalf_of,
        plan_digest=fact.plan_digest,
        carried_from=fact.carried_from,
        created_at=fact.given_at,
    )
    approval_audit(row, CARRIER, carried_from=fact.carried_from, given_at=fact.given_at)
