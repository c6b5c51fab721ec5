"""Scheduled changes whose window is not legal any more: found, marked and told when the calendar is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from audit.actor import Actor
from changes.domain.calendar.freezes import ScopedFreeze
from changes.domain.calendar.legality import Calendar, Obstacle, legal
from changes.domain.calendar.scope import named
from changes.domain.notifications import Topic
from changes.domain.states import ChangeType
from changes.domain.windows import Period
from changes.models import ChangeRequest, ScheduleProblem
from changes.services.calendar import BOOKED, calendar_between, devices_of
from changes.services.notifying import notify
from changes.services.transitions import audit_change
from changes.services.windows import database_now, window_of

MOST = 500
"""So many scheduled changes are looked at when the calendar is changed, those that start first."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A scheduled change, and what stands against its window; every device is named."""

    change: ChangeRequest
    obstacles: tuple[Obstacle, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of all devices that it is about, sorted."""
        return tuple(sorted({name for each in self.obstacles for name in each.devices}))

    @property
    def sentence(self) -> str:
        """What stands against it."""
        return " ".join(each.sentence for each in self.obstacles)


def hits_of_freeze(freeze: ScopedFreeze) -> tuple[Hit, ...]:
    """The scheduled changes that this freeze would stop; nothing is written. Two queries for each change looked at."""
    return _hits(freeze.period, Calendar(freezes=(freeze,)))


def problems_recheck(period: Period, *, actor: Actor) -> tuple[Hit, ...]:
    """Judge every scheduled change in this time again, mark those that are hit, and tell their people.

    Call it with the calendar locked, after it was written to. Those whose window is legal again lose their mark.
    Returns those that are marked now.
    """
    hits = _hits(period, calendar_between(period.start, period.end))
    # A mark of a change that was not looked at says nothing less than before.
    not_looked_at = set(_in_its_time(period).values_list("pk", flat=True)[MOST:])
    marked = {
        row.change_id: row
        for row in ScheduleProblem.objects.filter(_in_time(period))
        if row.change_id not in not_looked_at
    }
    for hit in hits:
        row = marked.pop(hit.change.pk, None)
        if row is None or row.sentence != hit.sentence:
            _mark(hit, actor)
    for row in marked.values():
        _clear(row, actor)
    return hits


def problem_settle(change: ChangeRequest) -> None:
    """Forget the mark of a change whose window was just judged and set."""
    ScheduleProblem.objects.filter(change=change).delete()


def _hits(period: Period, calendar: Calendar) -> tuple[Hit, ...]:
    return tuple(hit for hit in (_judged(row, calendar) for row in _in_its_time(period)[:MOST]) if hit.obstacles)


def _in_its_time(period: Period) -> QuerySet[ChangeRequest]:
    start = max(period.start, database_now())
    rows = ChangeRequest.objects.with_window_in(start, period.end).filter(state__in=BOOKED)
    return rows.order_by("window_start", "pk")


def _in_time(period: Period) -> Q:
    start = max(period.start, database_now())
    return Q(change__window_start__lt=period.end, change__window_end__gt=start)


def _judged(change: ChangeRequest, calendar: Calendar) -> Hit:
    window = window_of(change)
    assert window  # noqa: S101 - asked for changes with a window
    verdict = legal(
        window.start, window.end, devices_of(change), calendar=calendar, change_type=ChangeType(change.type)
    )
    return Hit(change, verdict.obstacles)


def _mark(hit: Hit, actor: Actor) -> None:
    change, code = hit.change, hit.obstacles[0].code
    ScheduleProblem.objects.update_or_create(
        change=change, defaults={"code": code, "sentence": hit.sentence, "devices": list(hit.devices)}
    )
    audit_change(
        change,
        "change.schedule_disturbed",
        actor=actor,
        code=code,
        reason=hit.sentence,
        details={"devices": list(hit.devices[:200]), "devices_in_all": len(hit.devices)},
    )
    notify(
        Topic.WINDOW_NEAR,
        people=_people(change),
        subject=f"{change.number} needs another window",
        sentence=f"{hit.sentence} It concerns {named(hit.devices)}. Move the window of {change.number}.",
        change=change,
        path=f"/changes/{change.pk}/schedule/",
    )


def _clear(row: ScheduleProblem, actor: Actor) -> None:
    change = ChangeRequest.objects.get(pk=row.change_id)
    row.delete()
    audit_change(change, "change.schedule_undisturbed", actor=actor, code=row.code, reason=row.sentence)


def _people(change: ChangeRequest) -> Iterable[int]:
    asked = change.scheduled_starts.filter(state="waiting").values_list("asked_by_id", flat=True)
    return {change.author_id, change.last_editor_id, *asked}
