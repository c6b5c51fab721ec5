"""Templates as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from changes.domain.templates.states import ReviewDecision, TemplateState
from changes.models import Template, TemplateReview, TemplateVersion

Shown = serializers.Serializer[Any]


class TemplateReferenceSerializer(Shown):
    """Which template it is."""

    id = serializers.IntegerField()
    number = serializers.CharField(help_text="The number that people say, such as `TPL-0007`.")
    name = serializers.CharField()


class TemplateHistorySerializer(Shown):
    """How closed changes from the template went."""

    succeeded = serializers.IntegerField()
    issues = serializers.IntegerField(help_text="Of those that succeeded, how many had issues.")
    failed = serializers.IntegerField(help_text="Closed as failed, rolled back or aborted.")
    success_percent = serializers.IntegerField(allow_null=True)
    last_closed_at = serializers.DateTimeField(allow_null=True)


class TemplateSerializer(serializers.ModelSerializer[Template]):
    """A template as a line of the library. The context holds ``versions``, ``histories`` and ``lost`` by id."""

    number = serializers.CharField(help_text="The number that people say, such as `TPL-0007`.")
    owner = serializers.CharField(source="owner.username")
    successor = TemplateReferenceSerializer(allow_null=True)
    version = serializers.SerializerMethodField(help_text="The approved version, else the newest.")
    state = serializers.SerializerMethodField(help_text="The state of that version.")
    purpose = serializers.SerializerMethodField()
    platforms = serializers.SerializerMethodField()
    pre_approved = serializers.SerializerMethodField(help_text="Whether standard changes can be made from it now.")
    failures = serializers.SerializerMethodField(
        help_text="Failed changes that took its pre-approval, newest first; empty where it was given back."
    )
    history = serializers.SerializerMethodField()

    class Meta:
        model = Template
        fields = [
            "id", "number", "name", "owner", "version", "state", "purpose", "platforms", "pre_approved", "failures",
            "history", "successor", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def _version(self, template: Template) -> TemplateVersion:
        version: TemplateVersion = self.context["versions"][template.pk]
        return version

    def get_version(self, template: Template) -> int:
        """The version's number."""
        return self._version(template).number

    @extend_schema_field(serializers.ChoiceField(TemplateState.choices()))
    def get_state(self, template: Template) -> str:
        """The version's state."""
        return self._version(template).state

    def get_purpose(self, template: Template) -> str:
        """What a change from it achieves."""
        return self._version(template).purpose

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_platforms(self, template: Template) -> list[str]:
        """The platforms that it has content for."""
        return list(self._version(template).platforms)

    def get_pre_approved(self, template: Template) -> bool:
        """Approved, with an envelope, and no failure that took it."""
        version = self._version(template)
        usable = version.state == TemplateState.APPROVED and bool(version.envelope_digest)
        return usable and not self.context["lost"].get(template.pk)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_failures(self, template: Template) -> list[str]:
        """Numbers of changes."""
        return [f"CHG-{pk:05d}" for pk in self.context["lost"].get(template.pk, [])]

    @extend_schema_field(TemplateHistorySerializer(allow_null=True))
    def get_history(self, template: Template) -> Any:  # noqa: ANN401 - serialized row
        """Null where no change from it was closed."""
        history = self.context["histories"].get(template.pk)
        return TemplateHistorySerializer(history).data if history else None


class TemplateReviewSerializer(serializers.ModelSerializer[TemplateReview]):
    """What a reviewer decided; a void one no longer counts."""

    reviewer = serializers.CharField(source="reviewer.username")
    decision = serializers.ChoiceField(ReviewDecision.choices())

    class Meta:
        model = TemplateReview
        fields = ["reviewer", "role", "decision", "digest", "comment", "created_at", "voided_at"]
        read_only_fields = fields


