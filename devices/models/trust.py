"""How far a source's facts are trusted, and what devices said of themselves when they were last read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from devices.domain.trust import FIELDS, FactVerdict, LearntFrom, TrustMode
from devices.models.inventory import Device

_FIELD_CHOICES = [(name, name.capitalize()) for name in FIELDS]


class FieldTrust(models.Model):
    """What an administrator decided about one field of one source; without a row the default holds."""

    source = models.CharField(max_length=40)
    field = models.CharField(max_length=20, choices=_FIELD_CHOICES)
    mode = models.CharField(max_length=15, choices=[(mode.value, mode.label) for mode in TrustMode])
    learnt_from = models.CharField(
        max_length=10, blank=True, choices=[(place.value, place.label) for place in LearntFrom if place]
    )
    pattern = models.CharField(max_length=200, blank=True, help_text="RE2 with a group named like the field.")
    updated_by = models.CharField(max_length=150)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["source", "field"]
        constraints = [
            models.UniqueConstraint(fields=["source", "field"], name="one_trust_per_source_and_field"),
            models.CheckConstraint(condition=Q(field__in=list(FIELDS)), name="trust_names_a_field"),
            models.CheckConstraint(condition=Q(mode__in=[mode.value for mode in TrustMode]), name="trust_has_a_mode"),
        ]

    def __str__(self) -> str:
        return f"{self.source}.{self.field}: {self.mode}"


class LiveFact(models.Model):
    """One fact of a device as it compared when the device was last read. One row per device and field."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="live_facts")
    field = models.CharField(max_length=20, choices=_FIELD_CHOICES)
    mode = models.CharField(max_length=15, choices=[(mode.value, mode.label) for mode in TrustMode])
    verdict = models.CharField(max_length=15, choices=[(verdict.value, verdict.label) for verdict in FactVerdict])
    severity = models.CharField(max_length=10, blank=True)
    code = models.CharField(max_length=40, blank=True)
    expected = models.CharField(max_length=255, blank=True)
    live = models.CharField(max_length=255, blank=True)
    read_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["device_id", "field"]
        constraints = [models.UniqueConstraint(fields=["device", "field"], name="one_live_fact_per_field")]
        indexes = [models.Index(fields=["verdict", "field"], name="live_fact_by_verdict")]

    def __str__(self) -> str:
        return f"{self.device_id}.{self.field}: {self.verdict}"
