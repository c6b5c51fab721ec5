"""How a person wants to be told: topics, bundling, an own webhook. Each person decides for themselves alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now

from audit.actor import Actor
from audit.recorder import record
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings, one_of, shown, unknown_names
from changes.domain.notifications import CHOOSABLE, Choice, Digest, Topic
from changes.errors import ConflictError
from changes.models import Notification, NotificationPreference, NotificationProfile
from changes.outbound.addresses import parse_url
from changes.outbound.errors import OutboundError
from changes.services.notifying import notify
from changes.services.people import person_of
from changes.services.sealing import seal, signing_secret

TESTS_PER_HOUR: Final = 6
PREFERENCES_PATH: Final = "/account/notifications/"
_WAYS: Final = ("page", "email", "webhook")


def choices_of(person_id: int) -> dict[Topic, Choice]:
    """Where each topic goes for a person; one query."""
    rows = NotificationPreference.objects.filter(person=person_id)
    chosen = {row.topic: Choice(page=row.page, email=row.email, webhook=row.webhook) for row in rows}
    return {topic: chosen.get(topic.value, Choice.default(topic)) for topic in CHOOSABLE}


def profile_of(person_id: int) -> NotificationProfile:
    """The person's profile, or an unsaved one with the defaults; one query."""
    return NotificationProfile.objects.filter(pk=person_id).first() or NotificationProfile(person_id=person_id)


@transaction.atomic
def preferences_save(*, actor: Actor, data: Mapping[str, object]) -> None:
    """Keep ``{digest?, digest_hour?, topics?: {topic: {page?, email?, webhook?}}}`` for the actor, and audit it.

    What is left out stays as it is.

    Raises:
        InvalidInputError: with a sentence under each name; nothing is kept.
        PolicyDeniedError: nobody is signed in.
    """
    person = person_of(actor)
    before = choices_of(person.id)
    after, profile = _parsed(data, before, _locked(person.id))
    NotificationPreference.objects.bulk_create(
        [
            NotificationPreference(
                person_id=person.id, topic=topic.value, page=choice.page, email=choice.email, webhook=choice.webhook
            )
            for topic, choice in after.items()
            if choice != before[topic]
        ],
        update_conflicts=True,
        unique_fields=["person", "topic"],
        update_fields=list(_WAYS),
    )
    profile.save(update_fields=["digest", "digest_hour"])
    changed = {topic.value: list(_ways(choice)) for topic, choice in after.items() if choice != before[topic]}
    _audit(actor, "notification.preferences_changed", topics=changed, digest=profile.digest, hour=profile.digest_hour)


@transaction.atomic
def webhook_set(*, actor: Actor, url: str) -> str:
    """Send the actor's notifications to this address from now on; returns a new signing secret, which is shown once.

    The address is sealed, and only its host is shown and audited. Nothing is sent here, and no name is resolved: that
    is judged at each call, because what a name means may change.

    Raises:
        InvalidInputError: it is no address that webhooks may have.
        PolicyDeniedError: nobody is signed in.
    """
    person = person_of(actor)
    try:
        target = parse_url(url.strip())
    except OutboundError as error:
        raise InvalidInputError({"url": [error.sentence]}) from None
    profile = _locked(person.id)
    profile.webhook_sealed = seal(url.strip(), owner=person.id)
    profile.webhook_host = target.authority[:255]
    profile.webhook_version += 1
    profile.save()
    _audit(actor, "notification.webhook_set", host=profile.webhook_host)
    return signing_secret(person.id, profile.webhook_version)


@transaction.atomic
def webhook_remove(*, actor: Actor) -> None:
    """Send nothing to the actor's webhook any more. Idempotent.

    Raises:
        PolicyDeniedError: nobody is signed in.
    """
    person = person_of(actor)
    profile = _locked(person.id)
    if not profile.webhook_sealed:
        return
    host = profile.webhook_host
    profile.webhook_sealed = profile.webhook_host = ""
    profile.save()
    _audit(actor, "notification.webhook_removed", host=host)


