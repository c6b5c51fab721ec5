"""The calendar as iCalendar text (RFC 5545), written by the icalendar library.

Every event has its times in UTC and stands for itself: recurring windows are written out for the time of the feed. So
each client shows exactly the periods that Countersign judges by, whatever it makes of rules and time zones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from changes.domain.calendar.layout import EntryKind
from changes.domain.labels import Labelled
from changes.domain.windows import Period

PRODUCT: Final = "-//Countersign//Change calendar//EN"
CONTENT_TYPE: Final = "text/calendar; charset=utf-8"
MAX_EVENTS: Final = 5_000


class EventStatus(Labelled):
    """What a client shows of an event (RFC 5545, 3.8.1.11)."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event of the feed.

    Attributes:
        kind, key: what it is; an occurrence of a recurring window is told from its others by its start.
        changed_at: when it was last written; ``revision`` rises each time (RFC 5545, 3.8.7.4).
        url: where its page is; empty: none.
        busy: whether it takes up the reader's time; windows and freezes do not.
    """

    kind: EntryKind
    key: int
    summary: str
    period: Period
    changed_at: datetime
    revision: int = 0
    description: str = ""
    location: str = ""
    categories: tuple[str, ...] = ()
    url: str = ""
    status: EventStatus = EventStatus.CONFIRMED
    busy: bool = False

    def uid(self, installation: str) -> str:
        """The identifier that stays the same as long as it is the same event, in all feeds of the installation."""
        part = f"-{self.period.start.astimezone(UTC):%Y%m%dT%H%MZ}" if self.kind is EntryKind.WINDOW else ""
        return f"{self.kind.value}-{self.key}{part}@{installation}"


def icalendar_text(events: Iterable[FeedEvent], *, installation: str, name: str, refresh_minutes: int = 60) -> bytes:
    """Write a feed: lines of at most 75 octets with CR LF, in UTF-8, in the order given.

    ``installation`` is a host name; it makes the identifiers unique in the world. At most 5,000 events are written;
    give the nearest ones first. The same input gives the same octets.
    """
    from icalendar import Calendar, Event  # it loads 50 modules, and feeds are all that needs it

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _plain(name))
    calendar.add("x-published-ttl", f"PT{refresh_minutes}M")
    for event in islice(events, MAX_EVENTS):
        written = Event()
        for property_name, value in _properties(event, installation):
            written.add(property_name, value)
        calendar.add_component(written)
    return bytes(calendar.to_ical())


def _properties(event: FeedEvent, installation: str) -> Iterable[tuple[str, object]]:
    stamp = _seconds(event.changed_at)
    yield "uid", event.uid(installation)
    yield "dtstamp", stamp
    yield "last-modified", stamp
    yield "sequence", event.revision
    yield "dtstart", _seconds(event.period.start)
    yield "dtend", _seconds(event.period.end)
    yield "summary", _plain(event.summary)
    yield "status", event.status.value
    yield "transp", "OPAQUE" if event.busy else "TRANSPARENT"
    if event.description:
        yield "description", _plain(event.description)
    if event.location:
        yield "location", _plain(event.location)
    if event.categories:
        yield "categories", [_plain(each) for each in event.categories]
    if event.url:
        yield "url", event.url


def _seconds(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _plain(text: str) -> str:
    """Without what RFC 5545 (3.1) does not let a text hold: control characters other than line breaks and tabs."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in unix if each in "\n\t" or unicodedata.category(each) not in _CONTROLS)


_CONTROLS: Final = frozenset({"Cc", "Cs"})
