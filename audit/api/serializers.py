from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event as a line of the explorer, without its body."""

    class Meta:
        model = Event
        fields = [
            "id", "at", "actor_id", "actor_name", "origin", "request_id", "ip", "action", "object_type",
            "object_id", "object_label", "change_id", "device_id", "state_from", "state_to", "code", "reason",
        ]  # fmt: skip
        read_only_fields = fields


class EventDetailSerializer(EventSerializer):
    """One event with its body: what it looked like before and after, and what else was said."""

    body = serializers.SerializerMethodField(help_text="The canonical body, as JSON.")

    class Meta(EventSerializer.Meta):
        fields = [*EventSerializer.Meta.fields, "txid", "db_user", "body"]
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_body(self, event: Event) -> dict[str, Any]:
        """The stored body, read."""
        return event.content()


class EventPageSerializer(serializers.Serializer[Any]):
    """A page of events, newest first."""

    next = serializers.URLField(allow_null=True, help_text="The page that follows; null on the last one.")
    results = EventSerializer(many=True)
