"""The devices that inventory sources describe."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from devices.domain.criticality import Criticality


class DeviceStatus(models.TextChoices):
    """Whether a device may be the target of a change."""

    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Not active"
    MAINTENANCE = "maintenance", "Maintenance"
    DECOMMISSIONED = "decommissioned", "Decommissioned"
    MISSING = "missing", "Missing from its source"


class DeviceQuerySet(models.QuerySet["Device"]):
    """States of the world for devices."""

    def targetable(self) -> Self:
        """Devices that a change may name: active, not excluded, with an address and a known platform."""
        found = self.filter(status=DeviceStatus.ACTIVE, exclusion="")
        return found.exclude(address="").exclude(platform="")

    def excluded(self) -> Self:
        """Devices that their source's facts keep from being targets, with a reason code in ``exclusion``."""
        return self.exclude(exclusion="")


class Device(models.Model):
    """One network device as its inventory source describes it.

    The identity tuple is ``(source, source_key)``: names repeat and change, keys do not.
    ``synced_at`` says how fresh these facts are.
    """

    source = models.CharField(max_length=40, help_text="The inventory source that owns this row.")
    source_key = models.CharField(max_length=200, help_text="The device's key in that source.")
    name = models.CharField(max_length=200)
    platform = models.CharField(max_length=40, blank=True)
    driver = models.CharField(
        max_length=40, blank=True, help_text="The driver to use; empty: the platform's own. Never a guess."
    )
    address = models.CharField(max_length=255, blank=True, help_text="Host name or IP address of SSH or eAPI.")
    port = models.PositiveIntegerField(default=22)
    site = models.CharField(max_length=100, blank=True)
    role = models.CharField(max_length=100, blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    redundancy_group = models.CharField(
        max_length=100, blank=True, help_text="Devices of one group stand in for each other; never two in one wave."
    )
    uplinks = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="Names of the devices that this one reaches the network by; never two of them in one wave.",
    )
    tenant = models.CharField(max_length=100, blank=True, help_text="Whom the device serves, as its source names it.")
    criticality = models.CharField(
        max_length=10, choices=Criticality.choices(), blank=True, help_text="How much depends on it; empty: not known."
    )
    status = models.CharField(max_length=20, choices=DeviceStatus.choices, default=DeviceStatus.ACTIVE)
    hostname = models.CharField(max_length=200, blank=True, help_text="What the device must call itself.")
    serial = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    credential = models.CharField(
        max_length=100,
        blank=True,
        help_text="Name of the credential; the secret itself is never stored here.",
    )
    exclusion = models.CharField(
        max_length=40, blank=True, help_text="Reason code: why its source's facts keep it from being a target."
    )
    exclusion_detail = models.CharField(max_length=300, blank=True, help_text="The same as a sentence.")
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
