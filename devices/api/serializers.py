from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from devices.domain.criticality import Criticality
from devices.models import ConfigSnapshot, Device, HostKey


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """A device as its inventory source describes it."""

    criticality = serializers.ChoiceField(
        Criticality.choices(), allow_blank=True, read_only=True, help_text="How much depends on it; empty: not known."
    )

    class Meta:
        model = Device
        fields = [
            "id", "name", "source", "source_key", "platform", "address", "port", "site", "role", "tags",
            "redundancy_group", "uplinks", "tenant", "criticality", "status", "hostname", "serial", "model",
            "exclusion", "exclusion_detail", "synced_at",
        ]  # fmt: skip
        read_only_fields = fields


class HostKeySerializer(serializers.ModelSerializer[HostKey]):
    """An SSH host key that the device must prove, or that was revoked."""

    class Meta:
        model = HostKey
        fields = ["id", "key_type", "fingerprint", "state", "enrolled_by", "enrolled_at"]
        read_only_fields = fields


class SnapshotSerializer(serializers.ModelSerializer[ConfigSnapshot]):
    """A configuration that was read from the device, without its text."""

    sha256 = serializers.CharField(source="blob_id", help_text="Of the normalised text, before masking.")
    size = serializers.IntegerField(source="blob.size", help_text="Bytes.")
    line_count = serializers.IntegerField(source="blob.line_count")

    class Meta:
        model = ConfigSnapshot
        fields = ["id", "purpose", "taken_at", "seen_until", "changed_by", "sha256", "size", "line_count"]
        read_only_fields = fields


class SnapshotTextSerializer(SnapshotSerializer):
    """A configuration with its text; secrets are masked. ``context["scrub"]`` masks."""

    text = serializers.SerializerMethodField(help_text="The normalised configuration, secrets masked.")

    class Meta(SnapshotSerializer.Meta):
        fields = [*SnapshotSerializer.Meta.fields, "text"]
        read_only_fields = fields

    def get_text(self, snapshot: ConfigSnapshot) -> str:
        """The text as it may be shown."""
        return str(self.context["scrub"](snapshot.blob.text))


class DeviceDetailSerializer(DeviceSerializer):
    """A device with its host keys and its newest snapshot."""

    host_keys = HostKeySerializer(many=True, read_only=True)
    latest_config = serializers.SerializerMethodField()

    class Meta(DeviceSerializer.Meta):
        fields = [*DeviceSerializer.Meta.fields, "host_keys", "latest_config"]
        read_only_fields = fields

    @extend_schema_field(SnapshotSerializer(allow_null=True))
    def get_latest_config(self, _device: Device) -> dict[str, Any] | None:
        """The newest snapshot without its text, or null while the device was never read."""
        snapshot = self.context["latest"]
        return dict(SnapshotSerializer(snapshot).data) if snapshot else None
