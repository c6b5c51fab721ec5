from typing import Any

from rest_framework import serializers

from audit.models import Archive, LegalHold, RetrievalTest
from audit.retention.vocabulary import LONGEST_DAYS, SHORTEST_DAYS, HoldState, RetentionClass


class HoldSerializer(serializers.ModelSerializer[LegalHold]):
    """A legal hold: what it keeps, and who placed it, proposed its release and released it."""

    state = serializers.ChoiceField(choices=[*HoldState])
    placed_by = serializers.CharField(source="placed_by_name")
    proposed_by = serializers.CharField(source="proposed_by_name")
    released_by = serializers.CharField(source="released_by_name")

    class Meta:
        model = LegalHold
        fields = [
            "id", "state", "matter", "reason", "change_id", "since", "until", "placed_by", "placed_at", "proposed_by",
            "proposed_why", "released_by", "released_at",
        ]  # fmt: skip
        read_only_fields = fields


class NewHoldSerializer(serializers.Serializer[Any]):
    """A hold to place: of one change, or of a time range."""

    matter = serializers.CharField(max_length=120, help_text="How people call the case.")
    reason = serializers.CharField()
    change_id = serializers.IntegerField(required=False, allow_null=True)
    since = serializers.CharField(required=False, help_text="ISO 8601; UTC where no zone is named.")
    until = serializers.CharField(required=False, help_text="Not included; a bare day is. Without it: for ever.")


class HoldReasonSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField()


class PeriodSerializer(serializers.Serializer[Any]):
    """For how many days events of a class stay."""

    retention_class = serializers.ChoiceField(choices=[*RetentionClass])
    days = serializers.IntegerField(allow_null=True, help_text="Null: for ever.")


class PeriodChangeSerializer(serializers.Serializer[Any]):
    """A period to set."""

    days = serializers.IntegerField(allow_null=True, min_value=SHORTEST_DAYS, max_value=LONGEST_DAYS)
    reason = serializers.CharField()


class ArchiveSerializer(serializers.ModelSerializer[Archive]):
    """A signed file of events. `removed`: they have left the database; `recorded`: not yet; `given_up`: they stay."""

    state = serializers.ChoiceField(choices=["recorded", "removed", "given_up"])

    class Meta:
        model = Archive
        fields = [
            "id", "state", "file", "size", "sha256", "manifest_sha256", "events", "tree_size", "first_at", "last_at",
            "recorded_at", "removed_at",
        ]  # fmt: skip
        read_only_fields = fields


class RetrievalTestSerializer(serializers.ModelSerializer[RetrievalTest]):
    """A retrieval test and its result."""

    class Meta:
        model = RetrievalTest
        fields = ["id", "made_at", "made_by", "passed", "result"]
        read_only_fields = fields