class TemplateVersionSerializer(serializers.ModelSerializer[TemplateVersion]):
    """A version without what it says."""

    state = serializers.ChoiceField(TemplateState.choices())
    created_by = serializers.CharField(source="created_by.username")
    deprecated_by = serializers.CharField(source="deprecated_by.username", allow_null=True, default=None)

    class Meta:
        model = TemplateVersion
        fields = [
            "number", "state", "digest", "envelope_digest", "created_by", "created_at", "proposed_at", "approved_at",
            "deprecated_by", "deprecated_at", "deprecation_reason",
        ]  # fmt: skip
        read_only_fields = fields


class TemplateVersionDetailSerializer(TemplateVersionSerializer):
    """A version with everything that it says."""

    edits = serializers.IntegerField(help_text="Name it with an edit, which is refused when it is another by then.")
    editors = serializers.SerializerMethodField(help_text="Who cannot review it, nor approve changes made from it.")
    reviews = TemplateReviewSerializer(many=True)
    document = serializers.SerializerMethodField(help_text="The digest is the SHA-256 of its canonical JSON.")

    class Meta(TemplateVersionSerializer.Meta):
        fields = [*TemplateVersionSerializer.Meta.fields, "edits", "editors", "reviews", "document"]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_editors(self, version: TemplateVersion) -> list[str]:
        """User names."""
        return list(version.editors.order_by("username").values_list("username", flat=True))

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_document(self, version: TemplateVersion) -> dict[str, Any]:
        """Purpose, trigger, variables, content, checks, strategy, backout notes, steps, rubric, envelope."""
        return version.said


class TemplateDetailSerializer(TemplateSerializer):
    """A template with its versions."""

    versions = TemplateVersionSerializer(many=True)

    class Meta(TemplateSerializer.Meta):
        fields = [*TemplateSerializer.Meta.fields, "versions"]
        read_only_fields = fields


class TemplateDiffSerializer(Shown):
    """Two versions, compared."""

    diff = serializers.CharField(allow_blank=True)


class TemplateBody(Shown):
    """A template; every field of the document may be left out of a draft."""

    purpose = serializers.CharField(required=False)
    trigger = serializers.CharField(required=False, help_text="When it is to be used.")
    variables = serializers.DictField(required=False, help_text="A JSON Schema (2020-12) of type object.")
    content = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Jinja2 text by platform, such as `cisco_ios`."
    )
    checks = serializers.DictField(required=False, help_text='`{"pre": […], "post": […]}`, as in a change.')
    strategy = serializers.DictField(required=False)
    backout_notes = serializers.CharField(required=False)
    steps = serializers.ListField(child=serializers.DictField(), required=False, help_text="Decision steps.")
    rubric = serializers.ListField(
        child=serializers.DictField(), required=False, help_text='`[{"question", "answer", "ready"}]`'
    )
    envelope = serializers.DictField(
        required=False,
        allow_null=True,
        help_text='`{"variables": narrower schema, "scope": {"sites", "roles", "platforms", "tags", "max_devices"},'
        ' "strategy": {"max_parallel": {"max": 5}}}`; null: nothing is approved in advance.',
    )


class TemplateCreateBody(TemplateBody):
    """A new template with its first version."""

    name = serializers.CharField()
    owner = serializers.CharField(required=False, help_text="A user name; you, where it is left out.")


class TemplateVersionEditBody(TemplateBody):
    """The fields of a draft to change; the others stay."""

    edits = serializers.IntegerField(required=False, help_text="The count that you read.")


class TemplateEditBody(Shown):
    """Name and owner."""

    name = serializers.CharField(required=False)
    owner = serializers.CharField(required=False)


class TemplateReviewBody(Shown):
    """A review of exactly one text."""

    digest = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="The digest of the version that you read.")
    comment = serializers.CharField(required=False)


class TemplateReturnBody(Shown):
    """What has to be changed."""

    digest = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="The digest of the version that you read.")
    comment = serializers.CharField()


class TemplateDeprecationBody(Shown):
    """Why, and what to use instead."""

    comment = serializers.CharField()
    successor = serializers.IntegerField(required=False, allow_null=True, help_text="The id of another template.")
