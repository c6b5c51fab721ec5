"""Change requests as rows of a list or of the inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum
from django.urls import reverse

from changes.domain.states import ChangeState, ChangeType, CloseCode
from changes.models import ENDED_DEVICE_RUN_STATES, ChangeQuerySet, ChangeRequest, DevicePlan, Run
from portal.presenters.visible import visible

NOT_LISTED = ("content", "variables", "targets", "checks", "strategy", "reason", "close_note", "revision__inputs",
              "revision__facts", "revision__demand")  # fmt: skip
"""Long columns that no list shows: a page of fifty changes would read megabytes."""

_RUN_MATTERS = frozenset(
    {ChangeState.IMPLEMENTING, ChangeState.PAUSED, ChangeState.ROLLING_BACK, ChangeState.REVIEW, ChangeState.CLOSED}
)


@dataclass(frozen=True, slots=True)
class RunFact:
    """How far a change's latest run is, or what it came to; ``outcome`` is empty while it goes on."""

    outcome: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What a list says of one change; ``state`` decides glyph and tone, ``state_label`` is the word."""

    id: int
    number: str
    title: str
    url: str
    author: str
    state: str
    state_label: str
    risk: str
    on_hold: bool
    devices: int | None
    added: int
    removed: int
    updated_at: datetime
    submitted_at: datetime | None
    run: RunFact | None
    emergency: bool = False

    @property
    def has_lines(self) -> bool:
        """Whether there is a diff to count."""
        return bool(self.added or self.removed)


def listed(changes: ChangeQuerySet) -> ChangeQuerySet:
    """The same changes without the columns that no list shows."""
    return changes.defer(*NOT_LISTED)


def briefly(changes: ChangeQuerySet) -> ChangeQuerySet:
    """The same changes with nothing but what a row shows of them, their authors and plans."""
    return changes.select_related("author", "revision").only(
        "title", "type", "state", "on_hold", "risk_level", "window_start", "close_code", "updated_at",
        "submitted_at", "author__username", "revision__state", "revision__detail", "revision__device_count",
    )  # fmt: skip


def change_rows(changes: Sequence[ChangeRequest]) -> list[ChangeRow]:
    """The changes as rows, in the order given; at most two queries, whatever their number."""
    lines = _lines([change.revision_id for change in changes if change.revision_id])
    runs = _runs([change.pk for change in changes if change.state in _RUN_MATTERS])
    return [_row(change, lines.get(change.revision_id or 0, (0, 0)), runs.get(change.pk)) for change in changes]


def _row(change: ChangeRequest, lines: tuple[int, int], run: RunFact | None) -> ChangeRow:
    state, label = _shown_state(change)
    return ChangeRow(
        id=change.pk,
        number=change.number,
        title=visible(change.title),
        url=reverse("change-detail", args=[change.pk]),
        author=change.author.get_username(),
        state=state,
        state_label=label,
        risk=change.risk_level,
        on_hold=change.on_hold,
        devices=change.revision.device_count if change.revision else None,
        added=lines[0],
        removed=lines[1],
        updated_at=change.updated_at,
        submitted_at=change.submitted_at,
        run=run,
        emergency=change.type == ChangeType.EMERGENCY,
    )


def _shown_state(change: ChangeRequest) -> tuple[str, str]:
    """A closed change shows what it came to: not every closed change is a good one."""
    if change.state == ChangeState.CLOSED and change.close_code:
        return change.close_code, f"Closed: {CloseCode(change.close_code).label.lower()}"
    return change.state, ChangeState(change.state).label


def _lines(revision_ids: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    if not revision_ids:
        return {}
    plans = DevicePlan.objects.filter(revision_id__in=revision_ids).order_by()
    sums = plans.values("revision_id").annotate(added=Sum("lines_added"), removed=Sum("lines_removed"))
    return {row["revision_id"]: (row["added"], row["removed"]) for row in sums}


def _runs(change_ids: Sequence[int]) -> Mapping[int, RunFact]:
    if not change_ids:
        return {}
    ended = Count("device_runs", filter=Q(device_runs__state__in=ENDED_DEVICE_RUN_STATES))
    runs = Run.objects.filter(change_id__in=change_ids).annotate(done=ended).order_by("pk")
    # The latest run of each change stays: it comes last.
    facts = runs.values_list("change_id", "outcome", "done", "device_count")
    return {change_id: RunFact(outcome, done, total) for change_id, outcome, done, total in facts}
