"""Inventory, pinned host keys and configuration snapshots: one module per area."""

from devices.models.configs import ConfigBlob, ConfigSnapshot, SnapshotPurpose
from devices.models.host_keys import AlertState, HostKey, HostKeyAlert, HostKeyState, OfferedKey, OfferState
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
from devices.models.trust import FieldTrust, LiveFact

__all__ = [
    "SYNC_OPEN",
    "AlertState",
    "ConfigBlob",
    "ConfigSnapshot",
    "DeliveryState",
    "Device",
    "DeviceQuerySet",
    "DeviceStatus",
    "FieldTrust",
    "HostKey",
    "HostKeyAlert",
    "HostKeyState",
    "InventorySource",
    "JournalNote",
    "JournalState",
    "LiveFact",
    "OfferState",
    "OfferedKey",
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
