"""Inventory, pinned host keys and configuration snapshots: one module per area."""

from devices.models.addresses import DeviceAddresses
from devices.models.backups import (
    BackupRun,
    BackupRunState,
    BackupState,
    BackupTrigger,
    DeviceBackup,
    StartupState,
    SuspectConfig,
    SuspectState,
)
from devices.models.breakers import CircuitBreaker
from devices.models.compliance import ComplianceResult, ComplianceRule
from devices.models.configs import BaselineOrigin, ConfigBlob, ConfigSnapshot, ConfigState, SnapshotPurpose
from devices.models.credential_uses import CredentialUse
from devices.models.drift import DriftRecord, DriftRule
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
    "BackupRun",
    "BackupRunState",
    "BackupState",
    "BackupTrigger",
    "BaselineOrigin",
    "CircuitBreaker",
    "ComplianceResult",
    "ComplianceRule",
    "ConfigBlob",
    "ConfigSnapshot",
    "ConfigState",
    "CredentialUse",
    "DeliveryState",
    "Device",
    "DeviceAddresses",
    "DeviceBackup",
    "DeviceQuerySet",
    "DeviceStatus",
    "DriftRecord",
    "DriftRule",
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
    "StartupState",
    "SuspectConfig",
    "SuspectState",
    "SyncRun",
    "SyncScope",
    "SyncState",
    "WebhookDelivery",
]
