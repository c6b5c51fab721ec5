"""Rollbacks: who ordered them, and which lines a person confirmed that were computed again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from changes.models.runs import DeviceRun, Run
from devices.models import ConfigSnapshot


class RollbackOrder(models.Model):
    """One order to take a run back, on all of its devices or on some."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="rollback_orders")
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ordered_at = models.DateTimeField(db_default=Now())
    whole = models.BooleanField(help_text="Every device of the run, also those that were being worked on.")
    devices = models.PositiveIntegerField(help_text="How many waited for their rollback at once.")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["run_id", "id"]

    def __str__(self) -> str:
        return f"rollback order {self.pk} of run {self.run_id}"


class RecomputedBackout(models.Model):
    """Lines that would take a device back which has moved since the change; sent only once a person confirmed them.

    The lines themselves are not kept: they follow from the configurations, and the digest proves that what is sent is
    what was confirmed.
    """

    device_run = models.ForeignKey(DeviceRun, on_delete=models.CASCADE, related_name="recomputed_backouts")
    digest = models.CharField(max_length=64)
    actual = models.ForeignKey(ConfigSnapshot, on_delete=models.PROTECT, related_name="+")
    line_count = models.PositiveIntegerField()
    computed_at = models.DateTimeField(db_default=Now())
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["device_run_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["device_run", "digest"], name="one_recomputed_backout_per_digest")
        ]

    def __str__(self) -> str:
        return f"recomputed backout {self.digest[:12]} of device run {self.device_run_id}"
