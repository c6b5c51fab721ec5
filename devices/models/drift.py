"""Drift: rules that class it, and records of what differs from the expected configuration."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from devices.domain.drift_review import OPEN_STATES, DriftState
from devices.domain.drift_rules import DriftClass
from devices.models.configs import ConfigSnapshot
from devices.models.inventory import Device

_OPEN = sorted(state.value for state in OPEN_STATES)


class DriftRule(models.Model):
    """One rule; the first in the order of ``position`` whose pattern fits a changed line gives its class."""

    position = models.PositiveIntegerField()
    name = models.CharField(max_length=80, unique=True)
    drift_class = models.CharField(max_length=12, choices=[(item.value, item.label) for item in DriftClass])
    pattern = models.CharField(max_length=400, help_text="RE2, searched in “block / line”.")
    platforms = ArrayField(models.CharField(max_length=40), default=list, blank=True, help_text="Empty: all.")
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class DriftQuerySet(models.QuerySet["DriftRecord"]):
    """States of the world for drift."""

    def open(self) -> Self:
        """Not yet accepted, and still on the device."""
        return self.filter(state__in=_OPEN)

    def to_review(self) -> Self:
        """What waits for a decision now."""
        return self.filter(state=DriftState.OPEN)


class DriftRecord(models.Model):
    """What differs on a device from the expected configuration, and what people decided about it."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="drifts")
    baseline = models.ForeignKey(ConfigSnapshot, on_delete=models.PROTECT, related_name="+")
    found = models.ForeignKey(ConfigSnapshot, on_delete=models.PROTECT, related_name="+")
    drift_class = models.CharField(max_length=12, choices=[(item.value, item.label) for item in DriftClass])
    unclassified = models.BooleanField(default=False, help_text="No rule fitted at least one line.")
    unauthorized = models.BooleanField(help_text="No change request explains it.")
    explained_by = models.CharField(max_length=60, blank=True, help_text="The change's number.")
    changed_by = models.CharField(max_length=100, blank=True, help_text="The login that the device names.")
    lines_added = models.PositiveIntegerField()
    lines_removed = models.PositiveIntegerField()
    matches = models.JSONField(default=list, help_text="Rule, class, section (masked) and number of lines.")
    state = models.CharField(
        max_length=12, choices=[(item.value, item.label) for item in DriftState], default=DriftState.OPEN.value
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="drifts"
    )
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)
    deferred_until = models.DateField(null=True, blank=True)
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = DriftQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "baseline"], condition=Q(state__in=_OPEN), name="one_open_drift_per_baseline"
            )
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="drift_by_state"),
            models.Index(fields=["device", "-id"], name="drift_by_device"),
            models.Index(fields=["first_seen_at"], name="drift_by_first_seen"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The number people say: ``DRIFT-00042``."""
        return f"DRIFT-{self.pk:05d}"
