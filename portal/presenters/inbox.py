"""What waits for one person, sorted by what they have to do, each with the reason why it waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changes.domain.run_states import RunOutcome
from changes.domain.states import ChangeState, ChangeType, PlanState
from changes.domain.waiting import Work, why_urgent
from changes.models import Approval, ChangeRequest, Decision
from portal.presenters.change_rows import ChangeRow
from portal.presenters.inbox_reasons import ASKED, Why
from portal.presenters.inbox_tasks import TaskRow
from portal.presenters.links import page_url
from portal.presenters.visible import visible

COMMENT_SHOWN = 240


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One change to work on. ``note`` says how it stands; ``comment`` is what the reviewer ``comment_by`` asked for.

    ``reasons`` say why it is this person who is asked, ``urgent`` why it hurries.
    """

    change: ChangeRow
    url: str
    action: str
    note: str
    tone: str
    since_label: str
    since: datetime | None
    reasons: tuple[str, ...] = ()
    urgent: str = ""
    comment: str = ""
    comment_by: str = ""


@dataclass(frozen=True, slots=True)
class InboxGroup:
    """Things of one kind: what to do, and why it is this person who has to. ``count`` ends in + where it was cut."""

    key: str
    title: str
    why: str
    rows: tuple[InboxRow | TaskRow, ...]
    count: str
    all_url: str = ""
    selectable: bool = False
    are_changes: bool = True


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    why: str
    action: str
    page: str
    since_label: str
    selectable: bool = False


_KINDS: Final[Mapping[Work, _Kind]] = {
    Work.GATE: _Kind(
        "To let go on",
        "A wave is done, and the run waits for your role. Without an answer in time it is aborted.",
        "Look and decide",
        "change-gate",
        "changed",
    ),
    Work.DECIDE: _Kind(
        "To decide",
        "The plan is assessed; your approval signs it, or a reason sends it back.",
        "Review and decide",
        "change-plan",
        "submitted",
        selectable=True,
    ),
    Work.ASSESS: _Kind(
        "To assess",
        "Read what each device would get, then say whether it is sound.",
        "Review and assess",
        "change-plan",
        "submitted",
        selectable=True,
    ),
    Work.DELEGATED: _Kind(
        "Delegated to you",
        "You hold a delegation of somebody who is asked here.",
        "Review for them",
        "change-plan",
        "submitted",
        selectable=True,
    ),
    Work.STALE: _Kind(
        "Your stale changes",
        "What they were approved for is no longer so: revise them, and plan them again.",
        "Revise",
        "change-detail",
        "changed",
    ),
    Work.START: _Kind(
        "To start",
        "You are an implementer: these are approved and nobody has started them yet.",
        "Open and start",
        "change-detail",
        "approved",
        selectable=True,
    ),
    Work.CLOSE: _Kind(
        "To close",
        "You are a change manager: the run has ended, its result has to be judged and the change closed.",
        "Review and close",
        "change-detail",
        "ended",
    ),
    Work.DRAFT: _Kind(
        "Your drafts",
        "You wrote these: plan them, read the plan, and submit it.",
        "Continue",
        "change-detail",
        "edited",
        selectable=True,
    ),
}
CHANGE_KINDS: Final = frozenset(_KINDS)


def change_group(
    kind: Work, changes: Sequence[ChangeRequest], rows: Mapping[int, ChangeRow], why: Why, *, count: str, all_url: str
) -> InboxGroup:
    """A group of changes; ``rows`` are theirs, and ``why`` knows who is asked. One query for drafts, else none."""
    words = _KINDS[kind]
    wishes = _wishes(changes) if kind is Work.DRAFT else {}
    found = tuple(_row(kind, change, rows[change.pk], why, wishes.get(change.pk)) for change in changes)
    return InboxGroup(kind.value, words.title, words.why, found, count, all_url, words.selectable)


def _row(kind: Work, change: ChangeRequest, row: ChangeRow, why: Why, wish: Approval | None) -> InboxRow:
    words = _KINDS[kind]
    note, tone = ("Sent back: change it and plan it again", "warn") if wish else _note(change, row)
    return InboxRow(
        change=row,
        url=page_url(words.page, change.pk) or row.url,
        action=words.action,
        note=note,
        tone=tone,
        since_label=words.since_label,
        since=change.submitted_at if words.since_label == "submitted" else change.updated_at,
        reasons=why.asked(change) if kind in ASKED else (),
        urgent=why_urgent(
            emergency=change.type == ChangeType.EMERGENCY and kind not in {Work.DRAFT, Work.STALE},
            window_start=change.window_start,
            now=why.now,
        ),
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
