"""Waiting changes are judged again when another policy is activated, or when a fact of theirs changed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Final

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.approval_policy.demands import Demand, asks_more, stages_with_more
from changes.domain.approval_policy.document import ApprovalPolicy
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.approval_policy.stages import stage_open
from changes.domain.notifications import Topic
from changes.domain.policy import live_approvals
from changes.domain.states import IN_REVIEW, ChangeEvent, ChangeState
from changes.errors import PlanIntegrityError
from changes.models import ApprovalPolicyVersion, ChangeRequest, PlanRevision, VoidCause
from changes.services.approval_policies import active_policy
from changes.services.demanding import POLICY_ASKS_MORE, demand_of, demand_store, plan_facts
from changes.services.notifying import notify
from changes.services.open_stages import open_stages_settle
from changes.services.people import facts_of, lock_change
from changes.services.transitions import audit_change, move
from changes.services.voiding import approvals_void

logger = logging.getLogger(__name__)

JUDGED: Final = frozenset({*IN_REVIEW, ChangeState.APPROVED, ChangeState.SCHEDULED})
"""The states in which a policy that asks more makes approvals void, or the change stale."""
STEP: Final = 50
MOST_FORESEEN: Final = 1_000

_POLICY: Final = Actor.system("policy")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a policy would do to one waiting change. ``stale``: it is approved already, so it has to be revised."""

    change: ChangeRequest
    more: tuple[str, ...]
    stale: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """What activating a policy would do: the changes of which it asks more, out of how many were looked at."""

    found: tuple[Foreseen, ...]
    looked_at: int
    whole: bool

    @property
    def stale(self) -> int:
        """How many approved or scheduled changes would become stale."""
        return sum(one.stale for one in self.found)

    @property
    def asked_again(self) -> int:
        """How many changes in review would lose approvals or wait for more."""
        return len(self.found) - self.stale


def policy_forecast(policy: ApprovalPolicy) -> Forecast:
    """What activating this policy would do to the waiting changes; nothing is written.

    At most :data:`MOST_FORESEEN` changes are looked at, the newest first. One query, and one more for each standard
    change.
    """
    rows = _waiting().select_related("revision", "author").order_by("-pk")
    found: list[Foreseen] = []
    looked_at = 0
    for change in rows[:MOST_FORESEEN].iterator(200):
        looked_at += 1
        more = _more(policy, change, _revision(change))[0]
        if more:
            found.append(Foreseen(change, more, ChangeState(change.state) not in IN_REVIEW))
    return Forecast(tuple(found), looked_at, looked_at < MOST_FORESEEN)


def waiting_judge(*, limit: int = STEP) -> int:
    """Judge waiting changes by the active policy that it has not judged yet; returns how many were looked at.

    Asked by the dispatcher in each round and once after an activation. When none is left, that is written down, and
    later rounds cost one small query.
    """
    version = ApprovalPolicyVersion.objects.active().filter(judged_at=None).only("pk", "digest").first()
    if version is None:
        return 0
    left = _waiting().exclude(revision__judged_by=version.digest).order_by("pk").values_list("pk", flat=True)
    ids = list(left[:limit])
    for pk in ids:
        _judge_one(pk)
    if not ids:
        ApprovalPolicyVersion.objects.filter(pk=version.pk, state="active").update(judged_at=Now())
    return len(ids)


def _judge_one(change_id: int) -> None:
    """One change's trouble must not stop the others; until it is judged it does not start."""
    try:
        change_rejudge(change_id)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("Change %s could not be judged again; the others go on", change_id)


