"""Telling people what was decided about their change, and reviewers that a stage waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from audit.actor import Actor
from changes.domain.approval_facts import ChangeFacts
from changes.domain.approval_policy.stages import Stage
from changes.domain.notifications import Topic
from changes.domain.roles import group_label
from changes.models import ChangeRequest
from changes.services.approvers import Approver, able_in
from changes.services.notifying import notify

_TOPICS: Final = {"sent back": Topic.CHANGES_REQUESTED, "approval withdrawn": Topic.APPROVAL_VOID}


def tell_authors(change: ChangeRequest, actor: Actor, what: str, sentence: str = "") -> None:
    """Tell who wrote and who last edited a change, but not who acts, what became of it."""
    notify(
        _TOPICS.get(what, Topic.DECIDED),
        people={change.author_id, change.last_editor_id} - {actor.user_id},
        subject=f"{change.number} {what} by {actor.username}",
        sentence=sentence or change.title,
        change=change,
        path=f"/changes/{change.pk}/approvals/",
    )


def tell_reviewers(
    topic: Topic, change: ChangeRequest, facts: ChangeFacts, stage: Stage, *, since: str = ""
) -> tuple[int, ...]:
    """Tell who may act in a stage that it waits; returns whom. Instead of who is out of office the delegate is told."""
    people = reachable(able_in(facts, stage))
    groups = " or ".join(group_label(group) for group in stage.groups)
    notify(
        topic,
        people=people,
        subject=f"{change.number} waits for {groups}: {change.title}",
        sentence=f"The stage {stage.name} needs {stage.quorum} of {groups}.{since} Open the plan, read it, and decide.",
        change=change,
        path=f"/changes/{change.pk}/plan/",
    )
    return people


def reachable(able: Iterable[Approver]) -> tuple[int, ...]:
    """Whom to tell: who may act and is there; where nobody is, all who may act."""
    found = list(able)
    there = [one.person.id for one in found if not one.away]
    return tuple(sorted(set(there or [one.person.id for one in found])))
