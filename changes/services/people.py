"""From rows to the facts that the pure policy rules judge."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from audit.actor import Actor
from changes.domain import policy
from changes.domain.policy import ApprovalFact, ChangeFacts, Denial, Person, Verdict
from changes.domain.states import ChangeState, ChangeType
from changes.errors import ChangeNotFoundError, PolicyDeniedError
from changes.models import ChangeRequest, Decision, PlanRevision


def person_of(actor: Actor) -> Person:
    """The person behind an actor, with the groups that they hold now; two queries.

    Raises:
        PolicyDeniedError: nobody is signed in, or the account is switched off.
    """
    user = get_user_model().objects.filter(pk=actor.user_id, is_active=True).first() if actor.user_id else None
    if user is None:
        raise PolicyDeniedError([(policy.GATE_ROLE_DENIED, "Sign in with an active account to do this.")])
    return Person(
        id=user.pk,
        username=user.get_username(),
        roles=frozenset(user.groups.values_list("name", flat=True)),
        is_superuser=user.is_superuser,
    )


def facts_of(change: ChangeRequest) -> ChangeFacts:
    """What the rules need to know of a change and its current revision; four queries."""
    revision = change.revision
    return ChangeFacts(
        author_id=change.author_id,
        state=ChangeState(change.state),
        change_type=ChangeType(change.type),
        editor_ids=frozenset({change.last_editor_id, *change.editors.values_list("pk", flat=True)}),
        implementer_ids=_implementers(change),
        plan_digest=revision.digest if revision else "",
        opened_by=frozenset(revision.openings.values_list("person_id", flat=True)) if revision else frozenset(),
        approvals=_approvals(revision) if revision else (),
    )


def _implementers(change: ChangeRequest) -> frozenset[int]:
    pairs = change.runs.order_by().values_list("started_by_id", "implementers")
    return frozenset(pk for pair in pairs for pk in pair if pk is not None)


def _approvals(revision: PlanRevision) -> tuple[ApprovalFact, ...]:
    rows = revision.approvals.exclude(decision=Decision.CHANGES_REQUESTED)
    return tuple(
        ApprovalFact(
            person_id=row.approver_id,
            stage=row.stage,
            plan_digest=row.plan_digest,
            decision=policy.Decision(row.decision),
            void=row.voided_at is not None,
        )
        for row in rows
    )


def enforce(verdict: Verdict) -> None:
    """Turn a refusal into the error that the page and the API show.

    Raises:
        PolicyDeniedError: the verdict has reasons.
    """
    if not verdict.allowed:
        raise PolicyDeniedError([_pair(reason) for reason in verdict.reasons])


def _pair(denial: Denial) -> tuple[str, str]:
    return denial.code, denial.sentence


def lock_change(change_id: int) -> ChangeRequest:
    """The change, locked until the transaction ends, with its current revision.

    Raises:
        ChangeNotFoundError: there is none with this id.
    """
    change = (
        ChangeRequest.objects.select_for_update(of=("self",)).select_related("revision").filter(pk=change_id).first()
    )
    if change is None:
        raise ChangeNotFoundError(f"There is no change with the id {change_id}.")
    return change
