"""How the API shows reviews and their actions: texts with secrets masked, times in UTC."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from changes.domain.reviews.content import MAX_ACTION, MAX_TEXT, TEXTS, ActionState, ReviewOutcome, ReviewState
from changes.domain.reviews.duty import Ground
from changes.models import Review, ReviewAction
from devices.services.scrubbing import Scrubber


class RecordedFactSerializer(serializers.Serializer[Any]):
    """One line of the timeline, as the record tells it."""

    at = serializers.DateTimeField()
    who = serializers.CharField()
    what = serializers.CharField()
    code = serializers.CharField()
    note = serializers.CharField()


class ReviewActionSerializer(serializers.ModelSerializer[ReviewAction]):
    """Something that somebody sees to."""

    number = serializers.CharField()
    change = serializers.IntegerField(source="review.change_id")
    owner = serializers.CharField(source="owner.username")
    state = serializers.ChoiceField(ActionState.choices())
    created_by = serializers.CharField(source="created_by.username")
    ended_by = serializers.CharField(source="ended_by.username", allow_null=True, default=None)

    class Meta:
        model = ReviewAction
        fields = [
            "id", "number", "change", "text", "owner", "due_on", "state", "created_by", "created_at", "ended_by",
            "ended_at", "note",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: ReviewAction) -> dict[str, Any]:
        """The action with its texts masked."""
        shown: dict[str, Any] = super().to_representation(instance)
        scrub = Scrubber.load()
        return {**shown, "text": scrub.prose(shown["text"]), "note": scrub.prose(shown["note"])}


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """A post-implementation review. While it is a draft, ``record`` and ``grounds`` are empty."""

    change = serializers.IntegerField(source="change_id")
    state = serializers.ChoiceField(ReviewState.choices())
    outcome = serializers.ChoiceField(ReviewOutcome.choices(), allow_blank=True)
    grounds = serializers.ListField(child=serializers.ChoiceField(Ground.choices()))
    record = RecordedFactSerializer(many=True)
    writers = serializers.SerializerMethodField()
    submitted_by = serializers.CharField(source="submitted_by.username", allow_null=True, default=None)
    accepted_by = serializers.CharField(source="accepted_by.username", allow_null=True, default=None)
    actions = ReviewActionSerializer(many=True)

    class Meta:
        model = Review
        fields = [
            "id", "change", "state", "version", *TEXTS, "outcome", "began_at", "detected_at", "restored_at", "grounds",
            "record", "writers", "submitted_by", "submitted_at", "accepted_by", "accepted_at", "accept_note", "actions",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_writers(self, review: Review) -> list[str]:
        """User names of everybody who wrote a part of it."""
        return sorted(person.get_username() for person in review.writers.all())

    def to_representation(self, instance: Review) -> dict[str, Any]:
        """The review with its texts masked."""
        shown: dict[str, Any] = super().to_representation(instance)
        scrub = Scrubber.load()
        for name in (*TEXTS, "accept_note"):
            shown[name] = scrub.prose(shown[name])
        for fact in shown["record"]:
            fact["note"] = scrub.prose(fact["note"])
        return shown


class ReviewRowSerializer(serializers.Serializer[Any]):
    """A review in a list."""

    change = serializers.IntegerField(source="change_id")
    number = serializers.CharField(source="change.number")
    title = serializers.CharField(source="change.title")
    state = serializers.ChoiceField(ReviewState.choices())
    outcome = serializers.CharField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True)


class ReviewBody(serializers.Serializer[Any]):
    """What people write; fields that are not given stay as they are."""

    what_happened = serializers.CharField(required=False, max_length=MAX_TEXT)
    impact = serializers.CharField(required=False, max_length=MAX_TEXT)
    cause = serializers.CharField(required=False, max_length=MAX_TEXT)
    went_well = serializers.CharField(required=False, max_length=MAX_TEXT)
    lessons = serializers.CharField(required=False, max_length=MAX_TEXT)
    outcome = serializers.ChoiceField(ReviewOutcome.choices(), required=False)
    began_at = serializers.DateTimeField(required=False, help_text="ISO 8601; without a zone it means UTC.")
    detected_at = serializers.DateTimeField(required=False)
    restored_at = serializers.DateTimeField(required=False)
    version = serializers.IntegerField(
        required=False, help_text="The version that you read; the edit is refused when it is another one by now."
    )


class ReviewActionBody(serializers.Serializer[Any]):
    """What is to be done, by whom and until when."""

    text = serializers.CharField(max_length=MAX_ACTION)
    owner = serializers.CharField(help_text="A user name.")
    due_on = serializers.DateField()


class ReviewActionMoveBody(serializers.Serializer[Any]):
    """Another owner or day, and why."""

    owner = serializers.CharField(required=False)
    due_on = serializers.DateField(required=False)
    comment = serializers.CharField()
