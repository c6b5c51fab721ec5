from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from audit.conditions import passing
from audit.errors import BadFilterError
from audit.filters import EventFilter
from audit.models import Event
from audit.walking import EXAMINED, LOOK_S, Walk, best_path, id_bounds

__all__ = ["EXAMINED", "PAGE_LIMIT", "EventFilter", "EventPage", "StoryPage", "event_get", "event_page", "events",
           "story_page"]  # fmt: skip

PAGE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, newest first; ``next_before_id`` asks for those that follow, ``None`` says none do.

    Where the page ended early, since it had looked at ``EXAMINED`` events or for long enough, ``searched_to`` is when
    the last of those was written; ``next_before_id`` then goes on from there.
    """

    events: tuple[Event, ...]
    next_before_id: int | None
    searched_to: datetime | None = None


def events(event_filter: EventFilter) -> QuerySet[Event]:
    """All events that pass the filter, newest first; how long that takes depends on the log."""
    return Event.objects.filter(passing(event_filter.asked())).order_by("-id")


def event_page(event_filter: EventFilter, *, before_id: int | None = None, size: int = 50) -> EventPage:
    """One page, newest first, found by id and not by offset; no COUNT, without the bodies.

    It is read along one index. What that index cannot tell is looked up in at most ``EXAMINED`` events and for at most
    ``LOOK_S`` seconds, so that a page costs the same in a large log and on a slow disk; it can then hold fewer events
    than ``size``, even none, and still have a next one. One query; one more for a time range, for several wide filters
    and for what is found by looking, and two for the end of a search that found too few. Events that arrive while
    somebody turns pages neither repeat nor hide any: they are newer than page one.

    Raises:
        BadFilterError: ``size`` is not between 1 and 500.
    """
    if not 1 <= size <= PAGE_LIMIT:
        raise BadFilterError("limit", f"A page holds between 1 and {PAGE_LIMIT} events.")
    asked = event_filter.asked()
    low, high = id_bounds(event_filter.since, event_filter.until)
    high = high if before_id is None else min(high, before_id)
    walk = Walk(best_path(asked), asked, low, high, farthest=EXAMINED)
    if not walk.rest:
        rows = tuple(walk.events(take=size + 1).defer("body"))
        return EventPage(rows[:size], rows[size - 1].pk if len(rows) > size else None)
    return _looked(walk, size)


def _looked(walk: Walk, size: int) -> EventPage:
    """A page of what a walk finds; it goes on after the last event that was looked at."""
    found = walk.look(take=size + 1, within_s=LOOK_S)
    shown = found.ids[:size]
    rows = tuple(Event.objects.filter(pk__in=shown).order_by("-pk").defer("body")) if shown else ()
    if len(found.ids) > size:
        return EventPage(rows, shown[-1])
    if found.unseen is not None:
        return EventPage(rows, found.unseen[0] + 1, found.unseen[1])
    end = walk.end()
    return (
        EventPage(rows, end, Event.objects.values_list("at", flat=True).get(pk=end)) if end else EventPage(rows, None)
    )


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
