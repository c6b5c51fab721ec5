"""Who may act in a stage at this moment, in their own right or for somebody absent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model

from changes.domain import policy
from changes.domain.approval_policy.delegation import ActingFor
from changes.domain.policy import ChangeFacts, Person, Stage
from changes.models import Delegation
from changes.services.delegations import domain_delegation
from changes.services.people import people_of, person_with


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who may act in a stage. ``absent`` is for whom; ``away`` says that they are out of office themselves."""

    person: Person
    absent: Person | None = None
    away_until: datetime | None = None

    @property
    def away(self) -> bool:
        """Whether the person said that they are out of office."""
        return self.away_until is not None


def able_in(facts: ChangeFacts, stage: Stage) -> tuple[Approver, ...]:
    """Everybody who may act in a stage now, by name, members before delegates; at most five queries.

    Whether they have opened the plan is not asked.
    """
    members = members_of(stage.groups)
    held = list(Delegation.objects.in_force().filter(principal__in=members)) if members else []
    away = {one.principal_id: one.ends_at for one in held if one.out_of_office}
    found = [
        Approver(person, away_until=away.get(person.id))
        for person in members.values()
        if policy.may_act_in(person, facts, stage)
    ]
    delegates = people_of(one.delegate_id for one in held if one.delegate_id is not None) if held else {}
    for one in held:
        person = delegates.get(one.delegate_id or 0)
        if person is None:
            continue
        absent = members[one.principal_id]
        acting = ActingFor(absent, domain_delegation(one))
        if policy.may_act_in(person, facts, stage, acting_for=acting):
            found.append(Approver(person, absent, away.get(person.id)))
    return tuple(found)


def members_of(groups: tuple[str, ...]) -> dict[int, Person]:
    """The active members of groups by their ids, in the order of their names; two queries."""
    users = get_user_model().objects.filter(is_active=True, groups__name__in=groups).distinct().order_by("username")
    return {user.pk: person_with(user, user.groups.all()) for user in users.prefetch_related("groups")}
