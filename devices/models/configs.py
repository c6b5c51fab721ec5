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
    def of(text: str) -> ConfigBlob:
        """A row for ``text`` that is not saved."""
        raw = text.encode()
        return ConfigBlob(
            sha256=hashlib.sha256(raw).hexdigest(),
            compressed=zlib.compress(raw, 6),
            size=len(raw),
            line_count=text.count("\n"),
        )

    @staticmethod
    def store(text: str) -> ConfigBlob:
        """Save ``text`` unless its content is there already; one query either way."""
        blob = ConfigBlob.of(text)
        ConfigBlob.objects.bulk_create([blob], ignore_conflicts=True)
        return blob


class SnapshotPurpose(models.TextChoices):
    """Why a configuration was read."""

    PLAN = "plan", "Baseline of a plan"
    BEFORE = "before", "Before a change"
    AFTER = "after", "After a change"
    RECOVERY = "recovery", "Read back after a lost worker"
    BACKUP = "backup", "Backup"


class ConfigSnapshot(models.Model):
    """A device's running configuration, normalised, as it was read at one moment.

    A backup that finds it again unchanged moves ``seen_until`` instead of adding a row.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="snapshots")
    blob = models.ForeignKey(ConfigBlob, on_delete=models.PROTECT, related_name="snapshots")
    purpose = models.CharField(max_length=10, choices=SnapshotPurpose.choices)
    taken_at = models.DateTimeField(db_default=Now())
    seen_until = models.DateTimeField(null=True, blank=True, help_text="When a backup last found it unchanged.")
    changed_by = models.CharField(
        max_length=100, blank=True, help_text="Login that the device itself names as the author of its last change."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["device", "-id"], name="snapshot_by_device")]

    def __str__(self) -> str:
        return f"{self.device_id}@{self.taken_at:%Y-%m-%d %H:%M:%S}"


class BaselineOrigin(models.TextChoices):
    """What made a configuration the expected one."""

    FIRST = "first", "First backup"
    CHANGE = "change", "Change request"
    ACCEPTED = "accepted", "Accepted drift"


class ConfigState(models.Model):
    """What is known of one device's configuration: the expected one, and how the last backups ended."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, related_name="config_state")
    baseline = models.ForeignKey(ConfigSnapshot, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    baseline_origin = models.CharField(max_length=10, choices=BaselineOrigin.choices, blank=True)
    baseline_note = models.CharField(max_length=200, blank=True, help_text="Such as the change's number.")
    history_cursor = models.BigIntegerField(default=0, help_text="Newest snapshot of a change that was looked at.")
    backed_up_at = models.DateTimeField(null=True, blank=True, help_text="The last backup that ended well.")
    tried_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=40, blank=True, help_text="Why the last backup failed.")
    unsaved_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when a reboot would lose the running configuration."
    )

    def __str__(self) -> str:
        return f"configuration of {self.device_id}"
