"""Acting for an absent member of a group: for a limited time, and never around the separation of duties."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from changes.domain.approval_facts import Denial, Person
from changes.domain.approval_policy.stages import Stage
from changes.domain.roles import Role, group_label

LONGEST: Final = timedelta(days=92)

DELEGATION_REFUSED: Final = "DELEGATION_REFUSED"


@dataclass(frozen=True, slots=True)
class Delegation:
    """From ``start`` on and before ``end``, ``delegate_id`` may decide for ``principal_id``.

    ``groups`` are the principal's groups that it holds for; empty: all of them. It passes nothing on: who acts for
    another must act for a member of the group, not for somebody who acts for one.
    """

    principal_id: int
    delegate_id: int
    start: datetime
    end: datetime
    groups: frozenset[str] = frozenset()
    revoked_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is in force at this moment."""
        return self.start <= now < self.end and (self.revoked_at is None or now < self.revoked_at)


@dataclass(frozen=True, slots=True)
class ActingFor:
    """The absent member as they are now, with their present groups, and the delegation that is relied on."""

    principal: Person
    delegation: Delegation


def why_no_delegation(delegation: Delegation, *, others: Iterable[Delegation] = ()) -> tuple[str, ...]:
    """Sentences about a delegation that cannot be made; empty: it can. ``others`` are the principal's present ones.

    Where two would hold at the same time for the same group it would not be clear who acts.
    """
    found = []
    if delegation.principal_id == delegation.delegate_id:
        found.append("Name another person than yourself.")
    if delegation.end <= delegation.start:
        found.append("The delegation must end after it starts.")
    elif delegation.end - delegation.start > LONGEST:
        found.append(f"A delegation lasts at most {LONGEST.days} days. Give an earlier end.")
    if any(_meet(delegation, other) for other in others):
        found.append("Another delegation of yours holds in that time for the same group. End it first.")
    return tuple(found)


def group_for(stage: Stage, acting_for: ActingFor) -> str | None:
    """The principal's group by whose right the delegate acts in this stage; None: there is none."""
    named = acting_for.delegation.groups
    held = acting_for.principal.roles
    return next((group for group in stage.groups if group in held and (not named or group in named)), None)


def why_not_for(person: Person, acting_for: ActingFor, stage: Stage, now: datetime | None) -> tuple[Denial, ...]:
    """What stands against this person deciding for that one in this stage; empty: nothing.

    The separation of duties is not judged here: it is asked of both people.
    """
    principal, delegation = acting_for.principal, acting_for.delegation
    sentence = None
    if (delegation.principal_id, delegation.delegate_id) != (principal.id, person.id) or principal.id == person.id:
        sentence = f"You hold no delegation of {principal.username}. Ask them for one, or ask another member."
    elif now is None or not delegation.holds(now):
        sentence = f"The delegation of {principal.username} is not in force now. Ask another member of the group."
    elif Role.AUDITOR in person.roles or Role.AUDITOR in principal.roles:
        sentence = "Auditors only read: they neither approve for others nor have others approve for them."
    elif group_for(stage, acting_for) is None:
        groups = " or ".join(group_label(group) for group in stage.groups)
        sentence = f"{principal.username} could not decide in the stage {stage.name} either, which asks for {groups}."
    elif person.roles.isdisjoint(stage.delegates):
        allowed = " or ".join(group_label(group) for group in stage.delegates)
        who = f"only members of {allowed} act for others" if allowed else "nobody acts for others"
        sentence = f"By the policy of this change, {who} in the stage {stage.name}. Ask another member of the group."
    return () if sentence is None else (Denial(DELEGATION_REFUSED, sentence),)


def _meet(one: Delegation, other: Delegation) -> bool:
    end = min(other.end, other.revoked_at or other.end)
    same_group = not one.groups or not other.groups or not one.groups.isdisjoint(other.groups)
    return same_group and one.start < end and other.start < one.end
