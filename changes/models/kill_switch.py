"""The kill switch of the whole installation: one row for each time that it was engaged."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class KillSwitchQuerySet(models.QuerySet["KillSwitch"]):
    """States of the world for the kill switch."""

    def engaged(self) -> Self:
        """Engaged now: one row or none."""
        return self.filter(released_at=None)


class KillSwitch(models.Model):
    """Stops every first write to a device, in all changes, until another person releases it."""

    engaged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    engaged_at = models.DateTimeField(db_default=Now())
    reason = models.TextField()
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.TextField(blank=True)

    objects = KillSwitchQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["released_at"],
                condition=Q(released_at=None),
                nulls_distinct=False,
                name="kill_switch_engaged_once",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="kill_switch_has_a_reason"),
            models.CheckConstraint(
                condition=Q(released_at=None, released_by=None, release_reason="")
                | (Q(released_at__isnull=False, released_by__isnull=False) & ~Q(release_reason="")),
                name="kill_switch_release_names_person_and_reason",
            ),
            models.CheckConstraint(
                condition=Q(released_by=None) | ~Q(released_by=F("engaged_by")),
                name="kill_switch_released_by_a_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"kill switch {self.pk}"
