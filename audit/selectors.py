from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Func, Q, QuerySet, TextField, Value

from audit.errors import BadFilterError
from audit.filters import EventFilter
from audit.models import Event
from audit.walking import EXAMINED, best_path, id_bounds

__all__ = ["EXAMINED", "PAGE_LIMIT", "EventFilter", "EventPage", "StoryPage", "event_get", "event_page", "events",
           "story_page"]  # fmt: skip

PAGE_LIMIT = 500
TEXT = TextField()

_EXACT = {
    "actor": "actor_name", "origin": "origin", "action": "action", "object_type": "object_type",
    "object_id": "object_id", "change_id": "change_id", "device_id": "device_id", "code": "code",
    "request_id": "request_id", "since": "at__gte", "until": "at__lt", "ids": "id__in",
}  # fmt: skip

_SEARCHED = ("object_label", "object_id", "actor_name", "action", "code", "reason")


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, newest first; ``next_before_id`` asks for those that follow, ``None`` says none do.

    Where the page ended early, since it had looked at ``EXAMINED`` events, ``searched_to`` is when the last of those
    was written; ``next_before_id`` then goes on from there.
    """

    events: tuple[Event, ...]
    next_before_id: int | None
    searched_to: datetime | None = None


def events(event_filter: EventFilter) -> QuerySet[Event]:
    """All events that pass the filter, newest first; how long that takes depends on the log."""
    asked = event_filter.asked()
    found = Event.objects.filter(**{column: asked[name] for name, column in _EXACT.items() if name in asked})
    if event_filter.text:
        found = found.filter(_mentions(event_filter.text))
    return found.order_by("-id")


def _mentions(text: str) -> Q:
    anywhere = Q()
    for column in _SEARCHED:
        anywhere |= Q(**{f"{column}__icontains": text})
    return anywhere


def _looked_at(found: QuerySet[Event], event_filter: EventFilter, names: Iterable[str]) -> QuerySet[Event]:
    """Of these events, those that pass the named conditions, found by looking at each.

    The columns stand in expressions, so that no second index is read for them: it could hold half of the log.
    """
    asked = event_filter.asked()
    for name in names:
        if name == "text":
            said = Func(Value("\x1f"), *(F(column) for column in _SEARCHED), function="CONCAT_WS", output_field=TEXT)
            found = found.alias(_said=said).filter(_said__icontains=event_filter.text)
        else:
            column, _by, lookup = _EXACT[name].partition("__")
            found = found.alias(**{f"_{name}": _unindexed(column)})
            found = found.filter(**{f"_{name}__{lookup or 'exact'}": asked[name]})
    return found


def _unindexed(column: str) -> Func:
    """The column's own value, as an expression that no index is about."""
    return Func(F(column), F(column), function="COALESCE")


def event_page(event_filter: EventFilter, *, before_id: int | None = None, size: int = 50) -> EventPage:
    """One page, newest first, found by id and not by offset; no COUNT, without the bodies.

    It is read along one index. What that index cannot tell is looked up in at most ``EXAMINED`` events, so that a page
    costs the same in a large log; it can then hold fewer events than ``size``, even none, and still have a next one.
    One query; one more for each of a time range, several wide filters, a bounded search and its end. Events that arrive
    while somebody turns pages neither repeat nor hide any: they are newer than page one.

    Raises:
        BadFilterError: ``size`` is not between 1 and 500.
    """
    if not 1 <= size <= PAGE_LIMIT:
        raise BadFilterError("limit", f"A page holds between 1 and {PAGE_LIMIT} events.")
    if event_filter.ids:
        chosen = events(event_filter)
        return _page(chosen if before_id is None else chosen.filter(id__lt=before_id), size)
    asked = event_filter.asked()
    low, high = id_bounds(event_filter.since, event_filter.until)
    high = high if before_id is None else min(high, before_id)
    path = best_path(asked)
    rest = asked.keys() - set(path.filters)
    if not rest:
        return _page(path.rows(asked, low=low, high=high), size)
    # Their ids first: whatever the planner expects of the rest, it then reads these rows and no others.
    walked = list(path.rows(asked, low=low, high=high).values_list("id", flat=True)[:EXAMINED])
    page = _page(_looked_at(Event.objects.filter(id__in=walked).order_by("-id"), event_filter, rest), size)
    if len(walked) < EXAMINED or page.next_before_id is not None:
        return page
    return EventPage(page.events, walked[-1], Event.objects.values_list("at", flat=True).get(pk=walked[-1]))


def _page(found: QuerySet[Event], size: int) -> EventPage:
    rows = tuple(found.defer("body")[: size + 1])
    return EventPage(rows[:size], rows[size - 1].pk if len(rows) > size else None)


@dataclass(frozen=True, slots=True)
class StoryPage:
    """Some events of a change, oldest first; ``next_after_id`` asks for those that follow, ``None`` says none do."""

    events: tuple[Event, ...]
    next_after_id: int | None


def story_page(change_id: int, *, after_id: int = 0, size: int = 50) -> StoryPage:
    """The story of one change from its beginning; one query, with the bodies.

    An event that was committed late can appear before one that was read already; reading anew shows it.

    Raises:
        BadFilterError: ``size`` is not between 1 and 500.
    """
    if not 1 <= size <= PAGE_LIMIT:
        raise BadFilterError("limit", f"A page holds between 1 and {PAGE_LIMIT} events.")
    rows = tuple(Event.objects.filter(change_id=change_id, id__gt=after_id).order_by("change_id", "id")[: size + 1])
    return StoryPage(rows[:size], rows[size - 1].pk if len(rows) > size else None)


def event_get(event_id: int) -> Event:
    """One event with its body.

    Raises:
        Event.DoesNotExist: there is none with this id.
    """
    return Event.objects.get(pk=event_id)
