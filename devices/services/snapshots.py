"""Keeping what was read from devices."""

from __future__ import annotations

from devices.models import ConfigBlob, ConfigSnapshot, Device, SnapshotPurpose


def snapshot_store(*, device: Device, text: str, purpose: SnapshotPurpose) -> ConfigSnapshot:
    """Store a normalised running configuration; equal texts share one compressed copy. Two queries."""
    return ConfigSnapshot.objects.create(device=device, blob=ConfigBlob.store(text), purpose=purpose)
