"""Why somebody is asked to decide about a change: their group, how many are lacking, and what the policy saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.utils import timezone

from changes.domain.policy import Person, Role
from changes.domain.roles import group_label
from changes.domain.waiting import Work
from changes.models import ChangeRequest, Delegation, OpenStage, PlanRevision
from portal.presenters.words import both, counted

ASKED: Final = frozenset({Work.DECIDE, Work.ASSESS, Work.DELEGATED})
"""Kinds of work in which a policy asks this person."""


@dataclass(frozen=True, slots=True)
class Why:
    """What an inbox knows of open stages, the people in their groups, and the policy's own words."""

    person: Person
    now: datetime
    stages: Mapping[int, Sequence[OpenStage]] = field(default_factory=dict)
    members: Mapping[str, frozenset[int]] = field(default_factory=dict)
    sentences: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    absent: Sequence[tuple[str, frozenset[str]]] = ()

    def asked(self, change: ChangeRequest) -> tuple[str, ...]:
        """The reasons for one change, as sentences."""
        stages = self.stages.get(change.pk, ())
        own = [self._one_of(stage) for stage in stages if stage.group in self.person.roles]
        found = own or self._for_others(stages)
        said = self.sentences.get(change.revision_id or 0, {})
        stage_name = next((stage.stage for stage in stages), "")
        return tuple(sentence for sentence in (*found[:1], said.get(stage_name, "")) if sentence)

    def _one_of(self, stage: OpenStage) -> str:
        able = self.members.get(stage.group, frozenset()) - set(stage.closed_to)
        label = group_label(stage.group)
        lacks = _lacking(stage)
        if len(able) == 1:
            return f"You are the only member of {label} who can decide; {lacks}."
        return f"You are one of {len(able)} members of {label} who can decide; {lacks}."

    def _for_others(self, stages: Sequence[OpenStage]) -> list[str]:
        groups = {stage.group for stage in stages}
        names = [name for name, held in self.absent if not groups.isdisjoint(held)]
        if not names:
            return []
        return [f"You may decide for {both(names)}; {_lacking(stages[0])}."]


def _lacking(stage: OpenStage) -> str:
    return f"{counted(stage.needed, 'more approval')} {'is' if stage.needed == 1 else 'are'} needed"


def why_of(person: Person, changes: Iterable[ChangeRequest], *, delegated: bool) -> Why:
    """The reasons for some changes in review; three queries, one more where there is delegated work, or none."""
    asked = [change for change in changes if change.revision_id]
    now = timezone.now()
    if not asked:
        return Why(person, now)
    stages: dict[int, list[OpenStage]] = {}
    for row in OpenStage.objects.filter(change__in=[change.pk for change in asked]).order_by("pk"):
        stages.setdefault(row.change_id, []).append(row)
    groups = {row.group for rows in stages.values() for row in rows}
    demands = PlanRevision.objects.filter(pk__in=[change.revision_id for change in asked])
    return Why(
        person,
        now,
        stages,
        _members(groups),
        {pk: _sentences(stages) for pk, stages in demands.values_list("pk", "demand__stages")},
        _absent(person) if delegated else (),
    )


def _members(groups: Iterable[str]) -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    held = User.groups.through.objects.filter(group__name__in=[*groups, Role.AUDITOR.value], user__is_active=True)
    for name, pk in held.values_list("group__name", "user_id"):
        found.setdefault(name, set()).add(pk)
    readers = found.pop(Role.AUDITOR.value, set())
    return {name: frozenset(people - readers) for name, people in found.items()}


def _sentences(stages: object) -> Mapping[str, str]:
    rows = stages if isinstance(stages, list) else []
    return {str(row.get("name", "")): str(row.get("sentence", "")) for row in rows if isinstance(row, Mapping)}


def _absent(person: Person) -> list[tuple[str, frozenset[str]]]:
    held = Delegation.objects.in_force().filter(delegate_id=person.id).select_related("principal")
    return [
        (row.principal.get_username(), frozenset(row.groups) or _groups(row.principal))
        for row in held.prefetch_related("principal__groups")
    ]


def _groups(user: User) -> frozenset[str]:
    return frozenset(group.name for group in user.groups.all())
