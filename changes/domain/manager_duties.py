"""What a change manager may decide about a change that is not their own. Pure rules, beside those of `policy`."""

from __future__ import annotations

from typing import Final

from changes.domain.policy import GATE_ROLE_DENIED, GATE_SELF_APPROVAL, ChangeFacts, Denial, Person, Role
from changes.domain.states import BEFORE_IMPLEMENTING

REASON_MISSING: Final = "REASON_MISSING"
ALREADY_STARTED: Final = "ALREADY_STARTED"
MIN_REASON: Final = 10
"""A manager's reason has so many characters at least, without those at its ends."""


def role_denial(person: Person, what: str, *roles: Role) -> Denial | None:
    """Why the person's roles do not let them do it; None: one of ``roles`` does. Auditors only read."""
    if Role.AUDITOR in person.roles:
        return Denial(
            GATE_ROLE_DENIED, f"You hold the auditor role, and auditors only read: you cannot {what}. Ask a colleague."
        )
    if person.roles.isdisjoint(roles):
        needed = " or ".join(role.label for role in roles)
        exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
        return Denial(GATE_ROLE_DENIED, f"To {what} you need the role {needed}.{exempt} Ask somebody who has it.")
    return None


def has_hand_in(person: Person, facts: ChangeFacts) -> bool:
    """Whether the person wrote or edited the change."""
    return person.id == facts.author_id or person.id in facts.editor_ids


def own_denial(person: Person, facts: ChangeFacts, what: str) -> Denial | None:
    """Why a change manager may not decide this: they wrote, edited or implemented the change. None: they did not."""
    if has_hand_in(person, facts):
        did = "wrote" if person.id == facts.author_id else "edited"
    elif person.id in facts.implementer_ids:
        did = "implemented"
    else:
        return None
    return Denial(GATE_SELF_APPROVAL, f"You {did} this change, so you cannot {what}. Ask another change manager.")


def started_denial(facts: ChangeFacts, instead: str) -> Denial | None:
    """Why it is too late: the change was started. ``instead`` says what to do now."""
    if facts.state in BEFORE_IMPLEMENTING:
        return None
    return Denial(ALREADY_STARTED, f"This is decided before a change starts, and this one did. {instead}")


def manager_denials(person: Person, facts: ChangeFacts, what: str, reason: str) -> tuple[Denial, ...]:
    """Every reason against a change manager's decision about a change that has to be somebody else's."""
    short = None
    if len(reason.strip()) < MIN_REASON:
        short = Denial(REASON_MISSING, f"To {what} you must say why, so that the others can judge it.")
    found = (role_denial(person, what, Role.CHANGE_MANAGER), own_denial(person, facts, what), short)
    return tuple(denial for denial in found if denial is not None)
