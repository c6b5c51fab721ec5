"""Telling people: rows in the caller's transaction; workers deliver them afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.contrib.auth import get_user_model
from django.utils import timezone

from audit.body import clean_text, clip
from changes.domain.notifications import (
    DIGEST_HOUR,
    SENTENCE_LIMIT,
    SUBJECT_LIMIT,
    Channel,
    Choice,
    Digest,
    Topic,
    due_at,
    local_path,
    one_line,
)
from changes.models import (
    ChangeRequest,
    Notification,
    NotificationDelivery,
    NotificationPreference,
    NotificationProfile,
)


def notify(
    topic: Topic,
    *,
    people: Iterable[int],
    subject: str,
    sentence: str,
    change: ChangeRequest | None = None,
    path: str = "",
) -> None:
    """Tell people something: rows in the caller's transaction, gone with it if it is rolled back. Nothing is sent here.

    ``people`` are ids of accounts; each gets one notification, accounts that are switched off or do not exist get
    none. ``path`` leads into the portal, any other is left out. Subject and sentence are cut to their limits. A bad
    e-mail or webhook address fails its delivery later, never this call. Five queries at most, whatever the number of
    people.
    """
    wanted = set(people)
    if not wanted:
        return
    addresses = dict(
        get_user_model().objects.filter(pk__in=wanted, is_active=True).order_by("pk").values_list("pk", "email")
    )
    if not addresses:
        return
    choices = _choices(topic, addresses)
    rows = [
        Notification(
            person_id=pk,
            topic=topic.value,
            change=change,
            subject=one_line(subject, SUBJECT_LIMIT),
            sentence=clip(clean_text(sentence), SENTENCE_LIMIT),
            path=local_path(path),
            listed=choices[pk].page,
        )
        for pk in addresses
        if choices[pk] != Choice(page=False, email=False, webhook=False)
    ]
    Notification.objects.bulk_create(rows)
    NotificationDelivery.objects.bulk_create(_deliveries(rows, choices, addresses))


def _choices(topic: Topic, people: Iterable[int]) -> Mapping[int, Choice]:
    chosen = NotificationPreference.objects.filter(person__in=people, topic=topic.value)
    found = {row.person_id: Choice(page=row.page, email=row.email, webhook=row.webhook) for row in chosen}
    return {pk: found.get(pk, Choice.default(topic)) for pk in people}


def _deliveries(
    rows: Iterable[Notification], choices: Mapping[int, Choice], addresses: Mapping[int, str]
) -> list[NotificationDelivery]:
    profiles = NotificationProfile.objects.in_bulk(list(addresses))
    now = timezone.now()
    return [
        _delivery(row, channel, profiles.get(row.person_id), now)
        for row in rows
        for channel in choices[row.person_id].channels()
        if _reaches(channel, addresses[row.person_id], profiles.get(row.person_id))
    ]


def _reaches(channel: Channel, address: str, profile: NotificationProfile | None) -> bool:
    if channel is Channel.EMAIL:
        return bool(address)
    return profile is not None and bool(profile.webhook_sealed)


def _delivery(
    row: Notification, channel: Channel, profile: NotificationProfile | None, now: datetime
) -> NotificationDelivery:
    digest, hour = (Digest(profile.digest), profile.digest_hour) if profile else (Digest.AT_ONCE, DIGEST_HOUR)
    if channel is not Channel.EMAIL or row.topic == Topic.TEST:
        digest = Digest.AT_ONCE
    return NotificationDelivery(
        notification=row,
        person_id=row.person_id,
        channel=channel.value,
        bundled=digest is not Digest.AT_ONCE,
        due_at=due_at(digest, now, hour=hour),
    )
