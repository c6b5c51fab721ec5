from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.models import Event
from changes.api.presenting import ShownContent
from changes.api.template_serializers import TemplateReferenceSerializer
from changes.domain.gates import Gate, GateVerdict
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeState, ChangeType, CloseCode, DevicePlanState, PlanState
from changes.domain.templates.states import TemplateState
from changes.models import (
    Approval,
    ChangeRequest,
    Decision,
    PlanRevision,
    VoidCause,
)
from changes.services.envelopes import within_envelope
from devices.api.openapi import ReasonSerializer
from devices.domain.severity import Severity
from devices.services.scrubbing import Scrubber

Shown = serializers.Serializer[Any]


class ProseField(serializers.CharField):
    """A sentence with known secrets masked."""

    def to_representation(self, value: str) -> str:
        """The masked sentence; a view that shows many of them puts its scrubber into the context."""
        scrub: Scrubber = self.context.get("scrub") or Scrubber.load()
        return scrub.prose(value)


class PlanSummarySerializer(serializers.ModelSerializer[PlanRevision]):
    """The current plan in a few words."""

    revision = serializers.IntegerField(source="number")
    state = serializers.ChoiceField(PlanState.choices())

    class Meta:
        model = PlanRevision
        fields = ["revision", "state", "digest", "device_count"]
        read_only_fields = fields


class ChangeSerializer(serializers.ModelSerializer[ChangeRequest]):
    """A change request as a line of a list."""

    number = serializers.CharField(help_text="The number that people say, such as `CHG-00042`.")
    type = serializers.ChoiceField(ChangeType.choices())
    state = serializers.ChoiceField(ChangeState.choices())
    risk_level = serializers.ChoiceField(
        RiskLevel.choices(), allow_blank=True, help_text="The level that holds; empty: not assessed."
    )
    author = serializers.CharField(source="author.username")
    plan = PlanSummarySerializer(source="revision", allow_null=True)
    close_code = serializers.ChoiceField(CloseCode.choices(), allow_blank=True)

    class Meta:
        model = ChangeRequest
        fields = [
            "id", "number", "title", "type", "state", "risk_level", "on_hold", "author", "version", "plan",
            "close_code", "created_at", "updated_at", "submitted_at", "window_start", "window_end", "closed_at",
        ]  # fmt: skip
        read_only_fields = fields


class BlockerSerializer(Shown):
    """One thing that stands between the change and its next step."""

    kind = serializers.ChoiceField(["people", "machine"])
    code = serializers.CharField()
    sentence = serializers.CharField()


class ActionSerializer(Shown):
    """A call that the change's state allows, and whether you may make it."""

    name = serializers.CharField(help_text="The last part of the call's address, or `edit` for PATCH.")
    allowed = serializers.BooleanField()
    reasons = ReasonSerializer(many=True, help_text="Every rule that forbids it to you.")


class ChangeTemplateSerializer(Shown):
    """Which version of which template a change is made from."""

    id = serializers.IntegerField(source="template_id")
    label = serializers.CharField(  # type: ignore[assignment]  # the name is that of a DRF property
        help_text="Such as `TPL-0007 v3`."
    )
    name = serializers.CharField(source="template.name")
    version = serializers.IntegerField(source="number")
    state = serializers.ChoiceField(TemplateState.choices())
    digest = serializers.CharField()
    successor = TemplateReferenceSerializer(source="template.successor", allow_null=True)


class PreApprovalSerializer(Shown):
    """Whether a plan is approved in advance."""

    holds = serializers.BooleanField()
    why_not = serializers.ListField(child=serializers.CharField())


