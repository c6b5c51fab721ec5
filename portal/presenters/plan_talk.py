"""Threads in the review of a plan: at their lines, under their devices' heads, and as counts in the device tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from changes.domain.discussions import Anchor, LineSide, line_found, line_number
from devices.domain.diffing import Row
from portal.presenters.discussions import Discussion, ThreadView
from portal.presenters.plan_rows import PlanRow
from portal.presenters.review import Review
from portal.presenters.review_items import DiffItem


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said about one diff. ``say_url`` opens a new thread on its device, ``line_url`` on a line of it.

    ``at`` holds threads by side and number of their line, drawn for the table; ``head`` those about the device, and
    those whose line is gone. A query string ends ``line_url``.
    """

    say_url: str = ""
    line_url: str = ""
    at: Mapping[tuple[str, int], SafeString] = field(default_factory=dict)
    head: tuple[ThreadView, ...] = ()


def with_talk(review: Review, discussion: Discussion, rows: Sequence[PlanRow], csrf: str) -> Review:
    """The review of the present plan with its threads; no query."""
    by_device: dict[int, list[ThreadView]] = {}
    for thread in discussion.threads:
        by_device.setdefault(thread.device_id or 0, []).append(thread)
    ids = {row.position: row.device_id for row in rows}
    names = {row.name: row.device_id for row in rows}
    items = tuple(_item(item, by_device, ids, names, csrf, discussion.may_open) for item in review.items)
    open_at = {thread.device_id for thread in discussion.unresolved}
    if not open_at:
        return replace(review, items=items)
    return replace(review, items=items, entries=tuple(
        replace(entry, threads=_counted(entry.positions, ids, discussion)) for entry in review.entries
    ))  # fmt: skip


def _counted(positions: tuple[int, ...], ids: Mapping[int, int], discussion: Discussion) -> int:
    devices = {ids[position] for position in positions if position in ids}
    return sum(thread.device_id in devices for thread in discussion.unresolved)


def _item(
    item: DiffItem,
    by_device: Mapping[int, list[ThreadView]],
    ids: Mapping[int, int],
    names: Mapping[str, int],
    csrf: str,
    may_open: bool,
) -> DiffItem:
    devices = [ids[item.position], *(names[member.name] for member in item.same_as if member.name in names)]
    threads = [replace(thread, source="plan") for device in devices for thread in by_device.get(device, [])]
    here = f"{reverse('thread-new', args=[item.change_id])}?{urlencode({'device': item.position})}" if may_open else ""
    lines = tuple((block.section or "", row) for block in item.blocks for row in block.rows)
    at: dict[tuple[str, int], str] = {}
    head = []
    for thread in threads:
        key = _key(thread, lines)
        if key is None:
            head.append(thread)
        else:
            drawn = render_to_string("changes/_thread.html", {"thread": thread, "csrf_token": csrf})
            at[key] = at.get(key, "") + drawn
    drawn_at = {key: SafeString(html) for key, html in at.items()}  # rendered by a template, which escapes
    return replace(item, talk=Talk(here, f"{here}&" if here else "", drawn_at, tuple(head)))


def _key(thread: ThreadView, lines: Sequence[tuple[str, Row]]) -> tuple[str, int] | None:
    """Where a thread stands in a diff, which may be that of another device on which the same happens."""
    if not thread.side or thread.outdated:
        return None
    side = LineSide(thread.side)
    row = line_found(Anchor(side, thread.line, thread.section, thread.number or 0), lines)
    number = line_number(row, side) if row else None
    return (thread.side, number) if number else None
