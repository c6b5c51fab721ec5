"""The change calendar: recurring maintenance windows, waived conflicts, and changes that start by themselves."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.calendar.conflicts import ConflictKind
from changes.domain.calendar.starting import StartState
from changes.models.requests import ChangeRequest


class MaintenanceWindowQuerySet(models.QuerySet["MaintenanceWindow"]):
    """States of the world for recurring windows."""

    def held(self) -> Self:
        """Those that were not lifted."""
        return self.filter(lifted_at=None)


class MaintenanceWindow(models.Model):
    """A maintenance window that comes again, for the devices of its scope; :mod:`changes.domain.calendar.recurring`."""

    name = models.CharField(max_length=100)
    starts_at = models.CharField(
        max_length=16, help_text="The first start by the wall clock of the zone: 2026-11-22T02:00."
    )
    minutes = models.PositiveIntegerField(help_text="How long each one is by the wall clock.")
    rule = models.CharField(max_length=300, blank=True, help_text="RFC 5545; empty: it happens once.")
    time_zone = models.CharField(max_length=64, help_text="Of the IANA database.")
    scope = models.JSONField(default=dict, blank=True, help_text='{"sites": ["FRA"]}; empty: all devices.')
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(help_text="Why it was declared, or last edited.")
    version = models.PositiveIntegerField(default=1, help_text="Counts edits; a stale edit is refused.")
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField(db_default=Now())
    edited_at = models.DateTimeField(db_default=Now())
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    objects = MaintenanceWindowQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason="") & ~Q(name=""), name="window_has_a_name_and_a_reason"),
            models.CheckConstraint(condition=Q(minutes__gte=15, minutes__lte=10_080), name="window_has_a_length"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None, lift_reason="")
                | (Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lift_reason="")),
                name="window_lift_names_person_and_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ConflictWaiver(models.Model):
    """Somebody's word that a conflict of two changes may stand, and why: for these windows and these plans only."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.CASCADE, related_name="waivers")
    other = models.ForeignKey(ChangeRequest, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=ConflictKind.choices())
    subject = models.CharField(max_length=300, blank=True, help_text="The redundancy set or the site.")
    devices = models.JSONField(help_text="The names of all devices of both changes that it is about.")
    overlap_start = models.DateTimeField()
    overlap_end = models.DateTimeField()
    window_start = models.DateTimeField(help_text="The window of the change that was judged.")
    window_end = models.DateTimeField()
    plan_digest = models.CharField(max_length=64)
    other_digest = models.CharField(max_length=64)
    waived_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    waived_at = models.DateTimeField(db_default=Now())
    reason = models.TextField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(change=F("other")), name="waiver_is_about_two_changes"),
            models.CheckConstraint(condition=~Q(reason=""), name="waiver_has_a_reason"),
            models.CheckConstraint(condition=Q(overlap_start__lt=F("overlap_end")), name="waiver_has_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} conflict of {self.change_id} with {self.other_id}"


class ScheduledStart(models.Model):
    """An implementer's order that a change starts by itself when its window opens."""

    change = models.ForeignKey(ChangeRequest, on_delete=models.CASCADE, related_name="scheduled_starts")
    state = models.CharField(max_length=12, choices=StartState.choices(), default=StartState.WAITING.value)
    starts_at = models.DateTimeField(help_text="When the window opens for which it was asked.")
    plan_digest = models.CharField(max_length=64)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    run = models.ForeignKey("Run", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When workers were last called.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["change"], condition=Q(state=StartState.WAITING.value), name="one_waiting_start_per_change"
            ),
            models.CheckConstraint(
                condition=Q(state=StartState.WAITING.value, ended_at=None)
                | (~Q(state=StartState.WAITING.value) & Q(ended_at__isnull=False)),
                name="start_ends_when_it_waits_no_more",
            ),
        ]
        indexes = [
            models.Index(fields=["starts_at"], condition=Q(state=StartState.WAITING.value), name="start_waiting")
        ]

    def __str__(self) -> str:
        return f"start of {self.change_id} at {self.starts_at:%Y-%m-%d %H:%M} UTC"


class ScheduleProblem(models.Model):
    """The window of a change is not legal any more: a freeze or another maintenance window was declared after it."""

    change = models.OneToOneField(ChangeRequest, on_delete=models.CASCADE, related_name="schedule_problem")
    code = models.CharField(max_length=40)
    sentence = models.TextField()
    devices = models.JSONField(help_text="The names of all devices that it is about.")
    found_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.code} of {self.change_id}"
