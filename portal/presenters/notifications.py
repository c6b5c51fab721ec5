"""Notifications and preferences as their pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest

from changes.domain.notifications import CHOOSABLE, Channel, Choice, DeliveryState, Digest, Topic
from changes.models import Notification, NotificationDelivery
from changes.services.notification_choices import choices_of, profile_of
from portal.presenters.paging import older_page

PAGE: Final = 50
LATEST: Final = 8
_ICONS: Final = {
    Topic.DECIDED: "signature", Topic.RUN_ENDED: "s-succeeded", Topic.RUN_STARTED: "play", Topic.MENTIONED: "comment",
    Topic.THREAD_REPLIED: "comment", Topic.WINDOW_NEAR: "calendar", Topic.STALE: "s-stale", Topic.REMINDER: "clock",
    Topic.REVIEW_DUE: "clock", Topic.ACTION_DUE: "clock", Topic.RUN_NEEDS_PERSON: "s-paused",
}  # fmt: skip
_TONES: Final = {DeliveryState.SENT: "ok", DeliveryState.WAITING: "wait", DeliveryState.FAILED: "bad"}


@dataclass(frozen=True, slots=True)
class Told:
    """One notification as a row."""

    id: int
    icon: str
    topic: str
    subject: str
    sentence: str
    at: datetime
    is_unread: bool


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic with its three switches."""

    value: str
    label: str
    about: str
    choice: Choice


@dataclass(frozen=True, slots=True)
class Delivery:
    """One of the latest messages, and what came of it."""

    channel: str
    subject: str
    state: str
    tone: str
    detail: str
    at: datetime


def notification_page(request: HttpRequest) -> dict[str, Any]:
    """The list of the person who looks; one query.

    Raises:
        InvalidInputError: the cursor is none.
    """
    person = request.user.pk or 0
    page = older_page(request, Notification.objects.listed().filter(person=person).order_by("-pk"), size=PAGE)
    rows = [_told(row) for row in page.rows]
    return {
        "rows": rows,
        "older_url": page.next_url,
        "newer_url": page.first_url,
        "crumbs": [{"label": "Notifications", "url": ""}],
    }


def _told(row: Notification) -> Told:
    topic = Topic(row.topic)
    icon = _ICONS.get(topic, "bell")
    return Told(row.pk, icon, topic.label, row.subject, row.sentence, row.created_at, row.read_at is None)


def preferences_page(person_id: int, *, sent: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The preferences of a person, or what was sent and refused; three queries."""
    profile = profile_of(person_id)
    choices = choices_of(person_id)
    if sent is not None:
        choices |= {Topic(name): Choice(**ways) for name, ways in sent["topics"].items()}
    latest = NotificationDelivery.objects.filter(person=person_id).select_related("notification").order_by("-pk")
    return {
        "topics": [TopicRow(topic.value, topic.label, topic.about, choices[topic]) for topic in CHOOSABLE],
        "digests": [(digest.value, digest.label) for digest in Digest],
        "digest": sent["digest"] if sent else profile.digest,
        "hours": range(24),
        "digest_hour": sent["digest_hour"] if sent else profile.digest_hour,
        "webhook_host": profile.webhook_host,
        "mail_is_on": settings.COUNTERSIGN_MAIL_ON,
        "deliveries": [_delivery(row) for row in latest[:LATEST]],
        "crumbs": [{"label": "Your account", "url": "/account/"}, {"label": "Notifications", "url": ""}],
    }


def _delivery(row: NotificationDelivery) -> Delivery:
    state = DeliveryState(row.state)
    return Delivery(
        channel=Channel(row.channel).label,
        subject=row.notification.subject,
        state=_state(row, state),
        tone=_TONES[state],
        detail=row.detail,
        at=row.ended_at or row.notification.created_at,
    )


def _state(row: NotificationDelivery, state: DeliveryState) -> str:
    if state is DeliveryState.WAITING and row.attempts:
        return f"tried {row.attempts} times, will be tried again" if row.attempts > 1 else "will be tried again"
    if state is DeliveryState.WAITING and row.bundled:
        return f"waits for the digest of {row.due_at:%H:%M} UTC"
    return state.label.lower()
