"""Who may write, review, deprecate and give back a template: never one person alone, and nobody is exempt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from changes.domain.policy import GATE_DUPLICATE, GATE_ROLE_DENIED, GATE_SELF_APPROVAL, Denial, Person, Role, Verdict

REVIEWERS: Final = (Role.PEER, Role.CAB)


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What the rules need to know of one version.

    ``editor_ids`` is everybody who wrote a part of it, or proposed it; ``reviewed`` maps the role of each standing
    review to who gave it.
    """

    editor_ids: frozenset[int]
    owner_id: int
    pre_approves: bool
    reviewed: dict[str, int]

    @property
    def needed(self) -> tuple[Role, ...]:
        """Whose reviews it needs: a peer's, and with an envelope that of the CAB, which then is not asked each time."""
        return REVIEWERS if self.pre_approves else (Role.PEER,)

    @property
    def lacking(self) -> tuple[Role, ...]:
        """The roles that have not reviewed it yet."""
        return tuple(role for role in self.needed if role not in self.reviewed)


def may_write_template(person: Person) -> Verdict:
    """Write a template or a new version: requesters. Whoever does can no longer review it, nor approve its changes."""
    return _verdict(_role(person, "write a template", Role.REQUESTER))


def may_propose(person: Person, facts: VersionFacts) -> Verdict:
    """Propose a draft, or take it back: who wrote a part of it, or the owner."""
    own = None
    if person.id not in facts.editor_ids | {facts.owner_id}:
        own = Denial(GATE_ROLE_DENIED, "Only somebody who wrote the version, or the template's owner, can do this.")
    return _verdict(_role(person, "propose a template", Role.REQUESTER), own)


def may_review(person: Person, facts: VersionFacts) -> Verdict:
    """Approve a proposed version: somebody who wrote nothing of it, once, by the right of a role that is lacking."""
    roles = facts.lacking or facts.needed
    cab = " It approves changes in advance, so the CAB reviews it as well as a peer." if facts.pre_approves else ""
    denial = _role(person, "review this version", *roles)
    if denial and cab:
        denial = Denial(denial.code, denial.sentence + cab)
    twice = None
    if person.id in facts.reviewed.values():
        twice = Denial(GATE_DUPLICATE, "You have reviewed this version already. Somebody else gives the other review.")
    return _verdict(denial, _not_editor(person, facts, "review it"), twice)


def may_return(person: Person, facts: VersionFacts) -> Verdict:
    """Send a proposed version back: any reviewer or change manager who wrote nothing of it."""
    return _verdict(
        _role(person, "send this version back", *REVIEWERS, Role.CHANGE_MANAGER),
        _not_editor(person, facts, "send it back"),
    )


def reviewing_role(person: Person, facts: VersionFacts) -> Role | None:
    """The lacking role by whose right a person reviews; None: they have none."""
    return next((role for role in facts.lacking if role in person.roles), None)


def may_maintain(person: Person, *, owner_id: int) -> Verdict:
    """Rename a template, hand it on, or deprecate it: its owner, or a change manager."""
    if person.id == owner_id and Role.AUDITOR not in person.roles:
        return Verdict()
    return _verdict(_role(person, "maintain a template of somebody else", Role.CHANGE_MANAGER))


def may_restore(person: Person, *, involved_ids: Collection[int]) -> Verdict:
    """Give a template its pre-approval back: a change manager with no hand in the template or the failed changes."""
    own = None
    if person.id in involved_ids:
        sentence = (
            "You wrote or implemented one of the failed changes, or a part of the template, so you cannot give its"
            " pre-approval back. Ask another change manager."
        )
        own = Denial(GATE_SELF_APPROVAL, sentence)
    return _verdict(_role(person, "give a pre-approval back", Role.CHANGE_MANAGER), own)


def _not_editor(person: Person, facts: VersionFacts, what: str) -> Denial | None:
    if person.id not in facts.editor_ids:
        return None
    sentence = f"You wrote a part of this version, so you cannot {what}. Ask somebody who wrote nothing of it."
    return Denial(GATE_SELF_APPROVAL, sentence)


def _verdict(*denials: Denial | None) -> Verdict:
    return Verdict(tuple(denial for denial in denials if denial is not None))


def _role(person: Person, what: str, *roles: Role) -> Denial | None:
    if Role.AUDITOR in person.roles:
        sentence = f"You hold the auditor role, and auditors only read: you cannot {what}. Ask a colleague."
        return Denial(GATE_ROLE_DENIED, sentence)
    if person.roles.isdisjoint(roles):
        needed = " or ".join(role.label for role in roles)
        exempt = " Being a superuser does not replace the role." if person.is_superuser else ""
        return Denial(GATE_ROLE_DENIED, f"To {what} you need the role {needed}.{exempt} Ask somebody who has it.")
    return None
