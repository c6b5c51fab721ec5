"""Post-implementation reviews, and the actions that follow from them."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.reviews.content import ActionState, ReviewOutcome, ReviewState
from changes.models.requests import ChangeRequest


class ReviewQuerySet(models.QuerySet["Review"]):
    """States of the world for reviews."""

    def submitted(self) -> Self:
        """Waiting for somebody who accepts them."""
        return self.filter(state=ReviewState.SUBMITTED)


class Review(models.Model):
    """What people learned from one change, beside what its record says. At most one for each change."""

    change = models.OneToOneField(ChangeRequest, on_delete=models.PROTECT, related_name="review")
    state = models.CharField(max_length=10, choices=ReviewState.choices(), default=ReviewState.DRAFT.value)
    what_happened = models.TextField(blank=True)
    impact = models.TextField(blank=True)
    cause = models.TextField(blank=True)
    went_well = models.TextField(blank=True)
    lessons = models.TextField(blank=True)
    outcome = models.CharField(max_length=16, choices=ReviewOutcome.choices(), blank=True)
    began_at = models.DateTimeField(null=True, blank=True, help_text="When the trouble began.")
    detected_at = models.DateTimeField(null=True, blank=True, help_text="When somebody or something noticed it.")
    restored_at = models.DateTimeField(null=True, blank=True, help_text="When the service was as before.")
    grounds = models.JSONField(default=list, help_text="Why it is demanded; frozen when it is submitted.")
    record = models.JSONField(default=list, help_text="The timeline from the record; frozen when it is submitted.")
    version = models.PositiveIntegerField(default=1, help_text="Counts edits; a stale edit is refused.")
    writers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", help_text="Everybody who wrote a part of it."
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    submitted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    accept_note = models.TextField(blank=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(began_at=None) | Q(detected_at=None) | Q(began_at__lte=F("detected_at")),
                name="review_detected_after_it_began",
            ),
            models.CheckConstraint(
                condition=Q(detected_at=None) | Q(restored_at=None) | Q(detected_at__lte=F("restored_at")),
                name="review_restored_after_it_was_detected",
            ),
            models.CheckConstraint(
                condition=Q(state=ReviewState.DRAFT.value) | Q(submitted_by__isnull=False, submitted_at__isnull=False),
                name="review_submission_names_a_person",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state=ReviewState.ACCEPTED.value, accepted_by__isnull=False, accepted_at__isnull=False)
                    & ~Q(accepted_by=F("submitted_by"))
                )
                | (~Q(state=ReviewState.ACCEPTED.value) & Q(accepted_by=None, accepted_at=None)),
                name="review_accepted_by_a_second_person",
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="review_by_state")]

    def __str__(self) -> str:
        return f"review of CHG-{self.change_id:05d}"


class ReviewActionQuerySet(models.QuerySet["ReviewAction"]):
    """States of the world for actions."""

    def open(self) -> Self:
        """Still to be done."""
        return self.filter(state=ActionState.OPEN)

    def overdue(self, today: date) -> Self:
        """Still to be done, and due before today."""
        return self.open().filter(due_on__lt=today)


class ReviewAction(models.Model):
    """Something that somebody sees to, so that the same does not happen again."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="actions")
    text = models.CharField(max_length=500)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    state = models.CharField(max_length=8, choices=ActionState.choices(), default=ActionState.OPEN.value)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)
    reminded_on = models.DateField(null=True, blank=True, help_text="The last day on which its owner was told.")

    objects = ReviewActionQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="action_says_what"),
            models.CheckConstraint(
                condition=Q(state=ActionState.OPEN.value, ended_by=None, ended_at=None)
                | (~Q(state=ActionState.OPEN.value) & Q(ended_by__isnull=False, ended_at__isnull=False)),
                name="action_end_names_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(state=ActionState.DROPPED.value) | ~Q(note=""), name="action_dropped_with_a_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["due_on", "id"], condition=Q(state="open"), name="action_open_by_due_day"),
            models.Index(fields=["owner", "due_on"], condition=Q(state="open"), name="action_open_by_owner"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The number people say: ``ACT-00042``."""
        return f"ACT-{self.pk:05d}"
