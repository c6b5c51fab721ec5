"""What waits for a person beside changes: threads, decision steps, reviews and actions, as rows of an inbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from django.db.models import Model, QuerySet
from django.utils import timezone

from changes.domain.discussions import WaitReason
from changes.domain.waiting import Work
from changes.models import Review, ReviewAction, RunDecisionStep, TemplateVersion, ThreadComment, ThreadWait
from portal.presenters.links import page_url
from portal.presenters.visible import Mask, visible


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One thing to do that is no change by itself."""

    glyph: str
    title: str
    url: str
    meta: tuple[str, ...]
    action: str
    since_label: str
    since: datetime | None
    urgent: str = ""


@dataclass(frozen=True, slots=True)
class TaskKind:
    """The words of a kind, the columns that order it, and how its rows are drawn."""

    title: str
    why: str
    ordered_by: str
    related: tuple[str, ...]
    rows: Callable[[Iterable[Any], Mask], list[TaskRow]]


def tasks_of(kind: Work, rows: QuerySet[Model]) -> QuerySet[Model]:
    """The rows of a kind with what is drawn of them."""
    return rows.select_related(*TASK_KINDS[kind].related)


def _threads(waits: Iterable[ThreadWait], mask: Mask) -> list[TaskRow]:
    found = list(waits)
    latest = ThreadComment.objects.filter(thread__in=[wait.thread_id for wait in found]).select_related("author")
    last = {row.thread_id: row for row in latest.order_by("pk")}
    words = {
        WaitReason.MENTIONED: "You are mentioned",
        WaitReason.AUTHOR: "It is about your change",
        WaitReason.OPENER: "You opened it, and somebody answered",
    }
    return [
        TaskRow(
            "comment",
            _quoted(last.get(wait.thread_id), mask),
            f"{page_url('change-discussion', wait.thread.change_id)}#thread-{wait.thread_id}",
            (wait.thread.change.number, visible(wait.thread.change.title), words[WaitReason(wait.reason)]),
            "Answer",
            "since",
            wait.since,
        )
        for wait in found
    ]


def _quoted(comment: ThreadComment | None, mask: Mask) -> str:
    if comment is None:
        return "A thread"
    text = " ".join(mask.prose(comment.text).split())
    return f"{comment.author.get_username()}: {text if len(text) <= 160 else text[:159] + '…'}"


def _steps(steps: Iterable[RunDecisionStep], mask: Mask) -> list[TaskRow]:
    return [
        TaskRow(
            "signature",
            mask.prose(step.title),
            page_url("decision-step", step.run.change_id, step.pk)
            or page_url("change-decision-steps", step.run.change_id)
            or page_url("run-detail", step.run.change_id, step.run_id),
            (step.run.change.number, visible(step.run.change.title), "The run waits for your confirmation"),
            "Look and confirm",
            "waits",
            step.waits_since,
            urgent="A run waits",
        )
        for step in steps
    ]


def _reviews(reviews: Iterable[Review], mask: Mask) -> list[TaskRow]:
    del mask
    return [
        TaskRow(
            "s-review",
            f"Review of {review.change.number} {visible(review.change.title)}",
            page_url("change-review", review.change_id),
            ("Read it, then accept it or send it back",),
            "Read",
            "submitted",
            review.submitted_at,
        )
        for review in reviews
    ]


def _templates(versions: Iterable[TemplateVersion], mask: Mask) -> list[TaskRow]:
    del mask
    return [
        TaskRow(
            "template",
            f"{version.label} {visible(version.template.name)}",
            page_url("template-version", version.template_id, version.number),
            ("Approves changes in advance" if version.envelope_digest else "Read its runbook",),
            "Review",
            "proposed",
            version.proposed_at,
        )
        for version in versions
    ]


def _actions(actions: Iterable[ReviewAction], mask: Mask) -> list[TaskRow]:
    today = timezone.now().date()
    return [
        TaskRow(
            "check",
            mask.prose(action.text),
            page_url("review-action", action.pk),
            (action.number, action.review.change.number, _due(action.due_on, today)),
            "Open",
            "due",
            datetime.combine(action.due_on, time(), tzinfo=timezone.get_default_timezone()),
            urgent="Overdue" if action.due_on < today else "",
        )
        for action in actions
    ]


def _due(due_on: date, today: date) -> str:
    days = (due_on - today).days
    if days < 0:
        return f"{-days} day{'s' if days != -1 else ''} overdue"
    return "due today" if days == 0 else f"due in {days} day{'s' if days != 1 else ''}"


TASK_KINDS: Final[Mapping[Work, TaskKind]] = {
    Work.STEP: TaskKind(
        "To confirm",
        "A run waits at a manual step that names you or your role.",
        "waits_since",
        ("run__change",),
        _steps,
    ),
    Work.THREAD: TaskKind(
        "Threads that wait for you",
        "Somebody asks you, or answered you. They are yours until you answer or somebody resolves them.",
        "since",
        ("thread__change",),
        _threads,
    ),
    Work.REVIEW: TaskKind(
        "Reviews to accept",
        "Somebody wrote down how a change went; a change manager or a member of the CAB accepts it.",
        "submitted_at",
        ("change",),
        _reviews,
    ),
    Work.TEMPLATE: TaskKind(
        "Templates to review",
        "Somebody proposed a version of a template; people who wrote nothing of it review it.",
        "proposed_at",
        ("template",),
        _templates,
    ),
    Work.ACTION: TaskKind(
        "Your actions", "You own these: they follow from reviews.", "due_on", ("review__change",), _actions
    ),
}
