from dataclasses import dataclass

from django.db.models import Q, QuerySet

from audit.errors import BadFilterError
from audit.filters import EventFilter
from audit.models import Event

__all__ = ["PAGE_LIMIT", "EventFilter", "EventPage", "event_get", "event_page", "events"]

PAGE_LIMIT = 500

_EXACT = {
    "actor": "actor_name", "origin": "origin", "action": "action", "object_type": "object_type",
    "object_id": "object_id", "change_id": "change_id", "device_id": "device_id", "code": "code",
    "request_id": "request_id", "since": "at__gte", "until": "at__lt", "ids": "id__in",
}  # fmt: skip

_SEARCHED = ("object_label", "object_id", "actor_name", "action", "code", "reason")


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, newest first; ``next_before_id`` asks for those that follow, ``None`` says none do."""

    events: tuple[Event, ...]
    next_before_id: int | None


def events(event_filter: EventFilter) -> QuerySet[Event]:
    """The events that pass the filter, newest first."""
    asked = event_filter.asked()
    exact = {column: asked[name] for name, column in _EXACT.items() if name in asked}
    found = Event.objects.filter(**exact)
    if event_filter.text:
        found = found.filter(_mentions(event_filter.text))
    return found.order_by("-id")


def _mentions(text: str) -> Q:
    anywhere = Q()
    for column in _SEARCHED:
        anywhere |= Q(**{f"{column}__icontains": text})
    return anywhere


def event_page(event_filter: EventFilter, *, before_id: int | None = None, size: int = 50) -> EventPage:
    """One page, newest first, found by id and not by offset: one query, no COUNT, without the bodies.

    Events that arrive while somebody turns pages neither repeat nor hide any: they are newer than page one.

    Raises:
        BadFilterError: ``size`` is not between 1 and 500.
    """
    if not 1 <= size <= PAGE_LIMIT:
        raise BadFilterError("limit", f"A page holds between 1 and {PAGE_LIMIT} events.")
    found = events(event_filter).defer("body")
    if before_id is not None:
        found = found.filter(id__lt=before_id)
    rows = tuple(found[: size + 1])
    more = len(rows) > size
    return EventPage(events=rows[:size], next_before_id=rows[size - 1].pk if more else None)


def event_get(event_id: int) -> Event:
    """One event with its body.

    Raises:
        Event.DoesNotExist: there is none with this id.
    """
    return Event.objects.get(pk=event_id)
