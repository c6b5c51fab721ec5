"""From rows to the facts that the pure policy rules judge."""

from __future__ import annotations

from typing import Final

from django.contrib.auth import get_user_model

from audit.actor import Actor
from changes.domain import policy
from changes.domain.policy import ApprovalFact, ChangeFacts, Denial, Person, Verdict
from changes.domain.states import ChangeState, ChangeType
from changes.errors import ChangeNotFoundError, PolicyDeniedError
from changes.models import ChangeRequest, Decision, PlanRevision
from devices.services.statements import prepared

# Asked before each device of a run: Django takes longer to compose such a query than PostgreSQL to answer it.
_EDITORS: Final = "SELECT user_id FROM changes_changerequest_editors WHERE changerequest_id = %s"
_IMPLEMENTERS: Final = """
    SELECT started_by_id FROM changes_run WHERE change_id = %s
    UNION SELECT i.user_id FROM changes_run_implementers i JOIN changes_run r ON r.id = i.run_id WHERE r.change_id = %s
"""
_OPENINGS: Final = "SELECT person_id FROM changes_planopening WHERE revision_id = %s"
_APPROVALS: Final = """
    SELECT approver_id, stage, plan_digest, decision, voided_at IS NOT NULL FROM changes_approval
    WHERE revision_id = %s AND decision <> %s ORDER BY id
"""


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
        editor_ids=frozenset({change.last_editor_id, *_ids(_EDITORS, change.pk)}),
        implementer_ids=frozenset(_ids(_IMPLEMENTERS, change.pk, change.pk)),
        plan_digest=revision.digest if revision else "",
        opened_by=frozenset(_ids(_OPENINGS, revision.pk)) if revision else frozenset(),
        approvals=_approvals(revision) if revision else (),
    )


def _ids(statement: str, *values: int) -> list[int]:
    return [pk for (pk,) in prepared(statement, values)]


def _approvals(revision: PlanRevision) -> tuple[ApprovalFact, ...]:
    return tuple(
        ApprovalFact(
            person_id=person_id, stage=stage, plan_digest=digest, decision=policy.Decision(decision), void=void
        )
        for person_id, stage, digest, decision, void in prepared(
            _APPROVALS, [revision.pk, Decision.CHANGES_REQUESTED.value]
        )
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
