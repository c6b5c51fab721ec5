"""Change freezes: a row for each that was declared."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class ChangeFreezeQuerySet(models.QuerySet["ChangeFreeze"]):
    """States of the world for freezes, by the database's clock."""

    def in_force(self) -> Self:
        """Those that forbid a start now."""
        return self.filter(lifted_at=None, starts_at__lte=Now(), ends_at__gt=Now())


class ChangeFreeze(models.Model):
    """A period in which nothing is started on the devices of its scope; a change manager declares it, and may lift it.

    Changes of the exempt types are let through.
    """

    name = models.CharField(max_length=100)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    scope = models.JSONField(default=dict, blank=True, help_text='{"sites": ["FRA"]}; empty: all devices.')
    exempt_types = models.JSONField(default=list, blank=True, help_text="Change types that it lets through.")
    reason = models.TextField()
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField(db_default=Now())
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    objects = ChangeFreezeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="freeze_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(name=""), name="freeze_has_a_name_and_a_reason"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None, lift_reason="")
                | (Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lift_reason="")),
                name="freeze_lift_names_person_and_reason",
            ),
        ]
        indexes = [models.Index(fields=["ends_at"], condition=Q(lifted_at=None), name="freeze_not_lifted")]

    def __str__(self) -> str:
        return self.name
