"""Each stage that is asked of a change: how far it is, why it is asked, and who may still act in it."""

from __future__ import annotations

from dataclasses import dataclass

from changes.domain.approval_policy.clock import QuorumStanding, standing
from changes.domain.policy import ChangeFacts, Stage, live_approvals, stage_open
from changes.domain.states import IN_REVIEW
from changes.models import ChangeRequest
from changes.services.approvers import Approver, able_in
from changes.services.demanding import demand_of


@dataclass(frozen=True, slots=True)
class StageStanding:
    """One stage. ``open`` says that decisions count in it now; ``able`` are those who may act, while it is not met."""

    stage: Stage
    title: str
    because: str
    open: bool
    quorum: QuorumStanding
    able: tuple[Approver, ...]


def stage_standings(change: ChangeRequest, facts: ChangeFacts) -> tuple[StageStanding, ...]:
    """The stages in their order; five queries for each that still lacks approvals, none for the others.

    Who may still act is only looked up in review.

    Raises:
        PlanIntegrityError: what the policy asked was altered.
    """
    asked = {one.stage.name: one for one in demand_of(change.revision).stages} if change.revision else {}
    live = live_approvals(facts)
    waiting = stage_open(facts.stages, live) if facts.state in IN_REVIEW else None
    found = []
    for stage in facts.stages:
        met = standing(stage, facts, ()).met
        able = able_in(facts, stage) if facts.state in IN_REVIEW and not met else ()
        known = asked.get(stage.name)
        found.append(
            StageStanding(
                stage=stage,
                title=known.title if known else stage.name,
                because=known.sentence if known else "",
                open=stage == waiting,
                quorum=standing(stage, facts, {one.person.id for one in able}),
                able=able,
            )
        )
    return tuple(found)
