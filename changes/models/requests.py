"""Change requests: what is wanted, where and why."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ACTIVE, ENDED, EXECUTING, ChangeState, ChangeType, CloseCode
from changes.domain.windows import LONGEST

_WAITING = ["approved", "assessment", "authorization", "review", "scheduled"]
_ACTIVE, _ENDED, _EXECUTING = (sorted(state.value for state in states) for states in (ACTIVE, ENDED, EXECUTING))


class ChangeQuerySet(models.QuerySet["ChangeRequest"]):
    """States of the world for change requests."""

    def with_window_in(self, start: datetime, end: datetime) -> Self:
        """Changes whose window meets this time; no window is longer than 31 days."""
        return self.filter(window_start__lt=end, window_start__gt=start - LONGEST, window_end__gt=start)

    def awaiting_assessment(self) -> Self:
        """Changes that a technical peer has to assess."""
        return self.filter(state=ChangeState.ASSESSMENT)

    def awaiting_approval(self) -> Self:
        """Changes that the CAB has to decide."""
        return self.filter(state=ChangeState.AUTHORIZATION)

    def awaiting_close(self) -> Self:
        """Changes whose run has ended and that a change manager has to close."""
        return self.filter(state=ChangeState.REVIEW)

    def with_people(self) -> Self:
        """With what a list shows: author and current revision, in the same query."""
        return self.select_related("author", "revision")


class ChangeRequest(models.Model):
    """A change request: what is wanted, where, why, and how far it has come."""

    title = models.CharField(max_length=200)
    reason = models.TextField(help_text="Why the change is needed.")
    type = models.CharField(max_length=20, choices=ChangeType.choices(), default=ChangeType.NORMAL.value)
    state = models.CharField(max_length=20, choices=ChangeState.choices(), default=ChangeState.DRAFT.value)
    on_hold = models.BooleanField(default=False)
    called_by = models.CharField(max_length=200, blank=True, help_text="Who called the emergency.")
    emergency_reason = models.TextField(blank=True, help_text="Why it cannot wait for the normal way.")
    template_version = models.ForeignKey(
        "TemplateVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="changes"
    )
    content = models.TextField(help_text="Configuration text in Jinja2.")
    variables = models.JSONField(default=dict, blank=True)
    targets = models.JSONField(default=dict, help_text='{"device_ids": […]} or {"filter": {…}}.')
    checks = models.JSONField(default=dict, blank=True, help_text='{"pre": […], "post": […]}.')
    strategy = models.JSONField(default=dict, blank=True)
    risk_level = models.CharField(
        max_length=10, choices=RiskLevel.choices(), blank=True, help_text="The level that holds; empty: not assessed."
    )
    window_start = models.DateTimeField(null=True, blank=True, help_text="Nothing is started before; UTC.")
    window_end = models.DateTimeField(null=True, blank=True, help_text="Nothing is started from then on; UTC.")
    window_told = models.DateTimeField(
        null=True, blank=True, help_text="The start of the window of which its people were told that it opens soon."
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="changes")
    last_editor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    editors = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="+", help_text="Everybody who wrote a part of this change."
    )
    version = models.PositiveIntegerField(default=1, help_text="Counts edits; a stale edit is refused.")
    revision = models.ForeignKey("PlanRevision", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    close_code = models.CharField(max_length=30, choices=CloseCode.choices(), blank=True)
    close_note = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(window_start=None, window_end=None) | Q(window_start__lt=F("window_end")),
                name="window_has_a_start_and_a_later_end",
            )
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="change_by_state"),
            models.Index(fields=["author", "-id"], name="change_by_author"),
            models.Index(fields=["window_start"], condition=Q(window_start__isnull=False), name="change_by_window"),
            # What an inbox lists, of a few thousand open changes among all that ever were.
            models.Index(
                fields=["state", "id"],
                include=[
                    "type",
                    "window_start",
                    "submitted_at",
                    "created_at",
                    "author",
                    "last_editor",
                    "revision",
                    "template_version",
                ],
                condition=Q(state__in=_WAITING),
                name="change_waits_for_others",
            ),
            models.Index(fields=["-updated_at"], condition=Q(state__in=_EXECUTING), name="change_executed_now"),
            models.Index(fields=["author", "-updated_at"], condition=Q(state__in=_ACTIVE), name="change_own_active"),
            models.Index(fields=["author", "-updated_at"], condition=Q(state__in=_ENDED), name="change_own_ended"),
            models.Index(fields=["closed_at"], condition=Q(closed_at__isnull=False), name="change_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def number(self) -> str:
        """The number people say: ``CHG-00042``."""
        return f"CHG-{self.pk:05d}"
