"""Taking a stale change up again."""

from __future__ import annotations

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import parse_comment
from changes.domain.states import ChangeEvent, ChangeState, ChangeType, next_state
from changes.models import ChangeRequest
from changes.services.approval_watch import approval_watch_settle
from changes.services.people import enforce, facts_of, lock_change, person_of
from changes.services.requests import discard_plan
from changes.services.transitions import move, remembering_refusal


def change_revise(*, change_id: int, requester: Actor, comment: str = "") -> ChangeRequest:
    """Make a stale change a draft again, without a plan. Approvals may be carried over to its next revision.

    Raises:
        IllegalTransitionError: the change is not stale.
        PolicyDeniedError: only who wrote or edited it may revise it.
    """
    comment = parse_comment(comment, action="revise a change", required=False)
    with remembering_refusal(actor=requester, attempt="revise", change_id=change_id):
        change = lock_change(change_id)
        next_state(ChangeState(change.state), ChangeEvent.REVISE, change_type=ChangeType(change.type))
        enforce(policy.may_revise(person_of(requester), facts_of(change)))
        discard_plan(change, actor=requester)
        move(change, ChangeEvent.REVISE, actor=requester, reason=comment)
        approval_watch_settle(change)
        return change
