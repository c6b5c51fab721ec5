"""Discussion threads: what people say about a change, a device's plan, or one line of it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.discussions import LineSide, WaitReason
from changes.domain.labels import Labelled
from changes.models.plans import PlanRevision
from changes.models.requests import ChangeRequest
from devices.models import Device


class ThreadState(Labelled):
    """Whether what a thread asks is settled."""

    OPEN = "open"
    RESOLVED = "resolved"


class ThreadQuerySet(models.QuerySet["Thread"]):
    """States of the world for threads."""

    def unresolved(self) -> Self:
        """Threads that nobody has resolved yet."""
        return self.filter(state=ThreadState.OPEN)


class Thread(models.Model):
    """A discussion about a change; with ``device`` about its plan, with ``side`` about one line of that plan.

    A line is kept as its text and the header of its block, so that it is found again in a later revision. The text is
    masked as on the page: no secret is stored. ``line_number`` only chooses between equal lines.
    """

    change = models.ForeignKey(ChangeRequest, on_delete=models.PROTECT, related_name="threads")
    device = models.ForeignKey(Device, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    revision = models.ForeignKey(PlanRevision, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=10, choices=LineSide.choices(), blank=True)
    line_text = models.TextField(blank=True)
    line_section = models.TextField(blank=True)
    line_number = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=ThreadState.choices(), default=ThreadState.OPEN.value)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(db_default=Now())
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = ThreadQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open", resolved_by=None, resolved_at=None)
                | Q(state="resolved", resolved_by__isnull=False, resolved_at__isnull=False),
                name="resolved_thread_names_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(side="", line_text="", line_section="", line_number=None)
                | (Q(side__in=[side.value for side in LineSide]) & Q(device__isnull=False, line_number__isnull=False)),
                name="thread_on_a_line_names_it",
            ),
            models.CheckConstraint(
                condition=Q(device=None) | Q(revision__isnull=False), name="thread_on_a_device_names_its_plan"
            ),
        ]
        indexes = [models.Index(fields=["change"], condition=Q(state="open"), name="thread_unresolved")]

    def __str__(self) -> str:
        return f"thread {self.pk} on {self.change_id}"


class ThreadComment(models.Model):
    """What one person wrote in a thread: plain text with secrets masked. It stays as it was written."""

    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    mentioned = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", help_text="Who was told of it.")
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="comment_says_something")]

    def __str__(self) -> str:
        return f"comment {self.pk} in {self.thread_id}"


class ThreadWait(models.Model):
    """An unresolved thread waits for this person's answer; rows come and go with the thread, for inboxes."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="waits")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=10, choices=WaitReason.choices())
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["thread", "person"], name="thread_waits_once_for_a_person")]
        indexes = [models.Index(fields=["person", "since", "id"], name="thread_wait_of_a_person")]

    def __str__(self) -> str:
        return f"thread {self.thread_id} waits for {self.person_id}"
