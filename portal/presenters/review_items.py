"""The diffs of a plan as the review shows them: one for all devices on which exactly the same happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from django.urls import reverse
from django.utils.safestring import SafeString

from changes.domain.errors import ChangeError
from changes.domain.plan import DevicePayload
from changes.models import DevicePlan
from portal.presenters.check_words import CheckWords, check_words
from portal.presenters.diffs import Block, diff_blocks
from portal.presenters.ladder import Rung, ladder_rows, ladder_summary
from portal.presenters.likeness import likeness
from portal.presenters.plan_rows import PlanRow
from portal.presenters.selection import Selection, with_query
from portal.presenters.visible import Mask
from portal.presenters.warnings import Notice, notices_of, placed
from portal.presenters.words import counted

PRECHECKS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Member:
    """Another device that the same diff is for."""

    name: str
    url: str
    viewed: bool


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check as it was signed; ``when`` is before or after."""

    when: str
    words: CheckWords


@dataclass(frozen=True, slots=True)
class PreChecks:
    """How one of several devices climbed the pre-check ladder; ``url`` shows it gate by gate."""

    name: str
    url: str
    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class DiffItem:
    """One diff with all that belongs to it.

    ``nearly`` names a device on which the same lines change, but elsewhere or by other commands; ``problem`` says why
    there is no diff to be shown.
    """

    anchor: str
    position: int
    name: str
    facts: str
    source: str
    digest: str
    added: int
    removed: int
    blocks: tuple[Block, ...]
    commands: tuple[str, ...]
    backout: tuple[str, ...]
    replaced_by: str
    """SHA-256 of the baseline, where the whole configuration is replaced to take the device back."""
    timer_s: int
    """Seconds until the device takes an unconfirmed change back by itself; 0 without such a timer."""
    checks: tuple[PlannedCheck, ...]
    warnings: tuple[Notice, ...]
    same_as: tuple[Member, ...]
    viewed: bool
    viewed_url: str
    viewed_target: str
    alone_url: str
    nearly: str = ""
    problem: str = ""
    ladder: tuple[Rung, ...] = ()
    ladder_word: str = ""
    ladder_tone: str = "idle"
    prechecks: tuple[PreChecks, ...] = ()
    warned_at: Mapping[tuple[str, int], SafeString] = field(default_factory=dict)
    """Warnings at their lines, by side and number; ``warnings`` are those whose line does not change."""
    change_id: int = 0
    talk: object = None
    """What is said about it: `portal.presenters.plan_talk`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one device's plan beside its row."""

    payload: str
    source: str
    warnings: Sequence[Mapping[str, object]]
    line_count: int
    gates: Sequence[Mapping[str, object]] = ()


Cluster = tuple[PlanRow, ...]
"""Devices on which exactly the same happens; the first stands for all."""


def stored_plans(rows: Iterable[PlanRow]) -> dict[int, Stored]:
    """The payloads of some rows; one query."""
    plans = DevicePlan.objects.filter(pk__in=[row.pk for row in rows])
    columns = ("pk", "payload", "diff_source", "warnings", "baseline__blob__line_count", "gates")
    return {
        pk: Stored(payload, source, _rows(warnings), lines or 0, _rows(gates))
        for pk, payload, source, warnings, lines, gates in plans.values_list(*columns)
    }


def _rows(value: object) -> Sequence[Mapping[str, object]]:
    return value if isinstance(value, list) else []


def clusters_of(rows: Iterable[PlanRow], stored: Mapping[int, Stored]) -> tuple[Cluster, ...]:
    """Put together the devices whose signed plans do exactly the same; in device order."""
    found: dict[str, list[PlanRow]] = {}
    for row in rows:
        found.setdefault(likeness(stored[row.pk].payload), []).append(row)
    return tuple(tuple(members) for members in found.values())


def items_of(
    clusters: Iterable[Cluster], stored: Mapping[int, Stored], mask: Mask, selection: Selection, *, may_mark: bool
) -> tuple[DiffItem, ...]:
    """The diffs of some clusters; each that looks like an earlier one says so."""
    first: dict[str, str] = {}
    items = []
    for cluster in clusters:
        item = item_of(cluster, stored, mask, selection, may_mark=may_mark)
        items.append(replace(item, nearly=first.get(cluster[0].key, "")))
        first.setdefault(cluster[0].key, cluster[0].name)
    return tuple(items)


