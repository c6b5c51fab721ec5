"""Calendar feeds: addresses with a token of their own, that calendar programs read. The token is shown once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from audit.actor import Actor
from audit.recorder import record
from changes.domain.calendar.feed import EventStatus, FeedEvent, icalendar_text
from changes.domain.calendar.layout import EntryKind
from changes.domain.errors import InvalidInputError
from changes.domain.input import hidden_character
from changes.domain.states import ENDED
from changes.domain.windows import Period
from changes.models import ChangeFreeze, ChangeRequest, MaintenanceWindow
from changes.services.calendar_entries import CalendarFilter, Marked, calendar_contents
from portal.errors import TokenLimitError, TokenNotFoundError
from portal.models import CalendarFeed
from portal.presenters.calendar import entry_url

MAX_NAME: Final = 100
MAX_SITE: Final = 100
MAX_FEEDS: Final = 20
TOKEN_BYTES: Final = 32
PAST: Final = timedelta(days=30)
FUTURE: Final = timedelta(days=180)
_READ_NOTED_EVERY: Final = timedelta(hours=1)
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)


@transaction.atomic
@sensitive_variables("text")
def feed_create(*, actor: Actor, name: str, site: str = "") -> tuple[CalendarFeed, str]:
    """Make a feed for the acting person, and audit it. The token that is returned can never be read again.

    Raises:
        InvalidInputError: no usable name or site.
        TokenLimitError: the person has 20 feeds already.
    """
    fields: dict[str, list[str]] = {}
    name, site = name.strip(), site.strip()
    if not name or len(name) > MAX_NAME:
        fields["name"] = [f"Give the feed a name of up to {MAX_NAME} characters that says what reads it."]
    elif hidden := hidden_character(name):
        fields["name"] = [f"In the name, {hidden}"]
    if len(site) > MAX_SITE or hidden_character(site):
        fields["site"] = [f"A site has at most {MAX_SITE} characters that can be read."]
    if fields:
        raise InvalidInputError(fields)
    if actor.user_id is None:
        raise TokenNotFoundError("Only people have feeds.")
    person = get_user_model().objects.select_for_update().get(pk=actor.user_id)
    if feeds_of(actor).count() >= MAX_FEEDS:
        raise TokenLimitError(f"You have {MAX_FEEDS} feeds. Revoke one that is no longer read, then try again.")
    text = secrets.token_urlsafe(TOKEN_BYTES)
    feed = CalendarFeed.objects.create(user=person, name=name, site=site, digest=_digest(text))
    _audit(feed, "calendar_feed.created", actor)
    return feed, text


@transaction.atomic
def feed_end(*, actor: Actor, feed_id: str) -> None:
    """End one of the acting person's own feeds at once, and audit it.

    Raises:
        TokenNotFoundError: the person has no such feed.
    """
    feed = CalendarFeed.objects.select_for_update().filter(user_id=actor.user_id or 0, public_id=feed_id).first()
    if feed is None:
        raise TokenNotFoundError("You have no feed with this id.")
    _audit(feed, "calendar_feed.revoked", actor)
    feed.delete()


def feeds_of(actor: Actor) -> QuerySet[CalendarFeed]:
    """The acting person's feeds, newest first."""
    return CalendarFeed.objects.filter(user_id=actor.user_id or 0)


@sensitive_variables("token")
def feed_with(token: str) -> CalendarFeed | None:
    """The feed that a token opens; None: there is none, or its owner's account is switched off. One query, or two."""
    found = CalendarFeed.objects.filter(digest=_digest(token), user__is_active=True).first()
    if found and (found.read_at is None or found.read_at < timezone.now() - _READ_NOTED_EVERY):
        CalendarFeed.objects.filter(pk=found.pk).update(read_at=timezone.now())
    return found


def feed_text(feed: CalendarFeed, *, address: str, now: datetime | None = None) -> bytes:
    """The calendar as iCalendar text: what every signed-in person may read, from 30 days ago to 180 days ahead.

    ``address`` is that of the installation, such as ``https://changes.example.net``. Conflicts are no events.
    """
    at = now or timezone.now()
    wanted = CalendarFilter(site=feed.site)
    # What is to come goes before what is over, where there is more than a feed holds.
    parts = [
        calendar_contents(period, wanted, with_conflicts=False).entries
        for period in (Period(at, at + FUTURE), Period(at - PAST, at))
    ]
    entries = list({each.entry: each for part in parts for each in part}.values())
    changed = _changed_at(entries)
    host = urlsplit(address).hostname or "countersign"
    near = sorted(entries, key=lambda each: abs(each.entry.period.start - at))
    name = f"Changes at {feed.site}" if feed.site else "Changes"
    return icalendar_text((_event(each, changed, address) for each in near), installation=host, name=f"{name} ({host})")


_Changed = dict[tuple[EntryKind, int], tuple[datetime, int]]


def _changed_at(entries: list[Marked]) -> _Changed:
    """When each was last written, and a number that rises with it; three queries."""
    ids = {kind: {each.entry.key for each in entries if each.entry.kind is kind} for kind in EntryKind}
    changes = ChangeRequest.objects.filter(pk__in=ids[EntryKind.CHANGE]).values_list("pk", "updated_at")
    windows = MaintenanceWindow.objects.filter(pk__in=ids[EntryKind.WINDOW]).values_list("pk", "edited_at")
    freezes = ChangeFreeze.objects.filter(pk__in=ids[EntryKind.FREEZE]).values_list("pk", "declared_at")
    rows = {EntryKind.CHANGE: changes, EntryKind.WINDOW: windows, EntryKind.FREEZE: freezes}
    return {
        (kind, pk): (moment, int((moment - _EPOCH).total_seconds()))
        for kind, found in rows.items()
        for pk, moment in found
    }


def _event(marked: Marked, changed: _Changed, address: str) -> FeedEvent:
    entry = marked.entry
    moment, revision = changed[entry.kind, entry.key]
    ended = entry.kind is EntryKind.CHANGE and entry.state in ENDED
    return FeedEvent(
        kind=entry.kind,
        key=entry.key,
        summary=entry.title if entry.kind is EntryKind.CHANGE else f"{entry.kind.label}: {entry.title}",
        period=entry.period,
        changed_at=moment,
        revision=revision,
        description=" ".join(filter(None, [f"State: {entry.state}." if entry.state else "", marked.sentence])),
        categories=(entry.kind.label,),
        url=f"{address}{entry_url(marked)}",
        status=EventStatus.CONFIRMED if ended or not marked.tone else EventStatus.TENTATIVE,
        busy=entry.kind is EntryKind.CHANGE,
    )


def feed_path(token: str) -> str:
    """The path of the feed that a token opens."""
    return reverse("calendar-feed", args=[token])


@sensitive_variables("token")
def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _audit(feed: CalendarFeed, action: str, actor: Actor) -> None:
    record(
        actor=actor,
        action=action,
        object_type="calendar_feed",
        object_id=str(feed.public_id),
        object_label=feed.name,
        details={"site": feed.site},
    )
