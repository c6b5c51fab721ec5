"""The head of every page about a change: number, title, rail, digest, tabs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from audit.models import Event
from changes.domain import policy
from changes.domain.reviews.rules import REVIEWABLE
from changes.domain.states import ChangeState
from changes.services.threads import unresolved_threads
from portal.presenters.actions import DECISIONS, Action, Actions
from portal.presenters.links import page_url
from portal.presenters.sight import Sight

_EXITS = frozenset({ChangeState.REJECTED, ChangeState.CANCELED})
_ALSO_IN_HEAD = {"summary": frozenset({"edit"}), "plan": frozenset({"build"})}
"""What a tab's head offers beside the step that takes the change on; the rest is on the summary."""


@dataclass(frozen=True, slots=True)
class Tab:
    """A link to one of the change's pages; ``count`` is None where nothing is counted."""

    label: str
    url: str
    current: bool
    count: int | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to this page."""

    label: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What the head prints; ``left_from`` is the state before a rejection or a cancellation."""

    id: int
    number: str
    title: str
    state: str
    type: str
    type_label: str
    author: str
    updated_at: datetime
    on_hold: bool
    close_code: str
    left_from: str
    digest: str
    revision: int
    devices: int
    added: int
    removed: int
    tabs: tuple[Tab, ...]
    crumbs: tuple[Crumb, ...]
    buttons: tuple[Action, ...]
    review_url: str
    watch_url: str


def header_of(sight: Sight, actions: Actions, *, current: str, page: str = "") -> Header:
    """The head for one person; ``current`` is the tab's key or "", ``page`` a further step of the breadcrumb."""
    change, revision = sight.change, sight.revision
    return Header(
        id=change.pk,
        number=change.number,
        title=change.title,
        state=change.state,
        type=change.type,
        type_label=change.get_type_display(),
        author=change.author.get_username(),
        updated_at=change.updated_at,
        on_hold=change.on_hold,
        close_code=change.close_code,
        left_from=_left_from(sight),
        digest=revision.digest if revision else "",
        revision=revision.number if revision else 0,
        devices=revision.device_count if revision else 0,
        added=sight.totals.added,
        removed=sight.totals.removed,
        tabs=_tabs(sight, current),
        crumbs=_crumbs(sight, page),
        buttons=_buttons(actions, current),
        review_url=_review_url(sight, actions, current),
        watch_url=_watch_url(sight, current),
    )


def _buttons(actions: Actions, current: str) -> tuple[Action, ...]:
    also = _ALSO_IN_HEAD.get(current, frozenset())
    # Beside the plan the step on stands in the bar that names the digest; a page that asks once more has its own.
    elsewhere = frozenset({"submit", "start", *DECISIONS}) if current == "plan" else frozenset(DECISIONS)
    return tuple(
        action
        for action in actions.allowed
        if action.key in also or (current and action.variant == "primary" and action.key not in elsewhere)
    )


def _left_from(sight: Sight) -> str:
    """Where a change stood before it was ended early, from the log; one query, for such changes only."""
    if sight.state not in _EXITS:
        return ""
    events = Event.objects.filter(object_type="change", object_id=str(sight.change.pk), state_to=sight.change.state)
    return events.order_by("-id").values_list("state_from", flat=True).first() or ""


def _review_url(sight: Sight, actions: Actions, current: str) -> str:
    """Where the person decides, when a decision is theirs: beside the plan, which must be read first."""
    if current == "plan":
        return ""
    for key in ("assess", "approve"):
        action = actions.get(key)
        if action and (action.allowed or action.code == policy.PLAN_NOT_OPENED):
            return reverse("change-plan", args=[sight.change.pk])
    return ""


def _watch_url(sight: Sight, current: str) -> str:
    """The run that goes on now."""
    if sight.run is None or not sight.run_is_open or current == "execution":
        return ""
    return reverse("run-detail", args=[sight.change.pk, sight.run.pk])


def _tabs(sight: Sight, current: str) -> tuple[Tab, ...]:
    pk = sight.change.pk
    devices = sight.revision.device_count if sight.revision else None
    live = len(policy.live_approvals(sight.facts)) or None
    asked = unresolved_threads(pk) or None
    return (
        Tab("Summary", reverse("change-detail", args=[pk]), current == "summary"),
        Tab("Plan", reverse("change-plan", args=[pk]), current == "plan", devices),
        Tab("Approvals", reverse("change-approvals", args=[pk]), current == "approvals", live),
        Tab("Discussion", reverse("change-discussion", args=[pk]), current == "discussion", asked),
        Tab("Execution", reverse("change-execution", args=[pk]), current == "execution", len(sight.runs) or None),
        Tab("Timeline", reverse("change-timeline", args=[pk]), current == "timeline"),
        *_review_tab(sight, current),
    )


def _review_tab(sight: Sight, current: str) -> tuple[Tab, ...]:
    """The review after implementation, once the run has ended."""
    if sight.state not in REVIEWABLE:
        return ()
    return (Tab("Review", reverse("change-review", args=[sight.change.pk]), current == "review"),)


def _crumbs(sight: Sight, page: str) -> tuple[Crumb, ...]:
    own = Crumb(sight.change.number, reverse("change-detail", args=[sight.change.pk]))
    return Crumb("Changes", page_url("change-list")), own, *([Crumb(page)] if page else [])
