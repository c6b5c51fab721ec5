"""Inventory, pinned host keys and configuration snapshots."""

from __future__ import annotations

import hashlib
import zlib
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class DeviceStatus(models.TextChoices):
    """Whether a device may be the target of a change."""

    ACTIVE = "active", "Active"
    MAINTENANCE = "maintenance", "Maintenance"
    DECOMMISSIONED = "decommissioned", "Decommissioned"
    MISSING = "missing", "Missing from its source"


class DeviceQuerySet(models.QuerySet["Device"]):
    """States of the world for devices."""

    def targetable(self) -> Self:
        """Devices that a change may name: active, with an address and a known platform."""
        return self.filter(status=DeviceStatus.ACTIVE).exclude(address="").exclude(platform="")


class Device(models.Model):
    """One network device as its inventory source describes it.

    The identity tuple is ``(source, source_key)``: names repeat and change, keys do not.
    ``synced_at`` says how fresh these facts are.
    """

    source = models.CharField(max_length=40, help_text="The inventory source that owns this row.")
    source_key = models.CharField(max_length=200, help_text="The device's key in that source.")
    name = models.CharField(max_length=200)
    platform = models.CharField(max_length=40, blank=True)
    address = models.CharField(max_length=255, blank=True, help_text="Host name or IP address of SSH.")
    port = models.PositiveIntegerField(default=22)
    site = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=100, blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    status = models.CharField(max_length=20, choices=DeviceStatus.choices, default=DeviceStatus.ACTIVE)
    hostname = models.CharField(max_length=200, blank=True, help_text="What the device must call itself.")
    serial = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    credential = models.CharField(
        max_length=100,
        blank=True,
        help_text="Name of the credential; the secret itself is never stored here.",
    )
    synced_at = models.DateTimeField(help_text="When the source last confirmed these facts.")
    created_at = models.DateTimeField(db_default=Now())

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["source", "source_key"], name="device_identity")]
        indexes = [
            models.Index(fields=["name", "id"], name="device_by_name"),
            models.Index(fields=["site", "role"], name="device_by_site_role"),
        ]

    def __str__(self) -> str:
        return self.name


class HostKeyState(models.TextChoices):
    """Whether a device's SSH host key is trusted."""

    PINNED = "pinned", "Pinned"
    REVOKED = "revoked", "Revoked"


class HostKey(models.Model):
    """A device's SSH host key that somebody enrolled. Sessions accept pinned keys only."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="host_keys")
    key_type = models.CharField(max_length=60)
    public_key = models.TextField(help_text="Base64, as in a known_hosts file.")
    fingerprint = models.CharField(max_length=80, help_text="SHA256:… as ssh prints it.")
    state = models.CharField(max_length=10, choices=HostKeyState.choices, default=HostKeyState.PINNED)
    enrolled_by = models.CharField(max_length=150)
    enrolled_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["device_id", "key_type", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "key_type"], condition=Q(state="pinned"), name="one_pinned_key_per_type"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"

    @property
    def openssh(self) -> str:
        """``type base64``, the form that a driver pins."""
        return f"{self.key_type} {self.public_key}"


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