@transaction.atomic
def change_rejudge(change_id: int) -> tuple[str, ...]:
    """Ask the active policy about a waiting change as it is now; returns what it asks beyond what was settled.

    In review, approvals in the stages that became stricter are void and the demand is replaced. An approved or
    scheduled change becomes stale, with the reasons. Where nothing more is asked, nothing is changed.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PlanIntegrityError: the active policy cannot be read.
    """
    change = lock_change(change_id)
    if ChangeState(change.state) not in JUDGED or change.revision is None:
        return ()
    revision = change.revision
    policy = active_policy(held=True)
    more, facts, after = _more(policy, change, revision)
    if not more:
        PlanRevision.objects.filter(pk=revision.pk).update(judged_by=policy.digest)
    elif ChangeState(change.state) in IN_REVIEW:
        _ask_again(change, revision, facts, more)
    else:
        _expire(change, after, more)
    return more


def _waiting() -> QuerySet[ChangeRequest]:
    return ChangeRequest.objects.filter(state__in=[state.value for state in JUDGED], revision__isnull=False)


def _revision(change: ChangeRequest) -> PlanRevision:
    assert change.revision is not None  # noqa: S101 - the query asked for it
    return change.revision


def _more(
    policy: ApprovalPolicy, change: ChangeRequest, revision: PlanRevision
) -> tuple[tuple[str, ...], PlanFacts, Demand]:
    facts = plan_facts(change, revision)
    after = evaluate(policy, facts)
    try:
        return asks_more(demand_of(revision), after), facts, after
    except PlanIntegrityError as error:
        return (str(error),), facts, after


def _ask_again(change: ChangeRequest, revision: PlanRevision, facts: PlanFacts, more: tuple[str, ...]) -> None:
    """Replace the demand of a change in review. A review that has begun is never skipped by a pre-approval."""
    after = evaluate(active_policy(), replace(facts, within_envelope=False))
    standing = revision.approvals.filter(voided_at=None)
    try:
        stricter = stages_with_more(demand_of(revision), after)
        concerned = standing.filter(stage__in=stricter)
    except PlanIntegrityError:
        concerned = standing.all()
    hit = set(concerned.values_list("approver_id", flat=True))
    approvals_void(concerned, actor=_POLICY, cause=VoidCause.POLICY)
    demand_store(change, revision, after, facts, actor=_POLICY, reason=" ".join(more))
    if _nothing_open(change):
        # What the first policy still waited for is not asked by the second one: nobody could carry the change on.
        hit |= set(standing.values_list("approver_id", flat=True))
        approvals_void(standing.all(), actor=_POLICY, cause=VoidCause.POLICY)
    audit_change(
        change,
        "change.judged_again",
        actor=_POLICY,
        code=POLICY_ASKS_MORE,
        reason=" ".join(more),
        details={"policy": after.policy, "demand_digest": revision.demand_digest, "approvals_void": len(hit)},
    )
    open_stages_settle(change)
    notify(
        Topic.APPROVAL_VOID,
        people={*hit, change.author_id},
        subject=f"{change.number}: the approval policy asks more",
        sentence=f"{' '.join(more)} {_voided(len(hit))}",
        change=change,
        path=f"/changes/{change.pk}/approvals/",
    )


def _nothing_open(change: ChangeRequest) -> bool:
    facts = facts_of(change)
    stages = facts.stages
    if facts.state is ChangeState.ASSESSMENT:
        stages = tuple(stage for stage in stages if stage.event is ChangeEvent.ASSESS)
    return stage_open(stages, live_approvals(facts)) is None


def _expire(change: ChangeRequest, after: Demand, more: tuple[str, ...]) -> None:
    move(
        change,
        ChangeEvent.EXPIRE,
        actor=_POLICY,
        reason=" ".join(more),
        details={"code": POLICY_ASKS_MORE, "policy": after.policy, "policy_digest": after.policy_digest},
    )
    notify(
        Topic.STALE,
        people={change.author_id, change.last_editor_id},
        subject=f"{change.number} is stale: the approval policy asks more",
        sentence=f"{' '.join(more)} Revise the change and have the new revision approved.",
        change=change,
        path=f"/changes/{change.pk}/",
    )


def _voided(count: int) -> str:
    if not count:
        return "No approval is void by that."
    return "1 approval is void." if count == 1 else f"{count} approvals are void."
