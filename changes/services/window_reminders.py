"""Telling people that the window of their change opens soon. Nothing is started by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from changes.domain.calendar.starting import StartState
from changes.domain.notifications import Topic
from changes.domain.states import ChangeState
from changes.domain.windows import Period
from changes.models import ChangeRequest
from changes.services.notifying import notify
from changes.services.windows import database_now

NEAR: Final = timedelta(hours=1)
_AT_ONCE: Final = 200


@transaction.atomic
def windows_near_tell() -> int:
    """Tell the people of scheduled changes whose window opens within the hour, once for each window; how many changes.

    Rows that somebody else is working on are left to the next call.
    """
    now = database_now()
    untold = Q(window_told=None) | ~Q(window_told=F("window_start"))
    rows = ChangeRequest.objects.select_for_update(skip_locked=True, no_key=True).filter(
        untold, state=ChangeState.SCHEDULED, window_start__gt=now, window_start__lte=now + NEAR
    )
    found = list(rows.order_by("window_start", "pk")[:_AT_ONCE])
    for change in found:
        _tell(change)
        ChangeRequest.objects.filter(pk=change.pk).update(window_told=change.window_start)
    return len(found)


def _tell(change: ChangeRequest) -> None:
    assert change.window_start and change.window_end  # noqa: PT018, S101 - asked for changes with a window
    ordered = change.scheduled_starts.filter(state=StartState.WAITING).select_related("asked_by").first()
    by = f"It starts by itself, for {ordered.asked_by.get_username()}." if ordered else "An implementer starts it."
    notify(
        Topic.WINDOW_NEAR,
        people={change.author_id, change.last_editor_id, *([ordered.asked_by_id] if ordered else [])},
        subject=f"The window of {change.number} opens soon",
        sentence=f"{change} may be started in {Period(change.window_start, change.window_end).words}. {by}",
        change=change,
        path=f"/changes/{change.pk}/",
    )
