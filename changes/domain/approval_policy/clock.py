"""What time does to an approval: reminders, escalation, expiry. Nothing here can approve anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from changes.domain.approval_facts import ApprovalFact, ChangeFacts, live_approvals
from changes.domain.approval_policy.stages import Stage, counted_in, groups_lacking, quorum_met
from changes.domain.labels import Labelled


class Notice(Labelled):
    """What is due for a stage that waits."""

    REMIND = "remind"
    """Tell who may act in the stage."""
    ESCALATE = "escalate"
    """Tell the groups that the stage names for this. They gain no right to decide."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A stage that is open: since when, when its people were last reminded, and whether it was escalated."""

    stage: Stage
    opened_at: datetime
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None

    @property
    def remind_at(self) -> datetime | None:
        """When the next reminder is due; None: never."""
        hours = self.stage.remind_every_h
        return (self.reminded_at or self.opened_at) + timedelta(hours=hours) if hours else None

    @property
    def escalate_at(self) -> datetime | None:
        """When it is escalated; None: never, or it was."""
        hours = self.stage.escalate_after_h
        return self.opened_at + timedelta(hours=hours) if hours and self.escalated_at is None else None


@dataclass(frozen=True, slots=True)
class Due:
    """One notice that is due, and the groups whose members get it."""

    notice: Notice
    groups: tuple[str, ...]


def due(waiting: Waiting, now: datetime) -> tuple[Due, ...]:
    """The notices that are due at this moment. After an outage each is due once, not once for each hour missed."""
    found = []
    if waiting.remind_at is not None and now >= waiting.remind_at:
        found.append(Due(Notice.REMIND, waiting.stage.groups))
    if waiting.escalate_at is not None and now >= waiting.escalate_at:
        found.append(Due(Notice.ESCALATE, waiting.stage.escalate_to))
    return tuple(found)


def next_look(waiting: Waiting) -> datetime | None:
    """When to look at this stage again; None: nothing will be due by itself."""
    return min((moment for moment in (waiting.remind_at, waiting.escalate_at) if moment), default=None)


def expires_at(facts: ChangeFacts) -> datetime | None:
    """When the first stage that has all its approvals loses one that it needs; None: by time alone, never.

    At that moment a change that is approved or scheduled becomes stale.
    """
    live = live_approvals(facts)
    losses = [_lost_at(stage, live) for stage in facts.stages if quorum_met(stage, live)]
    return min((moment for moment in losses if moment), default=None)


def _lost_at(stage: Stage, live: Sequence[ApprovalFact]) -> datetime | None:
    given = [fact.given_at for fact in live if fact.stage == stage.name and fact.given_at is not None]
    for moment in filter(None, map(stage.expires_at, sorted(given))):
        if not quorum_met(stage, [one for one in live if not _over(one, stage, moment)]):
            return moment
    return None


def _over(fact: ApprovalFact, stage: Stage, moment: datetime) -> bool:
    return fact.stage == stage.name and stage.has_expired(fact.given_at, moment)


@dataclass(frozen=True, slots=True)
class QuorumStanding:
    """N of M: how far a stage is. ``able`` are people who may still act in it."""

    needed: int
    given: int
    able: int
    groups_lacking: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether the stage has all it needs."""
        return self.given >= self.needed and not self.groups_lacking

    @property
    def reachable(self) -> bool:
        """Whether enough people are left; if not, somebody has to join a group or withdraw an abstention."""
        return self.met or self.given + self.able >= self.needed

    @property
    def sentence(self) -> str:
        """How far it is: "1 of 2 approvals given; 3 people may still give one."."""
        people = "1 person" if self.able == 1 else f"{self.able} people"
        words = f"{self.given} of {self.needed} approvals given; {people} may still give one."
        return words if self.reachable else f"{words} That is not enough: ask an administrator to add members."


def standing(stage: Stage, facts: ChangeFacts, able: Iterable[int]) -> QuorumStanding:
    """How far a stage is; ``able`` are the ids of those whom :func:`changes.domain.policy.may_act_in` allows."""
    counted = counted_in(stage, live_approvals(facts))
    used = {person for fact in counted for person in fact.people}
    return QuorumStanding(stage.quorum, len(counted), len(set(able) - used), groups_lacking(stage, counted))
