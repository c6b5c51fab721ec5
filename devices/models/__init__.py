"""Inventory, pinned host keys and configuration snapshots: one module per area."""

from devices.models.configs import ConfigBlob, ConfigSnapshot, SnapshotPurpose
from devices.models.host_keys import HostKey, HostKeyState
from devices.models.inventory import Device, DeviceQuerySet, DeviceStatus
from devices.models.periodic import PeriodicJob
from devices.models.sync import (
    SYNC_OPEN,
    DeliveryState,
    InventorySource,
    JournalNote,
    JournalState,
    PlatformMapping,
    RefusedEntry,
    SourceKind,
    StagedDevice,
    SyncRun,
    SyncScope,
    SyncState,
    WebhookDelivery,
)

__all__ = [
    "SYNC_OPEN",
    "ConfigBlob",
    "ConfigSnapshot",
    "DeliveryState",
    "Device",
    "DeviceQuerySet",
    "DeviceStatus",
    "HostKey",
    "HostKeyState",
    "InventorySource",
    "JournalNote",
    "JournalState",
    "PeriodicJob",
    "PlatformMapping",
    "RefusedEntry",
    "SnapshotPurpose",
    "SourceKind",
    "StagedDevice",
    "SyncRun",
    "SyncScope",
    "SyncState",
    "WebhookDelivery",
]
