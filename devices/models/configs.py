"""Configurations as they were read, each text stored once."""

from __future__ import annotations

import hashlib
import zlib

from django.db import models
from django.db.models.functions import Now

from devices.models.inventory import Device


class ConfigBlob(models.Model):
    """One configuration text, stored once however many snapshots show it."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    compressed = models.BinaryField()
    size = models.PositiveIntegerField(help_text="Bytes before compression.")
    line_count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def text(self) -> str:
        """The configuration. It may hold secrets: redact it before it is shown."""
        return zlib.decompress(bytes(self.compressed)).decode()

    @staticmethod
    def store(text: str) -> ConfigBlob:
        """Save ``text`` unless its content is there already; one query either way."""
        raw = text.encode()
        blob = ConfigBlob(
            sha256=hashlib.sha256(raw).hexdigest(),
            compressed=zlib.compress(raw, 6),
            size=len(raw),
            line_count=text.count("\n"),
        )
        ConfigBlob.objects.bulk_create([blob], ignore_conflicts=True)
        return blob


class SnapshotPurpose(models.TextChoices):
    """Why a configuration was read."""

    PLAN = "plan", "Baseline of a plan"
    BEFORE = "before", "Before a change"
    AFTER = "after", "After a change"
    RECOVERY = "recovery", "Read back after a lost worker"


class ConfigSnapshot(models.Model):
    """A device's running configuration, normalised, as it was read at one moment."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="snapshots")
    blob = models.ForeignKey(ConfigBlob, on_delete=models.PROTECT, related_name="snapshots")
    purpose = models.CharField(max_length=10, choices=SnapshotPurpose.choices)
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["device", "-id"], name="snapshot_by_device")]

    def __str__(self) -> str:
        return f"{self.device_id}@{self.taken_at:%Y-%m-%d %H:%M:%S}"
