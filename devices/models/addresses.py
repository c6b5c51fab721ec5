"""Which addresses each device has by its newest stored configuration: the index that finds duplicates."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from devices.models.inventory import Device


class DeviceAddresses(models.Model):
    """The addresses of one device's interfaces: one row, replaced as a whole.

    ``uses`` is a list of ``{address, interface, vrf, shared}``; ``addresses`` are the same addresses for the index.
    ``blob_id`` is the SHA-256 of the text that they were read from: equal texts are not read again.
    """

    device = models.OneToOneField(Device, primary_key=True, on_delete=models.CASCADE, related_name="address_index")
    blob_id = models.CharField(max_length=64)
    snapshot_id = models.BigIntegerField(help_text="The snapshot; an older one never replaces a newer one.")
    addresses = ArrayField(models.CharField(max_length=45), default=list)
    uses = models.JSONField(default=list)
    indexed_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [GinIndex(fields=["addresses"], name="device_by_address", fastupdate=False)]

    def __str__(self) -> str:
        return f"addresses of {self.device_id}"
