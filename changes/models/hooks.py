"""Hooks of other packages: which are switched on, and what came of each call."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.hooks import (
    CALL_ENDED,
    DEFAULT_LIMIT_S,
    LONGEST_LIMIT_S,
    SHORTEST_LIMIT_S,
    HookCallState,
    HookPoint,
    OnObjection,
)
from changes.models.plans import PlanRevision
from changes.models.requests import ChangeRequest
from changes.models.runs import DeviceRun, Run
from devices.models.claims import Claimable

_ENDED = sorted(state.value for state in CALL_ENDED)


class HookSettingQuerySet(models.QuerySet["HookSetting"]):
    """States of the world for hooks."""

    def enabled(self) -> Self:
        """Switched on."""
        return self.filter(enabled=True)


class HookSetting(models.Model):
    """What an administrator decided about an installed hook, by its entry point's name; without a row it is off."""

    name = models.CharField(max_length=100, unique=True)
    enabled = models.BooleanField(default=False)
    points = models.JSONField(default=list, help_text="What it said of itself when it was switched on last.")
    distribution = models.CharField(max_length=100, blank=True, help_text="The package that offered it then.")
    version = models.CharField(max_length=60, blank=True)
    required = models.BooleanField(default=False, help_text="Waited for where a hook may object.")
    on_objection = models.CharField(max_length=10, choices=OnObjection.choices(), default=OnObjection.PAUSE.value)
    time_limit_s = models.PositiveSmallIntegerField(default=DEFAULT_LIMIT_S)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)
    enabled_at = models.DateTimeField(null=True, blank=True, help_text="What happened before is not told to it.")

    objects = HookSettingQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(time_limit_s__gte=SHORTEST_LIMIT_S, time_limit_s__lte=LONGEST_LIMIT_S),
                name="hook_has_a_time_limit",
            ),
            models.CheckConstraint(
                condition=Q(enabled=False) | Q(enabled_at__isnull=False), name="enabled_hook_has_a_beginning"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class HookCallQuerySet(models.QuerySet["HookCall"]):
    """States of the world for calls."""

    def open(self) -> Self:
        """Not ended."""
        return self.exclude(state__in=_ENDED)

    def lease_expired(self) -> Self:
        """Claimed by a worker that stopped renewing its lease."""
        return self.open().filter(owner__isnull=False, lease_until__lt=Now())


class HookCall(Claimable):
    """One call of one hook: made in the transaction of what happened, carried out by a worker in its own process."""

    hook = models.ForeignKey(HookSetting, on_delete=models.CASCADE, related_name="calls")
    point = models.CharField(max_length=12, choices=HookPoint.choices())
    change = models.ForeignKey(ChangeRequest, on_delete=models.CASCADE, related_name="+")
    revision = models.ForeignKey(PlanRevision, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.CASCADE, related_name="hook_calls")
    wave = models.PositiveIntegerField(default=0, help_text="Its number; 0: about no wave.")
    device_run = models.ForeignKey(DeviceRun, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    asked = models.PositiveSmallIntegerField(default=1, help_text="Counts the times the same was asked.")
    required = models.BooleanField(default=False, help_text="Waited for: as it was set when the call was made.")
    state = models.CharField(max_length=10, choices=HookCallState.choices(), default=HookCallState.WAITING.value)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True, help_text="What the hook said, without secrets.")
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = HookCallQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["hook", "point", "revision", "run", "wave", "device_run", "asked"],
                nulls_distinct=False,
                name="one_call_per_moment",
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state=HookCallState.WAITING.value), name="hook_call_waiting"),
            models.Index(fields=["hook", "-id"], name="hook_call_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.hook_id} {self.point} {self.pk}"
