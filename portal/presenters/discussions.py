"""Threads as pages show them: where they stand, what was said, what this person can do, and which comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.urls import reverse

from changes.domain.discussions import Anchor, LineSide, line_found, may_discuss, may_resolve, parts_of
from changes.domain.policy import Person
from changes.models import DevicePlan, PlanRevision, Thread, ThreadComment, ThreadState
from devices.domain.diffing import Row, diff_view
from portal.presenters.selection import Selection
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask, visible
from portal.presenters.words import counted

FROM: Final = {"plan": "the plan", "discussion": "the discussion"}
"""The pages on which threads are shown; an answer leads back to the one that it came from."""


@dataclass(frozen=True, slots=True)
class CommentView:
    """What somebody said; True marks the name of somebody who was told."""

    author: str
    at: datetime
    parts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class ThreadView:
    """One thread. ``place`` says in words where it stands, ``line`` quotes the line that it is about.

    ``outdated`` says why it no longer stands in the present plan; "" where it does. ``next_url`` leads to the next
    unresolved thread.
    """

    id: int
    anchor: str
    change_id: int
    resolved: bool
    place: str
    sign: str
    line: str
    outdated: str
    url: str
    opened_by: str
    resolved_by: str
    resolved_at: datetime | None
    comments: tuple[CommentView, ...]
    may_answer: bool
    may_resolve: bool
    device_id: int | None = None
    position: int | None = None
    side: str = ""
    number: int | None = None
    section: str = ""
    next_url: str = ""
    source: str = "discussion"
    text: str = ""
    error: str = ""

    @property
    def summary(self) -> str:
        """A resolved thread in one line."""
        return f"{counted(len(self.comments), 'comment')}, resolved by {self.resolved_by}"


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """A device of the present plan: its place, name and digest, and the lines of its diff as the page shows them."""

    position: int
    name: str
    digest: str
    lines: tuple[tuple[str, Row], ...] = ()


@dataclass(frozen=True, slots=True)
class Discussion:
    """All threads of a change in the order of the plan, those about the change itself first."""

    threads: tuple[ThreadView, ...]
    may_open: bool
    refusal: str

    @property
    def unresolved(self) -> tuple[ThreadView, ...]:
        """What is still to be settled."""
        return tuple(thread for thread in self.threads if not thread.resolved)

    @property
    def resolved(self) -> tuple[ThreadView, ...]:
        """What was settled."""
        return tuple(thread for thread in self.threads if thread.resolved)


def change_talk(sight: Sight, mask: Mask, *, source: str) -> Discussion:
    """The discussion of a change as the viewer sees it; see :func:`discussion_of`."""
    hands = frozenset({sight.facts.author_id, *sight.facts.editor_ids})
    return discussion_of(sight.change.pk, sight.revision, sight.person, hands, mask, source=source)


def discussion_of(
    change_id: int, revision: PlanRevision | None, person: Person, hands: frozenset[int], mask: Mask, *, source: str
) -> Discussion:
    """The discussion of a change as one person sees it; five queries at most, whatever its size.

    ``source`` is one of :data:`FROM`. Payloads are read only of devices on whose lines there are threads.
    """
    threads = list(
        Thread.objects.filter(change_id=change_id).select_related("opened_by", "resolved_by", "device", "revision")
    )
    devices = planned_devices(revision, threads, mask)
    comments = _comments(threads, mask)
    speaks = may_discuss(person)
    views = [
        replace(
            _view(thread, devices, comments.get(thread.pk, ()), revision, mask),
            source=source,
            may_answer=speaks.allowed,
            may_resolve=may_resolve(person, opened_by=thread.opened_by_id, hands=hands).allowed,
        )
        for thread in threads
    ]
    ordered = sorted(views, key=_order)
    return Discussion(
        _linked(ordered), speaks.allowed, "" if speaks.allowed else " ".join(r.sentence for r in speaks.reasons)
    )


def planned_devices(
    revision: PlanRevision | None, threads: Iterable[Thread], mask: Mask
) -> Mapping[int, PlannedDevice]:
    """The devices of a plan on which there are threads, by their ids; one query."""
    wanted = {thread.device_id: bool(thread.side) for thread in threads if thread.device_id}
    for thread in threads:
        if thread.device_id and thread.side:
            wanted[thread.device_id] = True
    if revision is None or not wanted:
        return {}
    plans = DevicePlan.objects.filter(revision=revision, device__in=wanted).select_related("device")
    if not any(wanted.values()):
        plans = plans.defer("payload")
    return {
        plan.device_id: PlannedDevice(
            plan.position, plan.device.name, plan.digest, _lines(plan, mask) if wanted[plan.device_id] else ()
        )
        for plan in plans
    }


def _lines(plan: DevicePlan, mask: Mask) -> tuple[tuple[str, Row], ...]:
    diff = plan.content.expected_diff if plan.payload else ""
    return tuple((hunk.section, row) for hunk in diff_view(mask.text(diff)) for row in hunk.rows) if diff else ()


def _comments(threads: Sequence[Thread], mask: Mask) -> Mapping[int, tuple[CommentView, ...]]:
    rows = ThreadComment.objects.filter(thread__in=threads).select_related("author").prefetch_related("mentioned")
    found: dict[int, list[CommentView]] = {}
    for row in rows.order_by("pk"):
        names = [person.get_username() for person in row.mentioned.all()]
        view = CommentView(row.author.get_username(), row.written_at, parts_of(mask.prose(row.text), names))
        found.setdefault(row.thread_id, []).append(view)
    return {pk: tuple(views) for pk, views in found.items()}


def _view(
    thread: Thread,
    devices: Mapping[int, PlannedDevice],
    comments: tuple[CommentView, ...],
    revision: PlanRevision | None,
    mask: Mask,
) -> ThreadView:
    anchor = f"thread-{thread.pk}"
    device = devices.get(thread.device_id or 0)
    row = _row(thread, device, mask)
    return ThreadView(
        id=thread.pk,
        anchor=anchor,
        change_id=thread.change_id,
        resolved=thread.state == ThreadState.RESOLVED,
        place=_place(thread, row),
        sign=_sign(thread, row),
        line=visible(mask.scrub(thread.line_text)),
        outdated=_outdated(thread, device, row, revision),
        url=_url(thread, device, anchor),
        opened_by=thread.opened_by.get_username(),
        resolved_by=thread.resolved_by.get_username() if thread.resolved_by else "",
        resolved_at=thread.resolved_at,
        comments=comments,
        may_answer=False,
        may_resolve=False,
        device_id=thread.device_id,
        position=device.position if device else None,
        side=thread.side,
        number=_number(thread, row) or thread.line_number,
        section=visible(thread.line_section),
    )


def _row(thread: Thread, device: PlannedDevice | None, mask: Mask) -> Row | None:
    if not thread.side or device is None:
        return None
    side, number = LineSide(thread.side), thread.line_number or 0
    kept = Anchor(side, visible(thread.line_text), visible(thread.line_section), number)
    # A secret that became known since is masked in the diff by now; the line is kept as it was shown then.
    masked = Anchor(side, mask.text(thread.line_text), mask.text(thread.line_section), number)
    return line_found(kept, device.lines) or line_found(masked, device.lines)


def _number(thread: Thread, row: Row | None) -> int | None:
    if row is None:
        return None
    return row.old_number if thread.side == LineSide.RUNNING else row.new_number


def _sign(thread: Thread, row: Row | None) -> str:
    if not thread.side:
        return ""
    if row is not None:
        return {"add": "+", "del": "-"}.get(row.kind, "")
    return "-" if thread.side == LineSide.RUNNING else "+"


def _place(thread: Thread, row: Row | None) -> str:
    if thread.device is None:
        return "The change"
    if not thread.side:
        return thread.device.name
    number = _number(thread, row)
    where = f"{thread.device.name}, {LineSide(thread.side).label.lower()} configuration"
    return f"{where}, line {number}" if number else where


def _outdated(thread: Thread, device: PlannedDevice | None, row: Row | None, revision: PlanRevision | None) -> str:
    if thread.device is None or revision is None:
        return ""
    since = f" It was opened on revision {thread.revision.number}." if thread.revision else ""
    if device is None:
        return f"This device is not in the present plan.{since}"
    if thread.side and row is None:
        return f"This line is not in the present plan's diff.{since}"
    return ""


def _url(thread: Thread, device: PlannedDevice | None, anchor: str) -> str:
    if device is None:
        return f"{reverse('change-discussion', args=[thread.change_id])}#{anchor}"
    return Selection(thread.change_id).only(device=device.position).url(anchor)


def _order(view: ThreadView) -> tuple[bool, int, bool, int, int]:
    at = -1 if view.device_id is None else view.position if view.position is not None else 10**9
    return view.device_id is not None, at, bool(view.outdated), view.number or 0, view.id


def _linked(views: Sequence[ThreadView]) -> tuple[ThreadView, ...]:
    """Each with the way to the next unresolved one, which after the last is the first."""
    open_ones = [view for view in views if not view.resolved]
    after = {
        view.id: open_ones[(at + 1) % len(open_ones)].url for at, view in enumerate(open_ones) if len(open_ones) > 1
    }
    return tuple(replace(view, next_url=after.get(view.id, "")) for view in views)
