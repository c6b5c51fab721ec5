"""Who may ask for an exception from a gate, and who may decide on one: never the same person."""

from __future__ import annotations

from changes.domain.policy import GATE_ROLE_DENIED, GATE_SELF_APPROVAL, Denial, Person, Role, Verdict

REQUESTERS = (Role.REQUESTER, Role.IMPLEMENTER, Role.CHANGE_MANAGER, Role.ADMINISTRATOR)
DECIDERS = (Role.CHANGE_MANAGER, Role.CAB)


def may_request_exception(person: Person) -> Verdict:
    """Ask for an exception: whoever works on changes or runs the installation."""
    return _verdict(_role(person, "request an exception", REQUESTERS))


def may_decide_exception(person: Person, *, requester_id: int) -> Verdict:
    """Approve or reject: a change manager or the CAB, and somebody else than who asked."""
    own = None
    if person.id == requester_id:
        sentence = "You requested this exception, so you cannot decide on it. Ask a second person."
        own = Denial(GATE_SELF_APPROVAL, sentence)
    return _verdict(_role(person, "decide on an exception", DECIDERS), own)


def may_revoke_exception(person: Person, *, requester_id: int) -> Verdict:
    """End an exception early: whoever could decide on it, an administrator, or who asked for it."""
    if person.id == requester_id and Role.AUDITOR not in person.roles:
        return Verdict()
    return _verdict(_role(person, "revoke an exception", (*DECIDERS, Role.ADMINISTRATOR)))


def _verdict(*denials: Denial | None) -> Verdict:
    return Verdict(tuple(denial for denial in denials if denial is not None))


def _role(person: Person, what: str, roles: tuple[Role, ...]) -> Denial | None:
    if Role.AUDITOR in person.roles:
        sentence = f"You hold the auditor role, and auditors only read: you cannot {what}. Ask a colleague."
        return Denial(GATE_ROLE_DENIED, sentence)
    if person.roles.isdisjoint(roles):
        needed = " or ".join(role.label for role in roles)
        exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
        return Denial(GATE_ROLE_DENIED, f"To {what} you need the role {needed}.{exempt} Ask somebody who has it.")
    return None
