"""The diff review of a plan: the device tree at the left, the diffs that were asked for, and how far somebody is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from changes.domain.states import DevicePlanState
from portal.presenters.plan_rows import PlanRow, by_group, changed_rows
from portal.presenters.review_items import Cluster, DiffItem, Member, Stored, clusters_of, items_of, stored_plans
from portal.presenters.selection import Selection
from portal.presenters.visible import Mask
from portal.presenters.warning_words import warning_label

ITEMS_PER_PAGE = 25
WHOLE_DEVICES = 100
WHOLE_LINES = 2_000
MEMBERS_LISTED = 30


class NoSuchDeviceError(LookupError):
    """The plan has no device at this position, or does not change it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the tree; ``more`` counts the other devices that it stands for."""

    id: str
    label: str
    url: str
    anchor: str
    more: int
    added: int
    removed: int
    viewed: bool
    warned: bool
    current: bool
    members: tuple[Member, ...]
    positions: tuple[int, ...] = ()
    threads: int = 0
    """Unresolved threads about its devices."""


@dataclass(frozen=True, slots=True)
class Review:
    """The page's diffs; ``paged`` where only a part of the plan is on it."""

    mode: str
    entries: tuple[Entry, ...]
    items: tuple[DiffItem, ...]
    device_count: int
    viewed_count: int
    added: int
    removed: int
    unified_url: str
    split_url: str
    previous_url: str
    next_url: str
    all_url: str
    paged: bool
    unchanged: tuple[str, ...]
    warned_of: str = ""
    """What the shown devices are warned of, where only those are shown; ``unwarned_url`` shows all."""
    unwarned_url: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """What goes where: ``clusters`` are those of the part that is shown, ``page`` those on the page."""

    whole: bool
    groups: Mapping[str, Sequence[PlanRow]]
    key: str
    clusters: tuple[Cluster, ...]
    page: tuple[Cluster, ...]
    stored: Mapping[int, Stored]


def layout_of(rows: Sequence[PlanRow], selection: Selection) -> Layout:
    """Decide what is on the page; one query, for payloads.

    A plan that can be read on one page is read on one; of a larger one only one group is drawn, since a page with
    500 diffs is read by nobody.

    Raises:
        NoSuchDeviceError: the one device that was asked for is not changed by this plan.
    """
    every = changed_rows(rows)
    changed = tuple(row for row in every if selection.warning in row.warned_of) if selection.warning else every
    groups = by_group(changed)
    lines = sum(members[0].added + members[0].removed for members in groups.values())
    whole = len(changed) <= WHOLE_DEVICES and lines <= WHOLE_LINES
    key = "" if whole else _chosen(groups, selection)
    part = changed if whole else tuple(groups.get(key, ()))
    alone = _alone(every, selection)
    stored = stored_plans({row.pk: row for row in (*part, *alone)}.values())
    clusters = clusters_of(part, stored)
    page = (alone,) if alone else clusters[selection.start : selection.start + ITEMS_PER_PAGE]
    return Layout(whole, groups, key, clusters, page, stored)


def _alone(changed: Sequence[PlanRow], selection: Selection) -> Cluster:
    if selection.device is None:
        return ()
    found = tuple(row for row in changed if row.position == selection.device)
    if not found:
        raise NoSuchDeviceError(selection.device)
    return found


def _chosen(groups: Mapping[str, Sequence[PlanRow]], selection: Selection) -> str:
    """The group that was asked for, or else the first that is not read yet."""
    if selection.group in groups:
        return selection.group
    if selection.device is not None:
        for key, rows in groups.items():
            if any(row.position == selection.device for row in rows):
                return key
    unread = (key for key, rows in groups.items() if not all(row.viewed for row in rows))
    return next(unread, next(iter(groups), ""))


def review_of(rows: Sequence[PlanRow], selection: Selection, mask: Mask, *, may_mark: bool) -> Review:
    """Everything that the review shows; one query beside the rows.

    Raises:
        NoSuchDeviceError: as in :func:`layout_of`.
    """
    layout = layout_of(rows, selection)
    changed = changed_rows(rows)
    previous, following = _neighbours(layout, selection)
    return Review(
        mode=selection.mode,
        entries=entries_of(layout, selection),
        items=items_of(layout.page, layout.stored, mask, selection, may_mark=may_mark),
        device_count=len(changed),
        viewed_count=sum(row.viewed for row in changed),
        added=sum(row.added for row in changed),
        removed=sum(row.removed for row in changed),
        unified_url=selection.drawn("unified").url(),
        split_url=selection.drawn("split").url(),
        previous_url=previous,
        next_url=following,
        all_url=selection.only().url() if selection.device is not None else "",
        warned_of=warning_label(selection.warning),
        unwarned_url=selection.warned("").url() if selection.warning else "",
        paged=not layout.whole or len(layout.clusters) > ITEMS_PER_PAGE,
        unchanged=tuple(row.name for row in rows if row.state == DevicePlanState.UNCHANGED),
    )


def entries_of(layout: Layout, selection: Selection) -> tuple[Entry, ...]:
    """The tree: exact clusters where all are known, else groups, and the clusters of the group that is shown."""
    if layout.whole:
        return tuple(_cluster_entry(at, layout, selection) for at in range(len(layout.clusters)))
    entries = []
    for key, rows in layout.groups.items():
        entries.append(_group_entry(key, rows, layout, selection))
        if key == layout.key and len(layout.clusters) > 1:
            entries += [_cluster_entry(at, layout, selection) for at in range(len(layout.clusters))]
    return tuple(entries)


def _cluster_entry(at: int, layout: Layout, selection: Selection) -> Entry:
    cluster = layout.clusters[at]
    first = cluster[0]
    start = at - at % ITEMS_PER_PAGE
    here = selection.only(group=layout.key, start=start)
    on_page = cluster in layout.page
    return Entry(
        id=f"t-{first.position}",
        label=first.name,
        url=f"#{first.anchor}" if on_page else here.url(first.anchor),
        anchor=first.anchor,
        more=len(cluster) - 1,
        added=first.added,
        removed=first.removed,
        viewed=all(row.viewed for row in cluster),
        warned=any(row.warnings for row in cluster),
        current=False,
        members=tuple(
            Member(row.name, selection.only(device=row.position).url(), row.viewed)
            for row in cluster[1:]
            if len(cluster) <= MEMBERS_LISTED
        ),
        positions=tuple(row.position for row in cluster),
    )


def _group_entry(key: str, rows: Sequence[PlanRow], layout: Layout, selection: Selection) -> Entry:
    first = rows[0]
    return Entry(
        id=f"g-{key}",
        label=first.name,
        url=selection.only(group=key).url(),
        anchor="",
        more=len(rows) - 1,
        added=first.added,
        removed=first.removed,
        viewed=all(row.viewed for row in rows),
        warned=any(row.warnings for row in rows),
        current=key == layout.key,
        members=(),
        positions=tuple(row.position for row in rows),
    )


def _neighbours(layout: Layout, selection: Selection) -> tuple[str, str]:
    """The pages before and after this one; "" where there is none."""
    if selection.device is not None:
        return "", ""
    pages = [
        selection.only(group=key, start=start).url()
        for key in (layout.groups if not layout.whole else [""])
        for start in (range(0, len(layout.clusters), ITEMS_PER_PAGE) if key == layout.key else [0])
    ]
    here = selection.only(group=layout.key, start=selection.start - selection.start % ITEMS_PER_PAGE).url()
    at = pages.index(here) if here in pages else 0
    return pages[at - 1] if at else "", pages[at + 1] if at + 1 < len(pages) else ""
