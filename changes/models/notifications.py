"""What people are told, where they want to be told it, and how far each message has come."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.notifications import (
    DIGEST_HOUR,
    PATH_LIMIT,
    SUBJECT_LIMIT,
    Channel,
    DeliveryState,
    Digest,
)
from changes.models.requests import ChangeRequest


class NotificationQuerySet(models.QuerySet["Notification"]):
    """States of the world for notifications."""

    def listed(self) -> Self:
        """Those that the person's list shows."""
        return self.filter(listed=True)

    def unread(self) -> Self:
        """Shown, and not read yet."""
        return self.filter(listed=True, read_at=None)


class Notification(models.Model):
    """One sentence for one person, with the page that it is about."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    topic = models.CharField(max_length=30)
    change = models.ForeignKey(ChangeRequest, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=SUBJECT_LIMIT)
    sentence = models.TextField()
    path = models.CharField(max_length=PATH_LIMIT, blank=True, help_text="Inside the portal; empty: no page.")
    listed = models.BooleanField(default=True, help_text="Shown in the person's list.")
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["person", "-id"], condition=Q(listed=True), name="notification_listed"),
            models.Index(fields=["person"], condition=Q(listed=True, read_at=None), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return f"notification {self.pk}: {self.subject}"


class NotificationPreference(models.Model):
    """Where one person wants notifications of one topic; without a row the topic's defaults hold."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    topic = models.CharField(max_length=30)
    page = models.BooleanField()
    email = models.BooleanField()
    webhook = models.BooleanField()

    class Meta:
        ordering = ["person_id", "topic"]
        constraints = [models.UniqueConstraint(fields=["person", "topic"], name="one_preference_per_topic")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.topic}"


class NotificationProfile(models.Model):
    """How one person is reached: bundling of e-mails, and an own webhook.

    The webhook's address may hold a token, so it is stored sealed; ``webhook_host`` is what pages and the audit log
    show. The signing secret is not stored: it is derived from the installation's key, the person and
    ``webhook_version``.
    """

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", primary_key=True
    )
    digest = models.CharField(max_length=10, choices=Digest.choices(), default=Digest.AT_ONCE.value)
    digest_hour = models.PositiveSmallIntegerField(
        default=DIGEST_HOUR, validators=[MaxValueValidator(23)], help_text="Of the daily digest; UTC."
    )
    webhook_sealed = models.TextField(blank=True, help_text="The address, encrypted for this row alone.")
    webhook_host = models.CharField(max_length=255, blank=True)
    webhook_version = models.PositiveIntegerField(default=1, help_text="Counts the signing secrets.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(digest_hour__lte=23), name="digest_hour_is_an_hour"),
            models.CheckConstraint(
                condition=Q(webhook_sealed="", webhook_host="") | (~Q(webhook_sealed="") & ~Q(webhook_host="")),
                name="webhook_has_an_address_and_a_host",
            ),
        ]

    def __str__(self) -> str:
        return f"notification profile of {self.person_id}"


class NotificationDelivery(models.Model):
    """One notification on its way over one channel.

    The worker that takes it gives it a ``message``; rows of one digest share it. It stays the same in all attempts, so
    a receiver that got a message twice can tell.
    """

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel.choices())
    bundled = models.BooleanField(default=False, help_text="Goes out together with others that are due.")
    state = models.CharField(max_length=10, choices=DeliveryState.choices(), default=DeliveryState.WAITING.value)
    due_at = models.DateTimeField(db_default=Now())
    message = models.UUIDField(null=True, blank=True)
    owner = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True, help_text="Why the last attempt failed.")
    detail = models.CharField(max_length=300, blank=True, help_text="Without the address.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["notification", "channel"], name="one_delivery_per_channel"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.WAITING.value, ended_at=None)
                | (~Q(state=DeliveryState.WAITING.value) & Q(ended_at__isnull=False)),
                name="delivery_ends_when_it_waits_no_more",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state=DeliveryState.WAITING.value), name="delivery_waiting"),
            models.Index(fields=["message"], condition=Q(message__isnull=False), name="delivery_of_message"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} by {self.channel}"
