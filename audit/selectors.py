from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from audit.conditions import passing
from audit.errors import BadFilterError
from audit.filters import EventFilter
from audit.models import Event
from audit.walking import EXAMINED, Walk, best_path, id_bounds

__all__ = ["EXAMINED", "PAGE_LIMIT", "EventFilter", "EventPage", "StoryPage", "event_get", "event_page", "events",
           "story_page"]  # fmt: skip

PAGE_LIMIT = 500


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
    return Event.objects.filter(passing(event_filter.asked())).order_by("-id")


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
    walk = Walk(best_path(asked), asked, low, high, farthest=EXAMINED)
    page = _page(walk.events(take=size + 1), size)
    end = walk.end() if walk.rest and page.next_before_id is None else None
    return EventPage(page.events, *end) if end else page


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
