"""Who decided what about a change, stage by stage, and which plan each decision signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from changes.domain import policy
from changes.domain.policy import Stage
from changes.domain.states import IN_REVIEW
from changes.models import Approval, Decision
from portal.presenters.because import Asked, asked_of
from portal.presenters.selection import Selection
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.presenters.words import either, group_label


@dataclass(frozen=True, slots=True)
class Signature:
    """One decision; ``void`` no longer counts, ``present`` names the plan that stands now."""

    who: str
    decision: str
    stage: str
    at: datetime
    digest: str
    revision: int
    plan_url: str
    comment: str
    void: bool
    voided_at: datetime | None
    present: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage of the ladder; ``status`` is passed, waiting or pending."""

    number: int
    name: str
    group: str
    status: str
    quorum: int
    given: int
    signatures: tuple[Signature, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The approvals tab: the stages with what counts and why they are asked, and all other decisions, newest first."""

    rungs: tuple[Rung, ...]
    history: tuple[Signature, ...]
    asked: Asked


def ladder_of(sight: Sight, mask: Mask) -> Ladder:
    """The stages and all decisions; one query. Of a draft the stages are those that the active policy would ask."""
    asked = asked_of(sight)
    stages = asked.demand.as_stages() if asked.foreseen else sight.facts.stages
    rows = Approval.objects.filter(change=sight.change).select_related("approver", "revision").order_by("-pk")
    history = tuple(_signature(row, sight, mask) for row in rows)
    live = policy.live_approvals(sight.facts)
    waiting = policy.stage_open(sight.facts.stages, live) if sight.state in IN_REVIEW else None
    return Ladder(
        rungs=tuple(_rung(number, stage, waiting, history, asked) for number, stage in enumerate(stages, start=1)),
        history=tuple(signature for signature in history if signature.void or not signature.present),
        asked=asked,
    )


def _rung(number: int, stage: Stage, waiting: Stage | None, history: tuple[Signature, ...], asked: Asked) -> Rung:
    counts = tuple(
        signature
        for signature in reversed(history)
        if signature.stage == group_label(stage.name) and signature.present and not signature.void
    )
    given = sum(signature.decision == Decision.APPROVED for signature in counts)
    status = "passed" if given >= stage.quorum else "waiting" if stage == waiting else "pending"
    group = either([group_label(name) for name in stage.groups])
    name = asked.titles.get(stage.name, group_label(stage.name))
    why = asked.reasons.get(stage.name, "")
    return Rung(number, name, group, status, stage.quorum, given, tuple(_named(s) for s in counts), why)


def _named(signature: Signature) -> Signature:
    return replace(signature, stage="")


def _signature(row: Approval, sight: Sight, mask: Mask) -> Signature:
    current = sight.revision
    present = current is not None and row.revision_id == current.pk and row.plan_digest == current.digest
    revision = 0 if present else row.revision.number
    return Signature(
        who=row.approver.get_username(),
        decision=row.decision,
        stage=group_label(row.stage),
        at=row.created_at,
        digest=row.plan_digest,
        revision=row.revision.number,
        plan_url=Selection(sight.change.pk, revision=revision).url(),
        comment=mask.prose(row.comment),
        void=row.voided_at is not None,
        voided_at=row.voided_at,
        present=present,
    )
