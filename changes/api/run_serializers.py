"""How the API shows runs: the run, its waves, its devices with their steps."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from changes.api.presenting import ShownReason
from changes.api.serializers import (
    CatalogueReasonSerializer,
    DeviceReferenceSerializer,
    GateSerializer,
    ProseField,
    Shown,
)
from changes.domain.run_states import DeviceRunState, RunOutcome, RunState, WaveState
from changes.domain.strategy import InFlight
from changes.models import HealthVerdict, Run, RunStep, StepOutcome, WaveCheck


class RunSerializer(serializers.ModelSerializer[Run]):
    """One execution of a plan."""

    change = serializers.IntegerField(source="change_id")
    revision = serializers.IntegerField(source="revision.number")
    state = serializers.ChoiceField(RunState.choices())
    outcome = serializers.ChoiceField(RunOutcome.choices(), allow_blank=True)
    started_by = serializers.CharField(source="started_by.username")
    code = serializers.CharField(help_text="Why it is paused, was aborted, or is rolled back; empty otherwise.")
    detail = ProseField(help_text="The same as a sentence, with who ordered it.")
    reason = serializers.SerializerMethodField(help_text="What the catalogue says about the code.")
    abort = serializers.ChoiceField(
        InFlight.choices(), allow_blank=True, help_text="How devices in flight end, once it is aborted."
    )
    strategy = serializers.DictField(help_text="The signed rollout strategy.")

    class Meta:
        model = Run
        fields = [
            "id", "change", "revision", "plan_digest", "state", "outcome", "device_count", "max_parallel", "started_by",
            "started_at", "ended_at", "code", "detail", "reason", "paused_at", "stop_after_wave", "abort",
            "failures_accepted", "strategy",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(CatalogueReasonSerializer(allow_null=True))
    def get_reason(self, run: Run) -> Any:  # noqa: ANN401 - a serialized row
        """The code's sentence and next step."""
        found = ShownReason.of(run.code)
        return CatalogueReasonSerializer(found).data if found else None


class UnhealthySerializer(Shown):
    """A device that was looked at once more after its run, and was not as it should be."""

    device = serializers.CharField()
    code = serializers.CharField(help_text="A reason code.")
    detail = serializers.CharField()


class WaveSerializer(Shown):
    """A group of devices that is executed together; the next opens when it has held."""

    number = serializers.IntegerField(source="wave.number")
    name = serializers.CharField(source="wave.name")
    state = serializers.ChoiceField(WaveState.choices(), source="wave.state")
    devices = serializers.IntegerField()
    ended = serializers.IntegerField(help_text="Devices on which nothing more happens.")
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Devices that count against the failure budget, unhealthy ones too.")
    looks_open = serializers.IntegerField(help_text="Devices that are still to be looked at once more.")
    looks_healthy = serializers.IntegerField(help_text="Devices that were found healthy once more.")
    unhealthy = UnhealthySerializer(many=True, help_text="Those that were not; 200 of a run at most.")
    opened_at = serializers.DateTimeField(source="wave.opened_at", allow_null=True)
    worked_at = serializers.DateTimeField(
        source="wave.worked_at", allow_null=True, help_text="When its last device had ended."
    )
    judged_at = serializers.DateTimeField(
        source="wave.judged_at", allow_null=True, help_text="When it had shown what was asked for, or the run stopped."
    )
    gate_until = serializers.DateTimeField(
        source="wave.gate_until", allow_null=True, help_text="A person has to decide before this time."
    )
    decided_by = serializers.CharField(
        source="wave.decided_by.username", default=None, allow_null=True, help_text="Who answered its gate."
    )
    code = serializers.CharField(source="wave.code")
    detail = ProseField(source="wave.detail")
    ended_at = serializers.DateTimeField(source="wave.ended_at", allow_null=True)


class RunStepSerializer(serializers.ModelSerializer[RunStep]):
    """One step on one device, written before it was taken and again when it ended."""

    name = serializers.ChoiceField(DeviceRunState.choices())
    outcome = serializers.ChoiceField(StepOutcome.choices, allow_blank=True)
    data = serializers.DictField(help_text="What the step found.")  # type: ignore[assignment]  # the column's name

    class Meta:
        model = RunStep
        fields = ["sequence", "name", "intent_at", "ended_at", "outcome", "code", "detail", "data", "transcript"]
        read_only_fields = fields


class HealthSerializer(serializers.ModelSerializer[WaveCheck]):
    """The look at a device after its run, before the next wave may open."""

    verdict = serializers.ChoiceField(HealthVerdict.choices(), allow_blank=True, help_text="Empty: not looked at yet.")
    detail = ProseField()

    class Meta:
        model = WaveCheck
        fields = ["verdict", "code", "detail", "ended_at"]
        read_only_fields = fields


class DeviceRunSerializer(Shown):
    """One device's run."""

    device = DeviceReferenceSerializer()
    wave = serializers.IntegerField()
    state = serializers.ChoiceField(DeviceRunState.choices())
    step = serializers.CharField(help_text="The newest step in the log.")
    code = serializers.CharField(help_text="A reason code where it did not go straight through.")
    detail = serializers.CharField(help_text="What happened on this device.")
    reason = CatalogueReasonSerializer(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    lines_sent = serializers.IntegerField()
    lines_applied = serializers.IntegerField()
    drift = serializers.CharField(help_text="`same`, `unrelated` or `overlapping`: the device since it was planned.")
    before_sha256 = serializers.CharField()
    after_sha256 = serializers.CharField()
    diff = serializers.CharField(help_text="What became of the configuration, secrets masked.")
    log = RunStepSerializer(many=True)
    gates = GateSerializer(many=True, help_text="The pre-check ladder before anything was sent.")
    health = HealthSerializer(allow_null=True)
    retryable = serializers.BooleanField(
        help_text="Whether nothing of the change is on it, so that it may be tried again."
    )


class RunDetailSerializer(RunSerializer):
    """A run with its waves and a page of its devices."""

    progress = serializers.DictField(child=serializers.IntegerField(), help_text="Devices by state.")
    waves = WaveSerializer(many=True)
    devices = DeviceRunSerializer(many=True)
    next = serializers.URLField(allow_null=True, help_text="The page of devices that follows.")

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "progress", "waves", "devices", "next"]
        read_only_fields = fields
