"""Who decided what about a change, stage by stage, who can still act, and which plan each decision signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.urls import reverse

from changes.domain import policy
from changes.domain.states import IN_REVIEW, ChangeState
from changes.models import Approval, Decision
from changes.services.approvers import Approver
from changes.services.stage_standings import StageStanding, stage_standings
from portal.presenters.selection import Selection
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.presenters.words import either, group_label


@dataclass(frozen=True, slots=True)
class Signature:
    """One decision; ``void`` no longer counts, nor does an ``expired`` one; ``present`` names the plan of now.

    ``carried_from`` is the digest that the person saw, where the approval was carried over from a revision before.
    """

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
    because: str = ""
    group: str = ""
    on_behalf_of: str = ""
    carried_from: str = ""
    expired: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage of the ladder; ``status`` is passed, waiting or pending. ``able`` says who may still act."""

    number: int
    name: str
    group: str
    status: str
    quorum: int
    given: int
    signatures: tuple[Signature, ...]
    because: str = ""
    sentence: str = ""
    able: tuple[str, ...] = ()
    reachable: bool = True
    lacking: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The approvals tab: the stages with what counts, all other decisions, newest first, and one's own to take back.

    ``may_abstain`` and ``may_withdraw`` are whether the buttons are this person's now.
    """

    rungs: tuple[Rung, ...]
    history: tuple[Signature, ...]
    may_abstain: bool = False
    may_withdraw: bool = False
    withdrawing: str = ""
    withdraw_url: str = ""
    abstain_url: str = ""
    digest: str = ""


def ladder_of(sight: Sight, mask: Mask) -> Ladder:
    """The stages and all decisions; one query, and five for each stage that waits."""
    rows = Approval.objects.filter(change=sight.change).select_related("approver", "on_behalf_of", "revision")
    expiry = {stage.name: stage.expires_after_h for stage in sight.facts.stages}
    history = tuple(_signature(row, sight, mask, expiry) for row in rows.order_by("-pk"))
    standings = stage_standings(sight.change, sight.facts)
    return Ladder(
        rungs=tuple(_rung(number, one, history) for number, one in enumerate(standings, start=1)),
        history=tuple(signature for signature in history if signature.void or not signature.present),
        may_abstain=sight.may_abstain,
        may_withdraw=bool(policy.may_withdraw_decision(sight.person, sight.facts)),
        withdrawing=_withdrawing(sight),
        withdraw_url=reverse("decision-withdraw", args=[sight.change.pk]),
        abstain_url=reverse("change-abstain", args=[sight.change.pk]),
        digest=sight.facts.plan_digest,
    )


def _withdrawing(sight: Sight) -> str:
    """What becomes of the change when the person withdraws."""
    if sight.state in {ChangeState.APPROVED, ChangeState.SCHEDULED}:
        return "The change goes back to its authorization if too few approvals are left. Others go on counting."
    return "Your decision no longer counts; you can decide again."


def _rung(number: int, one: StageStanding, history: tuple[Signature, ...]) -> Rung:
    counts = tuple(
        replace(signature, stage="")
        for signature in reversed(history)
        if signature.stage == group_label(one.stage.name) and signature.present and not signature.void
    )
    groups = either([group_label(group) for group in one.stage.groups])
    return Rung(
        number=number,
        name=_name(one),
        group=groups,
        status="passed" if one.quorum.met else "waiting" if one.open else "pending",
        quorum=one.quorum.needed,
        given=one.quorum.given,
        signatures=counts,
        because=one.because,
        sentence=one.quorum.sentence,
        able=tuple(_able(who) for who in one.able),
        reachable=one.quorum.reachable,
        lacking=either([group_label(group) for group in one.quorum.groups_lacking]),
    )


def _name(one: StageStanding) -> str:
    step = "assessment" if one.stage.event == "assess" else "authorization"
    return f"{one.title}: {step}"


def _able(who: Approver) -> str:
    name = who.person.username if who.absent is None else f"{who.person.username} for {who.absent.username}"
    return f"{name}, out of office until {who.away_until:%Y-%m-%d}" if who.away_until else name


def _signature(row: Approval, sight: Sight, mask: Mask, expiry: dict[str, int]) -> Signature:
    current = sight.revision
    present = current is not None and row.revision_id == current.pk and row.plan_digest == current.digest
    revision = 0 if present else row.revision.number
    hours = expiry.get(row.stage, 0) if present and row.decision == Decision.APPROVED else 0
    ends = row.created_at + timedelta(hours=hours) if hours else None
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
        because=row.get_void_cause_display() if row.void_cause else "",
        group=group_label(row.group) if row.group else "",
        on_behalf_of=row.on_behalf_of.get_username() if row.on_behalf_of else "",
        carried_from=row.carried_from,
        expired=bool(ends and sight.facts.now and sight.facts.now >= ends),
        expires_at=ends if sight.state in IN_REVIEW | {ChangeState.APPROVED, ChangeState.SCHEDULED} else None,
    )