class ChangeDetailSerializer(ChangeSerializer):
    """A change request with everything that was written into it, what blocks it and what you may do.

    The context holds ``content`` (:class:`changes.api.presenting.ShownContent`), ``blockers`` and ``actions``.
    """

    last_editor = serializers.CharField(source="last_editor.username")
    content = serializers.SerializerMethodField(help_text="Configuration text in Jinja2.")
    variables = serializers.SerializerMethodField()
    masked = serializers.SerializerMethodField(
        help_text="Whether secrets were taken out of content and variables, since you did not write them."
    )
    blockers = serializers.SerializerMethodField()
    actions = serializers.SerializerMethodField()
    template = serializers.SerializerMethodField(help_text="The template version that it is made from.")
    pre_approval = serializers.SerializerMethodField(
        help_text="For a planned standard change: whether it lies inside the envelope, and every reason why not."
    )

    class Meta(ChangeSerializer.Meta):
        fields = [
            *ChangeSerializer.Meta.fields, "called_by", "emergency_reason", "template", "pre_approval", "reason",
            "last_editor", "content", "variables", "masked", "targets",
            "checks", "strategy", "close_note", "blockers", "actions",
        ]  # fmt: skip
        read_only_fields = fields

    @property
    def _written(self) -> ShownContent:
        written: ShownContent = self.context["content"]
        return written

    @extend_schema_field(ChangeTemplateSerializer(allow_null=True))
    def get_template(self, change: ChangeRequest) -> Any:  # noqa: ANN401 - serialized row
        """Null where it is made from none."""
        version = change.template_version
        return ChangeTemplateSerializer(version).data if version else None

    @extend_schema_field(PreApprovalSerializer(allow_null=True))
    def get_pre_approval(self, change: ChangeRequest) -> Any:  # noqa: ANN401 - serialized row
        """Null for other changes, and without a ready plan."""
        revision = change.revision
        if change.type != ChangeType.STANDARD or revision is None or revision.state != PlanState.READY:
            return None
        return PreApprovalSerializer(within_envelope(change, revision)).data

    def get_content(self, _change: ChangeRequest) -> str:
        """The configuration text."""
        return self._written.content

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_variables(self, _change: ChangeRequest) -> dict[str, object]:
        """The variables by name."""
        return dict(self._written.variables)

    def get_masked(self, _change: ChangeRequest) -> bool:
        """Whether secrets were taken out."""
        return self._written.masked

    @extend_schema_field(BlockerSerializer(many=True))
    def get_blockers(self, _change: ChangeRequest) -> Any:  # noqa: ANN401 - serialized rows
        """What blocks the change."""
        return BlockerSerializer(self.context["blockers"], many=True).data

    @extend_schema_field(ActionSerializer(many=True))
    def get_actions(self, _change: ChangeRequest) -> Any:  # noqa: ANN401 - serialized rows
        """What the reader may do."""
        return ActionSerializer(self.context["actions"], many=True).data


class CatalogueReasonSerializer(Shown):
    """What the catalogue of reasons says about a code."""

    code = serializers.CharField()
    sentence = serializers.CharField()
    next_step = serializers.CharField()