@transaction.atomic
def notification_test(*, actor: Actor) -> None:
    """Send the actor a notification over every way that is set up, whatever the preferences say of topics.

    Raises:
        ConflictError: too many within an hour.
        PolicyDeniedError: nobody is signed in.
    """
    person = person_of(actor)
    _locked(person.id)
    recent = Notification.objects.filter(
        person=person.id, topic=Topic.TEST, created_at__gt=Now() - timedelta(hours=1)
    ).count()
    if recent >= TESTS_PER_HOUR:
        raise ConflictError(f"You sent {recent} tests within an hour. Wait a while.", code="too_many_tests")
    notify(
        Topic.TEST,
        people=[person.id],
        subject="A test from Countersign",
        sentence="You asked for this test. Notifications reach you here.",
        path=PREFERENCES_PATH,
    )


def notifications_read(*, actor: Actor, ids: Collection[int] | None = None) -> int:
    """Mark the actor's own notifications as read: these, or all. Returns how many were unread.

    Raises:
        PolicyDeniedError: nobody is signed in.
    """
    rows = Notification.objects.unread().filter(person=person_of(actor).id)
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return rows.update(read_at=Now())


def _locked(person_id: int) -> NotificationProfile:
    NotificationProfile.objects.bulk_create([NotificationProfile(person_id=person_id)], ignore_conflicts=True)
    return NotificationProfile.objects.select_for_update(of=("self",), no_key=True).get(pk=person_id)


def _ways(choice: Choice) -> tuple[str, ...]:
    return tuple(way for way in _WAYS if getattr(choice, way))


def _parsed(
    data: Mapping[str, object], before: Mapping[Topic, Choice], profile: NotificationProfile
) -> tuple[dict[Topic, Choice], NotificationProfile]:
    findings = Findings()
    for name, sentence in unknown_names(data, {"digest", "digest_hour", "topics"}, "field").items():
        findings.add(shown(name), sentence)
    digest = data.get("digest", profile.digest)
    if digest not in set(Digest):
        findings.add("digest", f'"{shown(digest)}" is not known. Allowed: {one_of(set(Digest))}.')
    hour = data.get("digest_hour", profile.digest_hour)
    if not isinstance(hour, int) or isinstance(hour, bool) or not 0 <= hour <= 23:
        findings.add("digest_hour", "Give the hour of the daily digest, UTC, as a whole number from 0 to 23.")
    topics = data.get("topics", {})
    choices = dict(before)
    if not isinstance(topics, Mapping):
        findings.add("topics", 'Give an object such as {"decided": {"email": true}}.')
    else:
        for name, sentence in unknown_names(topics, set(CHOOSABLE), "topic").items():
            findings.add(f"topics.{shown(name)}", sentence)
        choices |= {
            topic: _choice(topics[topic], before[topic], topic, findings) for topic in CHOOSABLE if topic in topics
        }
    findings.check()
    profile.digest, profile.digest_hour = str(digest), int(str(hour))
    return choices, profile


def _choice(value: object, before: Choice, topic: Topic, findings: Findings) -> Choice:
    where = f"topics.{topic.value}"
    if not isinstance(value, Mapping):
        findings.add(where, 'Give an object such as {"page": true, "email": false}.')
        return before
    for name, sentence in unknown_names(value, set(_WAYS), "way").items():
        findings.add(f"{where}.{shown(name)}", sentence)
    wanted: dict[str, Any] = {way: value.get(way, getattr(before, way)) for way in _WAYS}
    for way, given in wanted.items():
        if not isinstance(given, bool):
            findings.add(f"{where}.{way}", "Give true or false.")
    return Choice(**wanted)


def _audit(actor: Actor, action: str, **details: object) -> None:
    record(
        actor=actor,
        action=action,
        object_type="notification_profile",
        object_id=actor.user_id or 0,
        object_label=actor.username,
        details=details,
    )
