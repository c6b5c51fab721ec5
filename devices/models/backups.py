"""Configuration backups: runs, their devices, and what was read but cannot be trusted."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from devices.models.claims import Claimable
from devices.models.configs import ConfigBlob, ConfigSnapshot
from devices.models.inventory import Device


class BackupTrigger(models.TextChoices):
    """What started a backup run."""

    SCHEDULED = "scheduled", "Scheduled"
    MANUAL = "manual", "On request"


class BackupRunState(models.TextChoices):
    """Whether a backup run still has devices to read."""

    RUNNING = "running", "Running"
    ENDED = "ended", "Ended"


class BackupRun(models.Model):
    """One backup over many devices."""

    trigger = models.CharField(max_length=10, choices=BackupTrigger.choices)
    requested_by = models.CharField(max_length=150)
    filters = models.JSONField(default=dict, blank=True, help_text="The device filters, empty for all devices.")
    state = models.CharField(max_length=10, choices=BackupRunState.choices, default=BackupRunState.RUNNING)
    device_count = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True, help_text="Devices by state, once the run has ended.")
    started_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True, blank=True, help_text="When workers were last called.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["trigger"],
                condition=Q(state=BackupRunState.RUNNING, trigger=BackupTrigger.SCHEDULED),
                name="one_scheduled_backup_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"backup {self.pk}"


class BackupState(models.TextChoices):
    """How the backup of one device stands."""

    PENDING = "pending", "Waiting"
    CHANGED = "changed", "New version"
    UNCHANGED = "unchanged", "Unchanged"
    SUSPICIOUS = "suspicious", "Kept apart"
    SKIPPED = "skipped", "Skipped"
    FAILED = "failed", "Failed"


class StartupState(models.TextChoices):
    """Whether a reboot would keep the running configuration."""

    SAVED = "saved", "Saved"
    UNSAVED = "unsaved", "Not saved"


class DeviceBackupQuerySet(models.QuerySet["DeviceBackup"]):
    """States of the world for device backups."""

    def waiting(self) -> Self:
        """Not ended, in a run that goes on."""
        return self.filter(state=BackupState.PENDING, run__state=BackupRunState.RUNNING)

    def held(self) -> Self:
        """A worker is at it now."""
        return self.filter(owner__isnull=False, lease_until__gte=Now())

    def lost(self) -> Self:
        """Claimed by a worker that stopped renewing its lease."""
        return self.filter(state=BackupState.PENDING, owner__isnull=False, lease_until__lt=Now())


class DeviceBackup(Claimable):
    """The backup of one device in one run."""

    run = models.ForeignKey(BackupRun, on_delete=models.CASCADE, related_name="devices")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="backups")
    state = models.CharField(max_length=10, choices=BackupState.choices, default=BackupState.PENDING)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    snapshot = models.ForeignKey(ConfigSnapshot, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    startup = models.CharField(max_length=10, choices=StartupState.choices, blank=True)
    waits = models.PositiveSmallIntegerField(default=0, help_text="How often the device was busy with a change.")

    objects = DeviceBackupQuerySet.as_manager()

    class Meta:
        ordering = ["run_id", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "device"], name="one_backup_per_run_and_device")]
        indexes = [
            models.Index(fields=["run", "id"], condition=Q(state="pending"), name="device_backup_waiting"),
            models.Index(fields=["lease_until"], condition=Q(owner__isnull=False), name="device_backup_held"),
            models.Index(fields=["device", "-id"], name="device_backup_by_device"),
        ]

    def __str__(self) -> str:
        return f"backup {self.run_id}/{self.device_id}"


class SuspectState(models.TextChoices):
    """What people made of a configuration that was kept apart."""

    OPEN = "open", "To be judged"
    TAKEN = "taken", "Taken as the configuration"
    DISMISSED = "dismissed", "Dismissed"


class SuspectConfig(models.Model):
    """A text that a device gave as its configuration and that does not look like a whole one."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="suspect_configs")
    blob = models.ForeignKey(ConfigBlob, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40)
    detail = models.TextField()
    state = models.CharField(max_length=10, choices=SuspectState.choices, default=SuspectState.OPEN)
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["device"], condition=Q(state="open"), name="one_suspect_per_device")
        ]

    def __str__(self) -> str:
        return f"suspect configuration of {self.device_id}"