class DeviceReferenceSerializer(Shown):
    """Which device it is."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    site = serializers.CharField()
    platform = serializers.CharField()


class WarningSerializer(Shown):
    """Something that a reviewer should know: a finding of a rule, or a note of planning, which has no code."""

    line = serializers.CharField(help_text="The line that is sent; empty where no single line does it.")
    sentence = serializers.CharField()
    code = serializers.CharField(default="", help_text="The rule; empty for a note of planning.")
    severity = serializers.ChoiceField([(each.value, each.label) for each in Severity], allow_blank=True, default="")
    number = serializers.IntegerField(allow_null=True, default=None, help_text="Of the line, counted from 1.")
    path = serializers.ListField(child=serializers.CharField(), default=list, help_text="The place, outermost first.")


class FindingSerializer(serializers.Serializer[Any]):
    """One thing that a gate found amiss."""

    code = serializers.CharField(help_text="A reason code; an exception must name exactly this one.")
    also = serializers.ListField(child=serializers.CharField(), help_text="Further reason codes.")
    severity = serializers.ChoiceField([severity.value for severity in Severity])
    sentence = serializers.CharField()
    exception = serializers.CharField(help_text="The exception that lets it through, such as `EXC-0007`.")


class GateSerializer(serializers.Serializer[Any]):
    """How one gate of the pre-check ladder ended."""

    gate = serializers.ChoiceField(Gate.choices())
    verdict = serializers.ChoiceField(GateVerdict.choices())
    code = serializers.CharField()
    severity = serializers.CharField()
    sentence = serializers.CharField()
    stops = serializers.BooleanField(help_text="Whether it stopped the device.")
    exceptions = serializers.ListField(child=serializers.CharField())
    findings = FindingSerializer(many=True)
    values = serializers.ListField(child=serializers.DictField(), help_text="What was looked at.")
    at = serializers.CharField(help_text="UTC; empty where the gate was skipped.")


class DevicePlanSerializer(Shown):
    """What will be sent to one device, secrets masked."""

    device = DeviceReferenceSerializer()
    wave = serializers.IntegerField(help_text="Its wave of the rollout, from 1; it is signed with the plan.")
    state = serializers.ChoiceField(DevicePlanState.choices())
    code = serializers.CharField(help_text="A reason code where the device cannot or need not be planned.")
    detail = serializers.CharField(help_text="What happened on this device.")
    reason = CatalogueReasonSerializer(allow_null=True)
    digest = serializers.CharField(help_text="SHA-256 of the device's plan: a leaf of the plan's digest.")
    diff = serializers.CharField(help_text="Unified diff of the configuration.")
    diff_source = serializers.CharField(help_text="`estimate`, or `device` where the device computed it.")
    lines_added = serializers.IntegerField()
    lines_removed = serializers.IntegerField()
    commands = serializers.ListField(child=serializers.CharField())
    backout = serializers.ListField(child=serializers.CharField())
    backout_method = serializers.CharField(
        help_text="`commands`: the lines of `backout` are sent. `replace`: the whole configuration is made equal to the"
        " one from before the first line, which is the baseline unless somebody changed something unrelated."
    )
    confirm_within_s = serializers.IntegerField(
        help_text="The device takes the change back unless it is confirmed in this time; 0: no such timer."
    )
    driver = serializers.CharField(help_text="What talks to the device.")
    warnings = WarningSerializer(many=True)
    kinds = serializers.ListField(child=serializers.CharField(), help_text="The kinds of content that it touches.")
    baseline_sha256 = serializers.CharField()
    target_sha256 = serializers.CharField()
    gates = GateSerializer(many=True, help_text="The pre-check ladder when the device was planned.")


class PlanSerializer(PlanSummarySerializer):
    """A plan without its devices."""

    requested_by = serializers.CharField(source="requested_by.username")

    class Meta(PlanSummarySerializer.Meta):
        fields = [
            *PlanSummarySerializer.Meta.fields, "code", "detail", "policy_version", "requested_by", "created_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class PlanDetailSerializer(PlanSerializer):
    """A plan with a page of its devices."""

    reason = CatalogueReasonSerializer(allow_null=True, help_text="Why the plan failed.")
    progress = serializers.DictField(child=serializers.IntegerField(), help_text="Devices by state.")
    devices = DevicePlanSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="The page of devices that follows.")

    class Meta(PlanSerializer.Meta):
        fields = [*PlanSerializer.Meta.fields, "reason", "progress", "devices", "next"]
        read_only_fields = fields


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """A reviewer's decision; a void one no longer counts."""

    decision = serializers.ChoiceField(Decision.choices)
    approver = serializers.CharField(source="approver.username")
    on_behalf_of = serializers.CharField(source="on_behalf_of.username", allow_null=True, default=None)
    revision = serializers.IntegerField(source="revision.number")
    carried_from = serializers.CharField(help_text="The digest that the person saw, where it was carried over.")
    void_cause = serializers.ChoiceField(VoidCause.choices, allow_blank=True)

    class Meta:
        model = Approval
        fields = [
            "id",
            "stage",
            "decision",
            "approver",
            "group",
            "on_behalf_of",
            "revision",
            "plan_digest",
            "carried_from",
            "comment",
            "created_at",
            "voided_at",
            "void_cause",
        ]
        read_only_fields = fields


class TimelineEventSerializer(serializers.ModelSerializer[Event]):
    """An audit event of this change, without where the person was."""

    class Meta:
        model = Event
        fields = [
            "id", "at", "actor_name", "origin", "action", "object_type", "object_id", "object_label", "device_id",
            "state_from", "state_to", "code", "reason",
        ]  # fmt: skip
        read_only_fields = fields
