"""Setting the window of a change: what stands against it, who let what through, and whether it starts by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from changes.domain import policy
from changes.domain.calendar.conflicts import Conflict
from changes.domain.calendar.legality import Obstacle
from changes.domain.calendar.rights import may_call_start_off
from changes.domain.calendar.starting import StartState, is_late
from changes.domain.calendar.waivers import may_waive
from changes.domain.states import BEFORE_IMPLEMENTING, ChangeState
from changes.domain.windows import Period
from changes.models import ChangeRequest, ConflictWaiver, ScheduledStart, ScheduleProblem
from changes.services.conflicts import window_judge
from changes.services.people import facts_of
from changes.services.windows import database_now
from portal.presenters.sight import Sight

_LONG_ENOUGH = "x" * 10


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """A conflict with every device of both changes, and whether somebody let it through."""

    conflict: Conflict
    waived: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What the calendar says to a window; ``may_waive`` and ``why_not`` are about the person who looks."""

    period: Period
    obstacles: tuple[Obstacle, ...]
    notes: tuple[str, ...]
    conflicts: tuple[ConflictRow, ...]
    seen: str
    open: int
    may_waive: bool
    why_not: str

    @property
    def holds(self) -> bool:
        """Whether the window can be set."""
        return not self.obstacles and not self.open


@dataclass(frozen=True, slots=True)
class SelfStart:
    """The order that a change starts by itself; ``overdue``: its time has come and nothing has happened yet."""

    row: ScheduledStart
    state: str
    tone: str
    overdue: bool
    may_call_off: bool


def standing_of(sight: Sight, period: Period) -> Standing:
    """Judge a window for the page. About twenty queries where there are conflicts; ten where there are none."""
    judged = window_judge(sight.change, period)
    still = set(judged.open)
    verdict = None
    for key in dict.fromkeys(each.other_key for each in judged.open):
        other = ChangeRequest.objects.select_related("revision").get(pk=key)
        verdict = may_waive(sight.person, sight.facts, facts_of(other), reason=_LONG_ENOUGH)
        if not verdict.allowed:
            break
    return Standing(
        period=period,
        obstacles=judged.legality.obstacles,
        notes=judged.legality.notes,
        conflicts=tuple(ConflictRow(each, each not in still) for each in judged.conflicts),
        seen=judged.seen,
        open=len(judged.open),
        may_waive=verdict is not None and verdict.allowed,
        why_not=verdict.reasons[0].sentence if verdict is not None and not verdict.allowed else "",
    )


def waivers_of(change: ChangeRequest) -> Sequence[ConflictWaiver]:
    """What was waived for this change, newest first; one query."""
    rows = ConflictWaiver.objects.filter(change=change).select_related("waived_by", "other")
    return list(rows.order_by("-pk")[:20])


def problem_of(change: ChangeRequest) -> ScheduleProblem | None:
    """The mark of a change whose window is not legal any more, while that matters; one query."""
    if change.state not in BEFORE_IMPLEMENTING | {ChangeState.PAUSED}:
        return None
    return ScheduleProblem.objects.filter(change=change).first()


def self_start_of(sight: Sight) -> SelfStart | None:
    """The last order to start by itself; two queries at most."""
    row = ScheduledStart.objects.filter(change=sight.change).select_related("asked_by", "run").order_by("-pk").first()
    if row is None or (row.state != StartState.WAITING and sight.state is not ChangeState.SCHEDULED):
        return None
    now = database_now()
    waiting = row.state == StartState.WAITING
    tone = {StartState.REFUSED: "bad", StartState.LATE: "bad"}.get(StartState(row.state), "info")
    return SelfStart(
        row=row,
        state=row.state,
        tone=tone,
        overdue=waiting and (is_late(row.starts_at, now) or _due(row.starts_at, now)),
        may_call_off=waiting and may_call_start_off(sight.person, sight.facts).allowed,
    )


@dataclass(frozen=True, slots=True)
class CalendarNote:
    """What the page of a change says of the calendar."""

    problem: ScheduleProblem | None
    self_start: SelfStart | None
    may_order: bool


def calendar_note_of(sight: Sight) -> CalendarNote | None:
    """The mark and the order of a change with a window; three queries at most, none where it has no window to come."""
    change = sight.change
    if change.window_start is None or sight.state not in {ChangeState.SCHEDULED, ChangeState.APPROVED}:
        return None
    found = self_start_of(sight)
    waits = found is not None and found.state == StartState.WAITING
    to_come = sight.state is ChangeState.SCHEDULED and change.window_start > timezone.now()
    return CalendarNote(problem_of(change), found, to_come and not waits and may_order_start(sight))


def may_order_start(sight: Sight) -> bool:
    """Whether the person could order that the change starts by itself, as far as rules go."""
    return policy.may_start(sight.person, sight.facts).allowed


def _due(starts_at: datetime, now: datetime) -> bool:
    return (now - starts_at).total_seconds() > 60
