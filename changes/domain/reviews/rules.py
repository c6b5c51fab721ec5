"""Who may write a review, submit it, accept it, and see to its actions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from changes.domain.approval_facts import ChangeFacts, Denial, Person, Verdict
from changes.domain.manager_duties import has_hand_in, role_denial
from changes.domain.policy import GATE_ROLE_DENIED, GATE_SELF_APPROVAL
from changes.domain.roles import Role
from changes.domain.states import ChangeState, ChangeType

REVIEWABLE: Final = frozenset({ChangeState.REVIEW, ChangeState.CLOSED})
"""The states of a change in which its review may be written."""
ACCEPTERS: Final = (Role.CHANGE_MANAGER, Role.CAB)
_WRITERS: Final = (Role.REQUESTER, Role.IMPLEMENTER, Role.CHANGE_MANAGER)


def may_write_review(person: Person, facts: ChangeFacts) -> Verdict:
    """Write the review, submit it and add actions: who makes, carries out or answers for changes."""
    return _verdict(_too_early(facts), role_denial(person, "write a review", *_WRITERS))


def may_accept_review(person: Person, facts: ChangeFacts, writers: Collection[int]) -> Verdict:
    """Accept or return a submitted review: a change manager or the CAB, with no hand in the change or in the review."""
    return _verdict(role_denial(person, "accept a review", *ACCEPTERS), _own(person, facts, writers))


def may_end_action(person: Person, owner_id: int) -> Verdict:
    """Say that an action is done: its owner, or a change manager."""
    denial = role_denial(person, "end this action", Role.CHANGE_MANAGER)
    if person.id == owner_id and Role.AUDITOR not in person.roles:
        denial = None
    return _verdict(denial)


def may_manage_action(person: Person) -> Verdict:
    """Drop an action, open it again, or give it another owner or day: change managers."""
    return _verdict(role_denial(person, "manage the actions of reviews", Role.CHANGE_MANAGER))


def may_make_report(person: Person) -> Verdict:
    """Have a report made: change managers. Everybody who is signed in may read it."""
    return _verdict(role_denial(person, "make a report", Role.CHANGE_MANAGER))


def _own(person: Person, facts: ChangeFacts, writers: Collection[int]) -> Denial | None:
    if person.id in facts.implementer_ids:
        did = "implemented this change"
    elif has_hand_in(person, facts):
        did = "wrote this change" if person.id == facts.author_id else "edited this change"
    elif person.id in writers:
        did = "wrote a part of this review"
    else:
        return None
    sentence = f"You {did}, so you cannot accept its review. Ask another change manager or a member of the CAB."
    return Denial(GATE_SELF_APPROVAL, sentence)


def _too_early(facts: ChangeFacts) -> Denial | None:
    if facts.state in REVIEWABLE:
        return None
    kind = "emergency " if facts.change_type is ChangeType.EMERGENCY else ""
    sentence = f"A review is written when the run of the {kind}change has ended. This one is not that far."
    return Denial(GATE_ROLE_DENIED, sentence)


def _verdict(*denials: Denial | None) -> Verdict:
    return Verdict(tuple(denial for denial in denials if denial is not None))
