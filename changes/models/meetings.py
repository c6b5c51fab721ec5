"""CAB meetings: the agenda as it was when the meeting opened, who came, what was said, and the decisions it led to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.meetings import ItemKind, MeetingState, Outcome, version_of
from changes.models.approvals import Approval
from changes.models.requests import ChangeRequest


class Meeting(models.Model):
    """A meeting of the change advisory board."""

    title = models.CharField(max_length=100)
    starts_at = models.DateTimeField(help_text="When people meet; UTC.")
    chair = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=MeetingState.choices(), default=MeetingState.DRAFT.value)
    covers_from = models.DateTimeField(help_text="What the agenda looks back to.")
    covers_to = models.DateTimeField(help_text="What the agenda looks ahead to.")
    planned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    planned_at = models.DateTimeField(db_default=Now())
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    canceled_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.TextField(blank=True, help_text="Why a planned meeting is not held.")
    summary = models.TextField(blank=True, help_text="What the meeting came to, written when it is closed.")

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="draft", opened_at=None, closed_at=None)
                | Q(state="open", opened_at__isnull=False, closed_at=None)
                | Q(state="closed", opened_at__isnull=False, closed_at__isnull=False)
                | Q(state="canceled", opened_at=None, closed_at=None),
                name="meeting_state_has_its_times",
            ),
            models.CheckConstraint(
                condition=Q(state="canceled", canceled_at__isnull=False) & ~Q(cancel_reason="")
                | ~Q(state="canceled") & Q(canceled_at=None, cancel_reason=""),
                name="canceled_meeting_says_why",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="meeting_has_a_title"),
        ]
        indexes = [models.Index(fields=["-closed_at"], condition=Q(state="closed"), name="meeting_closed")]

    def __str__(self) -> str:
        return f"{self.title} {self.starts_at:%Y-%m-%d}"


class Attendance(models.Model):
    """Somebody who was at a meeting: an account, or a guest by name."""

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="attendances")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    guest = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "person"], name="attendance_once"),
            models.CheckConstraint(
                condition=Q(person__isnull=False, guest="") | (Q(person=None) & ~Q(guest="")),
                name="attendance_names_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id or self.guest} at {self.meeting_id}"


class AgendaItem(models.Model):
    """One point of an agenda. What it says of a change is how the change stood when the meeting opened."""

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="items")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=ItemKind.choices())
    change = models.ForeignKey(ChangeRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=300)
    facts = models.JSONField(default=dict, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="Empty: the agenda was made from what waits.",
    )  # fmt: skip
    minutes = models.TextField(blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices(), blank=True)
    deferred_to = models.CharField(max_length=300, blank=True, help_text="What has to happen first, or until when.")
    decisions = models.ManyToManyField(
        Approval, related_name="+", help_text="What people decided about the change while the meeting was open."
    )

    class Meta:
        ordering = ["meeting_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "position"], name="one_item_per_position"),
            models.CheckConstraint(
                condition=Q(outcome="deferred") & ~Q(deferred_to="") | ~Q(outcome="deferred") & Q(deferred_to=""),
                name="deferred_item_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.title}"

    @property
    def version(self) -> str:
        """Names its minutes, outcome and deferral as they are now; who changes them says which they read."""
        return version_of(self.minutes, self.outcome, self.deferred_to)
