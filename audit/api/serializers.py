from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import Event, SavedSearch
from audit.sealing.comparing import Comparison, Verdict
from audit.sealing.overview import LogKey, LogOverview
from audit.sealing.proof import ProofState, Standing


class ProofStateSerializer(serializers.Serializer[ProofState]):
    """Where an event stands in the sealed log, as its tables say; nothing is verified here."""

    state = serializers.ChoiceField(
        source="standing",
        choices=[*Standing],
        help_text="`sealed`; `pending`: waits for the sealer; `absent`: neither, which no event should be.",
    )
    leaf_index = serializers.IntegerField(allow_null=True, help_text="Its place in the tree, from 0 on.")
    tree_size = serializers.IntegerField(
        allow_null=True, help_text="Size of the first signed checkpoint that covers it."
    )
    signed_at = serializers.DateTimeField(allow_null=True, help_text="When that checkpoint was signed.")


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event as a line of the explorer, without its body. Needs ``proofs`` in its context, by event id."""

    proof = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = [
            "id", "at", "actor_id", "actor_name", "origin", "request_id", "ip", "action", "object_type",
            "object_id", "object_label", "change_id", "device_id", "state_from", "state_to", "code", "reason",
            "proof",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ProofStateSerializer)
    def get_proof(self, event: Event) -> dict[str, Any]:
        """Where it stands in the sealed log."""
        return dict(ProofStateSerializer(self.context["proofs"][event.pk]).data)


class EventDetailSerializer(EventSerializer):
    """One event with its body: what it looked like before and after, and what else was said."""

    body = serializers.SerializerMethodField(
        help_text="The body as JSON, with texts of people in their places. What is sealed stands in the export."
    )

    class Meta(EventSerializer.Meta):
        fields = [*EventSerializer.Meta.fields, "txid", "db_user", "body"]
        read_only_fields = fields

    def to_representation(self, instance: Event) -> dict[str, Any]:
        """The event, with those texts that are what was sealed; one query where there are any."""
        body = instance.checked_content()
        return {**super().to_representation(instance), "body": body}

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_body(self, _event: Event) -> dict[str, Any]:
        """The stored body with its texts, read; it is put in with the rest."""
        return {}


class EventPageSerializer(serializers.Serializer[Any]):
    """A page of events, newest first."""

    next = serializers.URLField(allow_null=True, help_text="The page that follows; null on the last one.")
    searched_to = serializers.DateTimeField(
        allow_null=True,
        help_text="Null unless the page ended early: then, when the oldest event that was looked at was written. "
        "Such a page can hold few events or none; follow `next` to search older ones.",
    )
    results = EventSerializer(many=True)


class SavedSearchSerializer(serializers.ModelSerializer[SavedSearch]):
    """A search that somebody keeps."""

    owner = serializers.CharField(source="owner_name")

    class Meta:
        model = SavedSearch
        fields = ["id", "name", "owner", "shared", "query", "created_at"]
        read_only_fields = fields


class NewSavedSearchSerializer(serializers.Serializer[Any]):
    """A search to keep; ``query`` maps filters to texts, as in the list's query string."""

    name = serializers.CharField(max_length=80)
    query = serializers.DictField(child=serializers.CharField())
    shared = serializers.BooleanField(default=False)


class SavedSearchChangeSerializer(serializers.Serializer[Any]):
    """What to change about a saved search; what is left out stays."""

    name = serializers.CharField(max_length=80, required=False)
    shared = serializers.BooleanField(required=False)


class LogKeySerializer(serializers.Serializer[LogKey]):
    """A public key of the log."""

    line = serializers.CharField(help_text="`name+hash+key`, as `verify.py --key` takes it.")
    fingerprint = serializers.CharField(help_text="SHA-256 of the key's 32 bytes, for people to compare.")
    until = serializers.IntegerField(allow_null=True, help_text="A retired key is believed up to so many entries.")


class CheckpointSerializer(serializers.Serializer[LogOverview]):
    """The newest signed head of the tree, and what its signature is checked with."""

    origin = serializers.CharField(source="head.signed.head.origin", help_text="The log's name.")
    size = serializers.IntegerField(source="head.size", help_text="How many entries it covers.")
    root = serializers.SerializerMethodField(  # type: ignore[assignment] # a field; Field.root is another thing
        help_text="The root of the tree, in hexadecimal digits."
    )
    signed_at = serializers.DateTimeField(source="head.signed.signed_at", allow_null=True)
    checkpoint = serializers.CharField(source="head.note", help_text="The signed note, byte for byte.")
    keys = LogKeySerializer(many=True)
    pending = serializers.IntegerField(source="lag.pending", help_text="Events that wait for the sealer.")

    def get_root(self, log: LogOverview) -> str:
        """The root."""
        return log.head.signed.head.root.hex() if log.head else ""


class KeptCheckpointSerializer(serializers.Serializer[Any]):
    """A checkpoint that somebody kept."""

    checkpoint = serializers.CharField(help_text="The whole text of the file, with its signatures.")


class ComparisonSerializer(serializers.Serializer[Comparison]):
    """What the log is to a checkpoint that somebody kept."""

    verdict = serializers.ChoiceField(choices=[*Verdict])
    sentence = serializers.CharField()
    kept = serializers.IntegerField(allow_null=True, help_text="Its entries; null where no known key has signed it.")
    now = serializers.IntegerField(help_text="The entries of the newest checkpoint.")
