"""What waits for one person, sorted by what they have to do, each with the reason why it waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changes.domain.run_states import RunOutcome
from changes.domain.states import ChangeState, PlanState
from changes.models import Approval, ChangeRequest, Decision
from portal.presenters.change_rows import ChangeRow, change_rows
from portal.presenters.links import page_url
from portal.presenters.visible import visible

COMMENT_SHOWN = 240


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One thing to do. ``note`` says how it stands; ``comment`` is what the reviewer ``comment_by`` asked for."""

    change: ChangeRow
    url: str
    action: str
    note: str
    tone: str
    since_label: str
    since: datetime | None
    comment: str = ""
    comment_by: str = ""


@dataclass(frozen=True, slots=True)
class InboxGroup:
    """Things of one kind: what to do, and why it is this person who has to."""

    key: str
    title: str
    why: str
    rows: tuple[InboxRow, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    key: str
    title: str
    why: str
    action: str
    states: frozenset[ChangeState]
    page: str
    since_label: str


_KINDS: Final = (
    _Kind(
        "decide",
        "To decide",
        "You are on the CAB: peers have assessed the plan, now your approval signs it or a reason sends it back.",
        "Review and decide",
        frozenset({ChangeState.AUTHORIZATION}),
        "change-plan",
        "submitted",
    ),
    _Kind(
        "assess",
        "To assess",
        "You are a technical peer: read what each device would get, then say whether it is sound.",
        "Review and assess",
        frozenset({ChangeState.ASSESSMENT}),
        "change-plan",
        "submitted",
    ),
    _Kind(
        "start",
        "To start",
        "You are an implementer: these are approved and nobody has started them yet.",
        "Open and start",
        frozenset({ChangeState.APPROVED, ChangeState.SCHEDULED}),
        "change-detail",
        "approved",
    ),
    _Kind(
        "gate",
        "To let go on",
        "A wave is done, and the run waits for your role. Without an answer in time it is aborted.",
        "Look and decide",
        frozenset({ChangeState.IMPLEMENTING, ChangeState.PAUSED}),
        "change-gate",
        "changed",
    ),
    _Kind(
        "close",
        "To close",
        "You are a change manager: the run has ended, its result has to be judged and the change closed.",
        "Review and close",
        frozenset({ChangeState.REVIEW}),
        "change-detail",
        "ended",
    ),
    _Kind(
        "draft",
        "Your drafts",
        "You wrote these, and nobody else can move them on.",
        "Continue",
        frozenset({ChangeState.DRAFT, ChangeState.STALE}),
        "change-detail",
        "edited",
    ),
)


def inbox_groups(changes: Sequence[ChangeRequest]) -> list[InboxGroup]:
    """The changes that wait for a person, in groups; at most three queries whatever their number."""
    rows = {row.id: row for row in change_rows(changes)}
    wishes = _wishes(changes)
    groups = []
    for kind in _KINDS:
        own = [change for change in changes if change.state in kind.states]
        if own:
            found = tuple(_row(change, rows[change.pk], kind, wishes.get(change.pk)) for change in own)
            groups.append(InboxGroup(kind.key, kind.title, kind.why, found))
    return groups


def _row(change: ChangeRequest, row: ChangeRow, kind: _Kind, wish: Approval | None) -> InboxRow:
    note, tone = ("Sent back: change it and plan it again", "warn") if wish else _note(change, row)
    return InboxRow(
        change=row,
        url=page_url(kind.page, change.pk) or row.url,
        action=kind.action,
        note=note,
        tone=tone,
        since_label=kind.since_label,
        since=change.submitted_at if kind.since_label == "submitted" else change.updated_at,
        comment=_short(visible(wish.comment)) if wish else "",
        comment_by=wish.approver.get_username() if wish else "",
    )


def _note(change: ChangeRequest, row: ChangeRow) -> tuple[str, str]:
    """How a change stands, beyond its state: a sentence and its tone."""
    if row.on_hold:
        return "On hold", "warn"
    if change.state == ChangeState.STALE:
        return "No longer fits its devices: revise it and plan again", "warn"
    if change.state == ChangeState.REVIEW and row.run:
        return _outcome(row.run.outcome), "ok" if row.run.outcome == RunOutcome.SUCCEEDED else "warn"
    if change.state != ChangeState.DRAFT:
        return "", "idle"
    revision = change.revision
    if revision is None:
        return "No plan yet: build one", "idle"
    return {
        PlanState.BUILDING: ("The plan is being built", "live"),
        PlanState.READY: ("The plan is ready: read it and submit", "ok"),
        PlanState.FAILED: (f"No plan: {_short(visible(revision.detail))}", "bad"),
    }.get(PlanState(revision.state), ("", "idle"))


def _outcome(outcome: str) -> str:
    return f"The run ended: {RunOutcome(outcome).label.lower()}" if outcome in set(RunOutcome) else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= COMMENT_SHOWN else line[: COMMENT_SHOWN - 1] + "…"


def _wishes(changes: Sequence[ChangeRequest]) -> Mapping[int, Approval]:
    """For each draft that a reviewer sent back and that was not planned anew: the latest wish; one query."""
    drafts = {change.pk: change.revision_id for change in changes if change.state == ChangeState.DRAFT}
    if not drafts:
        return {}
    wishes = Approval.objects.filter(change_id__in=drafts, decision=Decision.CHANGES_REQUESTED)
    return {
        wish.change_id: wish
        for wish in wishes.select_related("approver").order_by("pk")
        if drafts[wish.change_id] in {None, wish.revision_id}
    }