def item_of(
    cluster: Cluster, stored: Mapping[int, Stored], mask: Mask, selection: Selection, *, may_mark: bool
) -> DiffItem:
    """The diff of a cluster, from the signed bytes of its first device."""
    first = cluster[0]
    kept = stored[first.pk]
    try:
        payload = DevicePayload.from_bytes(kept.payload.encode())
    except ChangeError:
        return _item(cluster, kept, mask, selection, may_mark=False, payload=None)
    return _item(cluster, kept, mask, selection, may_mark=may_mark, payload=payload, stored=stored)


def _item(
    cluster: Cluster,
    kept: Stored,
    mask: Mask,
    selection: Selection,
    *,
    may_mark: bool,
    payload: DevicePayload | None,
    stored: Mapping[int, Stored] | None = None,
) -> DiffItem:
    first = cluster[0]
    here = [selection.change_id, first.position]
    ladder = ladder_rows(kept.gates, mask) if len(cluster) == 1 else ()
    word, tone = ladder_summary(ladder)
    fold_url = with_query(reverse("plan-lines", args=here), selection.query()) + ("&" if selection.query() else "?")
    blocks = diff_blocks(payload.expected_diff, mask, line_count=kept.line_count, fold_url=fold_url) if payload else ()
    warned = placed(notices_of((stored[row.pk].warnings for row in cluster), mask) if stored else (), blocks)
    return DiffItem(
        anchor=first.anchor,
        change_id=selection.change_id,
        position=first.position,
        name=first.name,
        facts=_facts(cluster),
        source=kept.source,
        digest=first.digest,
        added=first.added,
        removed=first.removed,
        blocks=blocks,
        commands=mask.lines(payload.commands) if payload else (),
        backout=mask.lines(payload.backout) if payload else (),
        replaced_by=payload.baseline_sha256 if payload and payload.backout_method == "replace" else "",
        timer_s=payload.confirm_within_s if payload else 0,
        checks=_checks(payload, mask) if payload else (),
        warnings=warned.rest,
        warned_at=warned.at,
        same_as=tuple(_member(row, selection) for row in cluster[1:]),
        viewed=all(row.viewed for row in cluster),
        viewed_url=with_query(reverse("device-viewed", args=here), selection.query()) if may_mark else "",
        viewed_target=f"#{first.anchor}",
        alone_url=selection.only(device=first.position).url() if len(cluster) > 1 else "",
        ladder=ladder,
        ladder_word=word,
        ladder_tone=tone,
        prechecks=_prechecks(cluster, stored, mask, selection) if stored and len(cluster) > 1 else (),
        problem="" if payload else "The stored plan cannot be read, so it is not the plan that was made. Plan again.",
    )


def _prechecks(
    cluster: Cluster, stored: Mapping[int, Stored], mask: Mask, selection: Selection
) -> tuple[PreChecks, ...]:
    """The ladders of several devices in a word each, those with findings first; the rest is counted on the page."""
    found = []
    for row in cluster:
        rungs = ladder_rows(stored[row.pk].gates, mask)
        if rungs:
            word, tone = ladder_summary(rungs)
            url = reverse("plan-gates", args=[selection.change_id, row.position])
            found.append(PreChecks(row.name, url, word, tone))
    return tuple(sorted(found, key=lambda item: item.tone == "ok")[:PRECHECKS_SHOWN])


def _member(row: PlanRow, selection: Selection) -> Member:
    return Member(row.name, selection.only(device=row.position).url(), row.viewed)


def _facts(cluster: Cluster) -> str:
    """Site and role where all devices share them."""
    sites, roles = {row.site for row in cluster}, {row.role for row in cluster}
    site = sites.pop() if len(sites) == 1 else counted(len(sites), "site")
    role = roles.pop() if len(roles) == 1 else counted(len(roles), "role")
    return " · ".join(part for part in (site, role) if part)


def _checks(payload: DevicePayload, mask: Mask) -> tuple[PlannedCheck, ...]:
    pairs = [("before", check) for check in payload.pre_checks] + [("after", check) for check in payload.post_checks]
    return tuple(PlannedCheck(when, check_words(check, mask)) for when, check in pairs)
