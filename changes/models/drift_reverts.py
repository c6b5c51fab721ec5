"""Change requests that take drift back."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from changes.models.requests import ChangeRequest
from devices.models import DriftRecord


class DriftRevert(models.Model):
    """The change request that was made to revert a drift record; a record may need several, one after the other."""

    change = models.OneToOneField(ChangeRequest, on_delete=models.PROTECT, related_name="drift_revert")
    drift = models.ForeignKey(DriftRecord, on_delete=models.CASCADE, related_name="reverts")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.change_id} reverts {self.drift_id}"
