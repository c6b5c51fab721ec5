"""One more look at each device of a wave that succeeded, before the next wave may open."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from changes.domain.labels import Labelled
from changes.models.runs import DeviceRun, Watched, Wave
from devices.models.claims import Claimable


class HealthVerdict(Labelled):
    """What the look found."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class WaveCheckQuerySet(models.QuerySet["WaveCheck"]):
    """States of the world for looks."""

    def open(self) -> Self:
        """Nobody has looked yet, or somebody is looking."""
        return self.filter(verdict="")

    def failed(self) -> Self:
        """The device was not found healthy."""
        return self.filter(verdict=HealthVerdict.UNHEALTHY)

    def lease_expired(self) -> Self:
        """Claimed by a worker that stopped renewing its lease."""
        return self.open().filter(owner__isnull=False, lease_until__lt=Now())


class WaveCheck(Claimable, Watched):
    """A read-only visit to a device after its run: identity, health, post-checks. Nothing is ever sent but that."""

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="checks")
    device_run = models.OneToOneField(DeviceRun, on_delete=models.CASCADE, related_name="health_check")
    verdict = models.CharField(max_length=10, choices=HealthVerdict.choices(), blank=True)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True, help_text="Gates and checks, masked.")
    transcript = models.TextField(blank=True, help_text="The session, redacted.")

    objects = WaveCheckQuerySet.as_manager()

    class Meta:
        ordering = ["wave_id", "id"]
        indexes = [models.Index(fields=["wave", "id"], condition=Q(verdict=""), name="wave_check_open")]

    def __str__(self) -> str:
        return f"look at device run {self.device_run_id}"
