"""What the pages about reviews and their actions show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.urls import reverse

from changes.domain.policy import Verdict
from changes.domain.reviews import rules
from changes.domain.reviews.content import TEXTS, TIMES, ActionState, ReviewOutcome, ReviewState
from changes.domain.reviews.duty import Ground, because
from changes.domain.states import ChangeState
from changes.models import ChangeRequest, Review, ReviewAction
from changes.services.review_actions import today
from changes.services.review_record import record_of
from changes.services.reviews import grounds_of, outdated
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask, visible

_ICONS: Final[Mapping[str, tuple[str, str]]] = {
    "started": ("play", "live"),
    "paused": ("pause", "warn"),
    "aborted": ("stop", "warn"),
    "ordered": ("undo", "warn"),
    "ended as": ("s-failed", "bad"),
    "gave": ("s-approved", "ok"),
    "added": ("signature", "ok"),
    "closed": ("s-closed", "idle"),
}


@dataclass(frozen=True, slots=True)
class ToldFact:
    """One line of the record as the timeline draws it."""

    at: datetime
    actor: str
    text: str
    code: str
    comment: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action in a list; ``late`` is how many days it is overdue."""

    action: ReviewAction
    text: str
    note: str
    url: str
    change_url: str
    late: int
    label: str


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """The review of one change as one person sees it; ``texts`` are headings with what was written."""

    state: str
    state_label: str
    outcome: str
    duty: str
    missing: bool
    outdated: bool
    texts: tuple[tuple[str, str], ...]
    facts: tuple[ToldFact, ...]
    left_out: int
    times: tuple[tuple[str, datetime], ...]
    to_detect_s: float | None
    to_restore_s: float | None
    writers: str
    actions: tuple[ActionRow, ...]
    may_write: Verdict
    may_accept: Verdict
    accept_note: str


def review_of(change_id: int) -> Review | None:
    """The review of a change with its people; one query."""
    return Review.objects.select_related("submitted_by", "accepted_by").filter(change_id=change_id).first()


def review_page(sight: Sight, review: Review | None, mask: Mask) -> ReviewPage:
    """Gather the page; about eight queries, whatever the number of devices."""
    frozen = review is not None and review.state != ReviewState.DRAFT
    grounds = tuple(Ground(value) for value in review.grounds) if review and frozen else grounds_of(sight.change)
    facts, left_out = _frozen(review, mask) if review and frozen else _live(sight.change, mask)
    people = list(review.writers.order_by("username")) if review else []
    return ReviewPage(
        state=review.state if review else "",
        state_label=ReviewState(review.state).label if review else "Not written yet",
        outcome=ReviewOutcome(review.outcome).label if review and review.outcome else "",
        duty=f"Needed because {because(grounds)}." if grounds else "",
        missing=bool(grounds) and not frozen,
        outdated=review is not None and sight.state != ChangeState.CLOSED and outdated(review),
        texts=tuple((label, mask.prose(getattr(review, name))) for name, label in TEXTS.items()) if review else (),
        facts=facts,
        left_out=left_out,
        times=_times(review),
        to_detect_s=_between(review, "began_at", "detected_at"),
        to_restore_s=_between(review, "detected_at", "restored_at"),
        writers=", ".join(person.get_username() for person in people),
        actions=action_rows(_actions_of(review), mask) if review else (),
        may_write=rules.may_write_review(sight.person, sight.facts),
        may_accept=rules.may_accept_review(sight.person, sight.facts, [person.pk for person in people]),
        accept_note=mask.prose(review.accept_note) if review else "",
    )


def first_words(sight: Sight, review: Review | None, mask: Mask) -> dict[str, str]:
    """What the form begins with: what is written, and for a new review the times that the record proposes."""
    if review is not None:
        words = {name: mask.prose(getattr(review, name)) for name in TEXTS}
        words |= {name: _local(getattr(review, name)) for name in TIMES}
        return words | {"outcome": review.outcome, "version": str(review.version)}
    record = record_of(sight.change)
    return {name: _local(getattr(record, name)) for name in TIMES}


def action_rows(actions: Sequence[ReviewAction], mask: Mask) -> tuple[ActionRow, ...]:
    """Actions as rows; they come with review, owner and who ended them."""
    day = today()
    return tuple(
        ActionRow(
            action=action,
            text=mask.prose(action.text),
            note=mask.prose(action.note),
            url=reverse("review-action", args=[action.pk]),
            change_url=reverse("change-review", args=[action.review.change_id]),
            late=max(0, (day - action.due_on).days) if action.state == ActionState.OPEN else 0,
            label=ActionState(action.state).label,
        )
        for action in actions
    )


def review_note(sight: Sight) -> dict[str, Any] | None:
    """What a change's own page says about its review; None before its run has ended. At most five queries."""
    if sight.state not in rules.REVIEWABLE:
        return None
    review = review_of(sight.change.pk)
    duty = grounds_of(sight.change)
    if review is None and not duty:
        return {"state": "", "label": "", "text": "No review was written. None is demanded.", "tone": ""}
    if review is None:
        return {
            "state": "",
            "label": "",
            "text": f"Needed because {because(duty)}. Nothing is written yet.",
            "tone": "warn",
        }
    text = visible(review.lessons.split("\n")[0][:200])
    tone = "warn" if duty and review.state == ReviewState.DRAFT else ""
    return {"state": review.state, "label": ReviewState(review.state).label, "text": text, "tone": tone}


def _actions_of(review: Review) -> list[ReviewAction]:
    return list(review.actions.select_related("review", "owner", "ended_by").order_by("due_on", "pk"))


def _live(change: ChangeRequest, mask: Mask) -> tuple[tuple[ToldFact, ...], int]:
    record = record_of(change)
    facts = tuple(_told(fact.at, fact.who, fact.what, fact.code, fact.note, mask) for fact in record.facts)
    return facts, record.left_out


def _frozen(review: Review, mask: Mask) -> tuple[tuple[ToldFact, ...], int]:
    rows = review.record
    return tuple(
        _told(datetime.fromisoformat(row["at"]), row["who"], row["what"], row["code"], row["note"], mask)
        for row in rows
    ), 0


def _told(at: datetime, who: str, what: str, code: str, note: str, mask: Mask) -> ToldFact:
    icon, tone = next((look for start, look in _ICONS.items() if what.startswith(start)), ("s-pending", "idle"))
    return ToldFact(at, mask.prose(who), what, code, mask.prose(note), icon, tone)


def _times(review: Review | None) -> tuple[tuple[str, datetime], ...]:
    if review is None:
        return ()
    return tuple((label, moment) for name, label in TIMES.items() if (moment := getattr(review, name)))


def _between(review: Review | None, first: str, second: str) -> float | None:
    start, end = getattr(review, first, None), getattr(review, second, None)
    return (end - start).total_seconds() if start and end else None


def _local(moment: datetime | None) -> str:
    """As a datetime-local control takes it, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if moment else ""
