"""What a CAB meeting's agenda is made of: what waits, what went wrong, and what comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db.models import Q

from changes.domain.meetings import MAX_ITEMS, ItemKind, Point
from changes.domain.risk.levels import RiskLevel
from changes.domain.run_states import RunOutcome
from changes.domain.states import ChangeState, ChangeType, CloseCode
from changes.models import AgendaItem, ChangeFreeze, ChangeQuerySet, ChangeRequest, Meeting, OpenStage, Run

_WENT_WRONG: Final = (CloseCode.FAILED, CloseCode.ROLLED_BACK, CloseCode.ABORTED)
_NOT_SENT_IN: Final = (ChangeState.DRAFT, ChangeState.CANCELED)
_UNSEEN: Final = ("content", "variables", "targets", "checks", "strategy", "reason", "close_note", "revision__inputs")


def agenda_of(meeting: Meeting) -> list[Point]:
    """The points that a meeting's agenda proposes now, each change once; seven queries, whatever their number."""
    seen: set[int] = set()
    points: list[Point] = []
    for kind, changes in _kinds(meeting.covers_from, meeting.covers_to, meeting.starts_at):
        found = [change for change in _listed(changes)[: MAX_ITEMS + 1] if change.pk not in seen]
        seen |= {change.pk for change in found}
        points += _points(kind, found)
    return [*points, *_freezes(meeting.starts_at, meeting.covers_to)][:MAX_ITEMS]


def point_of(change: ChangeRequest, kind: ItemKind = ItemKind.OTHER) -> Point:
    """One change as a point; two queries."""
    return _points(kind, [change])[0]


def refreshed(item: AgendaItem) -> dict[str, object]:
    """What is to be frozen of an item now; for one without a change what it says already."""
    if item.change is None:
        return dict(item.facts)
    return point_of(item.change, ItemKind(item.kind)).facts


def _listed(changes: ChangeQuerySet) -> ChangeQuerySet:
    return changes.select_related("author", "revision").defer(*_UNSEEN)


def _kinds(since: datetime, until: datetime, starts_at: datetime) -> Iterator[tuple[ItemKind, ChangeQuerySet]]:
    changes = ChangeRequest.objects.order_by("pk")
    emergencies = changes.filter(type=ChangeType.EMERGENCY, submitted_at__gte=since)
    yield ItemKind.EMERGENCY, emergencies.exclude(state__in=_NOT_SENT_IN)
    bad_runs = Run.objects.exclude(outcome__in=["", RunOutcome.SUCCEEDED]).filter(change__state=ChangeState.REVIEW)
    wrong = Q(closed_at__gte=since, close_code__in=_WENT_WRONG) | Q(
        state=ChangeState.REVIEW, pk__in=bad_runs.values("change")
    )
    yield ItemKind.FAILED, changes.filter(wrong)
    yield ItemKind.DECIDE, changes.filter(state=ChangeState.AUTHORIZATION).order_by("submitted_at", "pk")
    coming = changes.filter(state__in=[ChangeState.APPROVED, ChangeState.SCHEDULED])
    yield ItemKind.UPCOMING, coming.filter(window_end__gt=starts_at, window_start__lt=until).order_by("window_start")


def _points(kind: ItemKind, changes: Sequence[ChangeRequest]) -> list[Point]:
    stages = _stages([change.pk for change in changes])
    return [
        Point(kind, f"{change.number} {change.title}"[:300], change.pk, _facts(change, stages.get(change.pk, [])))
        for change in changes
    ]


def _stages(change_ids: Iterable[int]) -> dict[int, list[OpenStage]]:
    found: dict[int, list[OpenStage]] = {}
    for row in OpenStage.objects.filter(change__in=list(change_ids)).order_by("pk"):
        found.setdefault(row.change_id, []).append(row)
    return found


def _facts(change: ChangeRequest, stages: Sequence[OpenStage]) -> dict[str, object]:
    """How the change stands: plain values that a page can print in ten years."""
    revision = change.revision
    facts: dict[str, object] = {
        "state": change.state,
        "type": change.type,
        "risk": RiskLevel(change.risk_level).value if change.risk_level else "",
        "author": change.author.get_username(),
        "close_code": change.close_code,
        "window_start": _moment(change.window_start),
        "window_end": _moment(change.window_end),
        "submitted_at": _moment(change.submitted_at),
    }
    if revision is not None:
        facts |= {"revision": revision.number, "digest": revision.digest, "devices": revision.device_count}
        facts["why"] = [stage["sentence"] for stage in (revision.demand or {}).get("stages", [])]
    if stages:
        facts["waits_for"] = [row.group for row in stages]
        facts["needed"] = stages[0].needed
        facts["stage"] = stages[0].stage
    return facts


def _freezes(starts_at: datetime, until: datetime) -> list[Point]:
    rows = ChangeFreeze.objects.filter(lifted_at=None, ends_at__gt=starts_at, starts_at__lt=until).order_by("starts_at")
    return [
        Point(
            ItemKind.FREEZE,
            f"Change freeze: {row.name}"[:300],
            facts={"starts_at": _moment(row.starts_at), "ends_at": _moment(row.ends_at), "reason": row.reason[:500]},
        )
        for row in rows[:MAX_ITEMS]
    ]


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
