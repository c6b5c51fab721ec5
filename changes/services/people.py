"""From rows to the facts that the pure policy rules judge."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, Group

from audit.actor import Actor
from changes.domain import policy
from changes.domain.approval_policy.demands import DemandError, stored_demand
from changes.domain.policy import ApprovalFact, ChangeFacts, Denial, Duty, Person, Stage, Verdict
from changes.domain.states import IN_REVIEW, ChangeState, ChangeType
from changes.errors import ChangeNotFoundError, PlanIntegrityError, PolicyDeniedError
from changes.models import ChangeRequest, Decision, PlanRevision
from devices.services.statements import prepared

# Asked before each device of a run: Django takes longer to compose such a query than PostgreSQL to answer it.
# Who wrote the template wrote the lines that are sent; the database's function changes_hands says the same.
_EDITORS: Final = """
    SELECT user_id FROM changes_changerequest_editors WHERE changerequest_id = %s
    UNION SELECT e.user_id FROM changes_templateversion_editors e
    JOIN changes_changerequest c ON c.template_version_id = e.templateversion_id WHERE c.id = %s
"""
_IMPLEMENTERS: Final = """
    SELECT started_by_id FROM changes_run WHERE change_id = %s
    UNION SELECT i.user_id FROM changes_run_implementers i JOIN changes_run r ON r.id = i.run_id WHERE r.change_id = %s
"""
_HELD_BY_THREADS: Final = IN_REVIEW | {ChangeState.APPROVED, ChangeState.SCHEDULED}
_OPENINGS: Final = "SELECT person_id FROM changes_planopening WHERE revision_id = %s"
_APPROVALS: Final = """
    SELECT statement_timestamp(), a.approver_id, a.stage, a.plan_digest, a.decision, a.voided_at IS NOT NULL, a."group",
           a.on_behalf_of_id, a.created_at, a.carried_from
    FROM (SELECT 1) AS present
    LEFT JOIN changes_approval a ON a.revision_id = %s AND a.decision <> %s ORDER BY a.id
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


def people_of(ids: Iterable[int]) -> dict[int, Person]:
    """Accounts that are switched on, with the groups that they hold now; two queries, whatever their number."""
    users = get_user_model().objects.filter(pk__in=set(ids), is_active=True).prefetch_related("groups")
    return {user.pk: person_with(user, user.groups.all()) for user in users}


def person_with(user: AbstractUser, groups: Iterable[Group]) -> Person:
    """The person behind an account, with these groups."""
    return Person(
        id=user.pk,
        username=user.get_username(),
        roles=frozenset(group.name for group in groups),
        is_superuser=user.is_superuser,
    )


def facts_of(change: ChangeRequest) -> ChangeFacts:
    """What the rules need to know of a change and its current revision; four queries, and one for open threads.

    The moment is the database's, as those of approvals are.

    Raises:
        PlanIntegrityError: ``DEMAND_MISMATCH``; what the policy asked of the plan was altered.
    """
    revision = change.revision
    stages, duties = _demanded(change, revision)
    now, approvals = _approvals(revision) if revision else (None, ())
    return ChangeFacts(
        author_id=change.author_id,
        state=ChangeState(change.state),
        change_type=ChangeType(change.type),
        editor_ids=frozenset({change.last_editor_id, *_ids(_EDITORS, change.pk, change.pk)}),
        implementer_ids=frozenset(_ids(_IMPLEMENTERS, change.pk, change.pk)),
        plan_digest=revision.digest if revision else "",
        opened_by=frozenset(_ids(_OPENINGS, revision.pk)) if revision else frozenset(),
        approvals=approvals,
        stages=stages,
        duties=duties,
        unresolved_threads=_unresolved_threads(change, duties),
        now=now,
    )


def _demanded(change: ChangeRequest, revision: PlanRevision | None) -> tuple[tuple[Stage, ...], frozenset[Duty]]:
    """The stages and duties as they were settled when the change was submitted; those of *builtin* before that.

    Only a standard change has no stage. A draft may have become another type since its plan was judged.
    """
    if revision is None or (revision.demand is None and not revision.demand_digest):
        return policy.DEFAULT_STAGES, frozenset()
    try:
        demand = stored_demand(revision.demand, revision.demand_digest)
    except DemandError as error:
        raise PlanIntegrityError(str(error), code=error.code) from error
    if not demand.stages and change.type != ChangeType.STANDARD:
        return policy.DEFAULT_STAGES, demand.as_duties()
    return demand.as_stages(), demand.as_duties()


def _unresolved_threads(change: ChangeRequest, duties: frozenset[Duty]) -> int:
    """Asked only where somebody is to decide or to start: a run goes on whatever is discussed meanwhile."""
    if Duty.RESOLVE_THREADS not in duties or ChangeState(change.state) not in _HELD_BY_THREADS:
        return 0
    from changes.services.threads import unresolved_threads

    return unresolved_threads(change.pk)


def _ids(statement: str, *values: int) -> list[int]:
    return [pk for (pk,) in prepared(statement, values)]


def _approvals(revision: PlanRevision) -> tuple[datetime, tuple[ApprovalFact, ...]]:
    rows = prepared(_APPROVALS, [revision.pk, Decision.CHANGES_REQUESTED.value])
    return rows[0][0], tuple(
        ApprovalFact(
            person_id=person_id,
            stage=stage,
            plan_digest=digest,
            decision=policy.Decision(decision),
            void=void,
            group=group,
            on_behalf_of=on_behalf_of,
            given_at=given_at,
            carried_from=carried_from,
        )
        for _, person_id, stage, digest, decision, void, group, on_behalf_of, given_at, carried_from in rows
        if person_id is not None
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
