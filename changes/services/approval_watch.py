"""Reminders, escalations and expiry of approvals. Time only ever tells people or takes away; it approves nothing."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef

from audit.actor import Actor
from changes.domain.approval_facts import ChangeFacts, lapsed_approvals, live_approvals
from changes.domain.approval_policy.clock import Due, Notice, Waiting, due, expires_at, next_look
from changes.domain.approval_policy.stages import Stage, stage_open
from changes.domain.notifications import Topic
from changes.domain.roles import group_label
from changes.domain.states import IN_REVIEW, ChangeEvent, ChangeState
from changes.models import ApprovalWatch, ChangeRequest
from changes.services.decision_news import tell_reviewers
from changes.services.notifying import notify
from changes.services.open_stages import open_stages_settle
from changes.services.people import facts_of, lock_change
from changes.services.transitions import audit_change, move
from changes.services.windows import database_now

CLOCK: Final = Actor.system("approval-clock")
WATCHED: Final = IN_REVIEW | {ChangeState.APPROVED, ChangeState.SCHEDULED}
STEP: Final = 200
"""Changes that one call looks at; what is left is due at the next one."""

logger = logging.getLogger(__name__)


def approval_watch_settle(change: ChangeRequest) -> None:
    """Note which stage of a locked change is open now and when to look at it again; tell who may act in a new one.

    Call it after the rows of a decision are written. Idempotent. Outside of the review and the wait for a start there
    is no note.
    """
    if ChangeState(change.state) not in WATCHED or change.revision is None:
        ApprovalWatch.objects.filter(change=change).delete()
        return
    facts = facts_of(change)
    stage = stage_open(facts.stages, live_approvals(facts)) if facts.state in IN_REVIEW else None
    watch = ApprovalWatch.objects.filter(change=change).first()
    name = stage.name if stage else ""
    if watch is None or (watch.stage, watch.revision_id) != (name, change.revision.pk):
        watch = ApprovalWatch(
            pk=watch.pk if watch else None,
            change=change,
            revision=change.revision,
            stage=name,
            opened_at=facts.now or database_now(),
        )
        if stage is not None:
            tell_reviewers(Topic.APPROVAL_WAITS, change, facts, stage)
    watch.look_at = _look_at(watch, stage, facts)
    watch.save()


def approvals_look(*, limit: int = STEP) -> int:
    """Do what is due: remind, escalate, let what expired expire; returns how many changes were looked at.

    Called once a minute by a worker, and safe to call twice. Each change in a transaction of its own, with its row
    locked; one change's trouble does not stop the others.
    """
    now = database_now()
    states = [state.value for state in WATCHED]
    ApprovalWatch.objects.exclude(change__state__in=states).delete()
    watched = ApprovalWatch.objects.filter(change=OuterRef("pk"))
    waiting = ChangeRequest.objects.filter(state__in=states, revision__isnull=False)
    unknown = waiting.filter(~Exists(watched)).order_by("pk").values_list("pk", flat=True)
    overdue = ApprovalWatch.objects.filter(look_at__lte=now).order_by("look_at").values_list("change_id", flat=True)
    ids = list(dict.fromkeys([*overdue[:limit], *unknown[:limit]]))
    for change_id in ids:
        _look_safely(change_id)
    return len(ids)


def _look_safely(change_id: int) -> None:
    try:
        with transaction.atomic():
            _look(lock_change(change_id))
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("Change %s could not be looked at; the others go on", change_id)


def _look(change: ChangeRequest) -> None:
    """What is due for one locked change. A change on hold waits: nobody is reminded of it, and it still expires."""
    if ChangeState(change.state) in {ChangeState.APPROVED, ChangeState.SCHEDULED} and change.revision is not None:
        _expire_if_due(change, facts_of(change))
    approval_watch_settle(change)
    watch = ApprovalWatch.objects.filter(change=change).exclude(stage="").first()
    if watch is None:
        return
    facts = facts_of(change)
    open_stages_settle(change)
    stage = next((one for one in facts.stages if one.name == watch.stage), None)
    if stage is None or facts.now is None:
        return
    for one in due(_waiting(watch, stage), facts.now):
        if not change.on_hold:
            _tell(one, change, facts, stage, watch)
        if one.notice is Notice.REMIND:
            watch.reminded_at = facts.now
        else:
            watch.escalated_at = facts.now
    watch.look_at = _look_at(watch, stage, facts)
    watch.save()


def _expire_if_due(change: ChangeRequest, facts: ChangeFacts) -> None:
    """An approved change whose approvals no longer suffice becomes stale; a pre-approved one has none to lose."""
    lacking = stage_open(facts.stages, live_approvals(facts))
    if lacking is None:
        return
    gone = len(lapsed_approvals(facts))
    why = f"the time of {'1 approval is' if gone == 1 else f'{gone} approvals is'} over"
    if not gone:
        why = "somebody who approved it has had a hand in the change since"
    sentence = f"The stage {lacking.name} has too few approvals that count: {why}."
    move(change, ChangeEvent.EXPIRE, actor=CLOCK, reason=sentence, details={"stage": lacking.name, "expired": gone})
    notify(
        Topic.STALE,
        people={change.author_id, change.last_editor_id},
        subject=f"{change.number} is stale: approvals expired",
        sentence=f"{sentence} Revise the change, plan it again and have it approved.",
        change=change,
        path=f"/changes/{change.pk}/",
    )


def _tell(one: Due, change: ChangeRequest, facts: ChangeFacts, stage: Stage, watch: ApprovalWatch) -> None:
    since = f" It has waited since {watch.opened_at:%Y-%m-%d %H:%M} UTC."
    if one.notice is Notice.REMIND:
        told = len(tell_reviewers(Topic.REMINDER, change, facts, stage, since=since))
    else:
        told = _escalate(change, stage, one.groups, since)
    action = "change.approval_reminded" if one.notice is Notice.REMIND else "change.approval_escalated"
    audit_change(change, action, actor=CLOCK, details={"stage": stage.name, "groups": list(one.groups), "people": told})


def _escalate(change: ChangeRequest, stage: Stage, groups: tuple[str, ...], since: str) -> int:
    """Tell the groups that the stage names; it gives them no right to decide."""
    people = set(get_user_model().objects.filter(is_active=True, groups__name__in=groups).values_list("pk", flat=True))
    asked = " or ".join(group_label(group) for group in stage.groups)
    notify(
        Topic.ESCALATION,
        people=people,
        subject=f"{change.number} still waits for {asked}: {change.title}",
        sentence=f"The stage {stage.name} is not decided.{since} See to it that somebody of {asked} reads the plan.",
        change=change,
        path=f"/changes/{change.pk}/approvals/",
    )
    return len(people)


def _look_at(watch: ApprovalWatch, stage: Stage | None, facts: ChangeFacts) -> datetime | None:
    notice = next_look(_waiting(watch, stage)) if stage is not None else None
    return min((moment for moment in (notice, expires_at(facts)) if moment is not None), default=None)


def _waiting(watch: ApprovalWatch, stage: Stage) -> Waiting:
    return Waiting(stage, watch.opened_at, watch.reminded_at, watch.escalated_at)
