"""Activating an approval policy: one transaction for the policy, then bounded steps for the changes that wait."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from audit.actor import Actor
from changes.domain.content import parse_comment
from changes.domain.policy_versions import PolicyEvent, PolicyState, may_activate_policy, policy_next_state
from changes.models import ApprovalPolicyVersion
from changes.services.approval_policies import (
    policy_by_digest,
    remembering,
    version_facts,
    version_locked,
    version_moves,
    version_retires,
)
from changes.services.people import enforce, person_of
from changes.services.rejudging import waiting_judge

AT_ONCE: Final = 25
"""So many waiting changes are judged again right after an activation; the dispatcher does the others."""


def policy_activate(*, version_id: int, actor: Actor, comment: str) -> ApprovalPolicyVersion:
    """Let a proposed version judge from now on; the one that was active is retired, in the same transaction.

    Waiting changes of which it asks more are judged again afterwards, in bounded steps; until then none of them starts.

    Raises:
        ChangeNotFoundError: there is none with this id.
        PolicyDeniedError: the person is no change manager, or wrote or proposed it. The refusal is audited.
        InvalidInputError: no reason.
        IllegalTransitionError: it is not proposed.
        PlanIntegrityError: its stored document cannot be read.
    """
    with remembering("activate", actor, version_id):
        before = _active_locked()
        found, person = version_locked(version_id), person_of(actor)
        policy_next_state(PolicyState(found.state), PolicyEvent.ACTIVATE)
        enforce(may_activate_policy(person, version_facts(found)))
        comment = parse_comment(comment, action="activate a policy")
        policy_by_digest(found.digest)
        version_retires(before, actor=actor, reason=f"Replaced by {found.label}.")
        now: dict[str, object] = {"activated_by_id": person.id, "activated_at": Now(), "judged_at": None}
        version_moves(found, PolicyEvent.ACTIVATE, actor=actor, reason=comment, **now)
        transaction.on_commit(lambda: waiting_judge(limit=AT_ONCE), robust=True)
        return found


def _active_locked() -> ApprovalPolicyVersion:
    active = ApprovalPolicyVersion.objects.active().select_for_update()
    # A second look: who waited for another activation finds that the row it waited for is active no more.
    return active.first() or active.get()
