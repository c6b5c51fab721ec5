"""Keeping the table of open stages true: it follows every decision and every step of a change in review."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from changes.domain.approval_facts import ChangeFacts, Decision, live_approvals
from changes.domain.approval_policy.stages import Stage, counted_in, groups_lacking, stage_open
from changes.domain.policy import barred_from_deciding
from changes.domain.states import IN_REVIEW, ChangeState
from changes.models import ChangeRequest, OpenStage
from changes.services.people import facts_of


def open_stages_settle(change: ChangeRequest) -> None:
    """Write down which stage of a change is open now, for which groups. Idempotent.

    Call it in the transaction of every decision and step that can open or close a stage, after its rows are written,
    with the change locked. Outside of the review one DELETE; in it the queries of ``facts_of`` and at most three.
    """
    rows = _rows(change) if ChangeState(change.state) in IN_REVIEW else []
    held = OpenStage.objects.filter(change=change)
    if not rows:
        held.delete()
        return
    opened = held.filter(stage=rows[0].stage).values_list("since", flat=True).first()
    held.exclude(group__in=[row.group for row in rows]).delete()
    for row in rows:
        row.since = opened or Now()
    OpenStage.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["change", "group"],
        update_fields=["stage", "event", "needed", "quorum", "since", "delegates", "closed_to", "until"],
    )


def open_stages_review(*, limit: int = 100) -> int:
    """Settle the changes in which an approval has expired since, and those in review without a row; returns how many.

    Asked from time to time by the dispatcher. Time alone only ever opens a stage again: it approves nothing. Rows are
    missing after an upgrade from a version without them, or when somebody emptied the table.
    """
    due = OpenStage.objects.filter(until__lte=Now()).values_list("change_id", flat=True).distinct()
    rowless = ChangeRequest.objects.filter(~Exists(OpenStage.objects.filter(change=OuterRef("pk"))))
    lost = rowless.filter(state__in=sorted(IN_REVIEW)).order_by("pk").values_list("pk", flat=True)
    changes = [*due[:limit], *lost[:limit]]
    for change_id in changes:
        _settle_locked(change_id)
    return len(changes)


@transaction.atomic
def _settle_locked(change_id: int) -> None:
    locked = ChangeRequest.objects.select_for_update(of=("self",)).select_related("revision")
    open_stages_settle(locked.get(pk=change_id))


def _rows(change: ChangeRequest) -> list[OpenStage]:
    facts = facts_of(change)
    live = live_approvals(facts)
    stage = stage_open(facts.stages, live)
    if stage is None:
        return []
    counted = counted_in(stage, live)
    lacking = groups_lacking(stage, counted)
    needed = max(stage.quorum - len(counted), len(lacking))
    groups = lacking if lacking and len(lacking) == needed else stage.groups
    closed_to, until = sorted(barred_from_deciding(facts)), _next_expiry(facts)
    return [
        OpenStage(
            change=change,
            stage=stage.name,
            event=stage.event.value,
            group=group,
            needed=needed,
            quorum=stage.quorum,
            delegates=list(stage.delegates),
            closed_to=closed_to,
            until=until,
        )
        for group in groups
    ]


def _next_expiry(facts: ChangeFacts) -> datetime | None:
    stages = {stage.name: stage for stage in facts.stages}
    return min(_expiries(facts, stages), default=None)


def _expiries(facts: ChangeFacts, stages: dict[str, Stage]) -> Iterable[datetime]:
    for fact in live_approvals(facts):
        stage = stages.get(fact.stage)
        ends = stage.expires_at(fact.given_at) if stage and fact.given_at else None
        if ends and fact.decision is Decision.APPROVED:
            yield ends
