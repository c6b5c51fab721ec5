from typing import Any

from rest_framework import serializers

from audit.models import RedactionState
from audit.redaction.selectors import RedactionSteps


class RedactionSerializer(serializers.Serializer[RedactionSteps]):
    """Texts of one event that somebody wants taken out of the log, and what became of it."""

    id = serializers.IntegerField(source="redaction.pk")
    event = serializers.IntegerField(source="redaction.event_id", help_text="The event whose texts these are.")
    paths = serializers.ListField(
        child=serializers.CharField(), source="redaction.paths", help_text="JSON Pointers into its body, or `*`: all."
    )
    state = serializers.ChoiceField(source="redaction.state", choices=RedactionState.choices)
    reason = serializers.CharField(help_text="Why it was proposed.")
    proposed_by = serializers.CharField(source="redaction.proposed_by_name")
    proposed_at = serializers.DateTimeField(source="redaction.proposed_at")
    comment = serializers.CharField(help_text="What was said with the decision; empty before.")
    decided_by = serializers.CharField(source="redaction.decided_by_name", help_text="Empty before the decision.")
    decided_at = serializers.DateTimeField(source="redaction.decided_at", allow_null=True)


class RedactionListSerializer(serializers.Serializer[Any]):
    """Redactions, newest first; ``next_before_id`` asks for those that follow."""

    results = RedactionSerializer(many=True)
    next_before_id = serializers.IntegerField(allow_null=True)


class NewRedactionSerializer(serializers.Serializer[Any]):
    """A proposal."""

    event = serializers.IntegerField(min_value=1, help_text="The event whose texts are to be taken out.")
    paths = serializers.ListField(
        child=serializers.CharField(max_length=2_000),
        min_length=1,
        max_length=500,
        help_text="JSON Pointers into its body, such as `/reason`; of an archived event all texts, as `*`.",
    )
    reason = serializers.CharField(help_text="Why, without repeating the text. It stays in the log.")
    everywhere = serializers.BooleanField(
        default=False, help_text="Also for other events of the change that repeat a text, 100 at most."
    )


class RedactionsProposedSerializer(RedactionSerializer):
    """The redaction that was proposed, and those that were proposed with it for other events."""

    together = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of the others; empty for one.")


class LeftOpenSerializer(serializers.Serializer[Any]):
    """A redaction that could not be decided on with the others."""

    id = serializers.IntegerField()
    detail = serializers.CharField(help_text="Why not.")


class RedactionDecidedSerializer(RedactionSerializer):
    """The redaction that was decided on, and those of the same proposal that stay open."""

    left_open = LeftOpenSerializer(many=True)


class RedactionDecisionSerializer(serializers.Serializer[Any]):
    """What is said with a decision."""

    together = serializers.BooleanField(
        default=False, help_text="Decide alike on all that were proposed together with it and wait."
    )

    comment = serializers.CharField(required=False, allow_blank=True, help_text="Required to decline.")
