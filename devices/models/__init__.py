"""Inventory, pinned host keys and configuration snapshots: one module per area."""

from devices.models.configs import ConfigBlob, ConfigSnapshot, SnapshotPurpose
from devices.models.host_keys import HostKey, HostKeyState
from devices.models.inventory import Device, DeviceQuerySet, DeviceStatus
from devices.models.periodic import PeriodicJob

__all__ = [
    "ConfigBlob",
    "ConfigSnapshot",
    "Device",
    "DeviceQuerySet",
    "DeviceStatus",
    "HostKey",
    "HostKeyState",
    "PeriodicJob",
    "SnapshotPurpose",
]
