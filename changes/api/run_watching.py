"""Following a run of any size: its figures, and light rows of its devices, all of them or only what moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Prefetch, Q
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.errors import BadFilterError, UnknownFilterError
from audit.filters import only_value
from changes.api.presenting import ShownDevice, ShownReason
from changes.api.serializers import CatalogueReasonSerializer, DeviceReferenceSerializer, ProseField, Shown
from changes.domain.errors import InvalidInputError
from changes.domain.run_filter import FILTERS, STATE_GROUPS, RunFilter
from changes.domain.run_states import DeviceRunState, RunOutcome, RunState, WaveState
from changes.domain.watermark import Watermark
from changes.errors import ChangeNotFoundError
from changes.models import DeviceRun, RunStep, StepOutcome
from changes.services.run_watching import (
    Figures,
    Glance,
    WaveFigures,
    figures,
    glance,
    is_from_elsewhere,
    new_to,
    pace,
    wave_devices,
)
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.services.scrubbing import Scrubber

_WAVE: Final = "The number of one wave."
_SINCE: Final = "A `watermark` of an earlier answer."
FILTER_TEXTS: Final = {
    "state": f"A state, or a group of them: {', '.join(STATE_GROUPS)}.",
    "site": "A site.",
    "name": "A part of the device's name.",
    "code": "A reason code.",
    "wave": _WAVE,
    "since": f"{_SINCE} Only devices that moved after it.",
}
IN_PLAN_ORDER: Final = {"plan": Ordering((("id", WHOLE),))}


class WavePaceSerializer(Shown):
    """How far one wave is."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(WaveState.choices())
    devices = serializers.IntegerField()
    ended = serializers.IntegerField(help_text="Devices on which nothing more will happen.")
    needs_attention = serializers.IntegerField()
    states = serializers.DictField(child=serializers.IntegerField(), help_text="Devices by state.")
    gate_until = serializers.DateTimeField(allow_null=True, help_text="A person has to decide before this time.")


class RunProgressSerializer(Shown):
    """How far a run is, how fast it goes, and how long it will go on."""

    run = serializers.IntegerField()
    state = serializers.ChoiceField(RunState.choices())
    outcome = serializers.ChoiceField(RunOutcome.choices(), allow_blank=True)
    code = serializers.CharField(help_text="Why it is paused, or was aborted.")
    detail = ProseField()
    devices = serializers.IntegerField()
    ended = serializers.IntegerField(help_text="Devices on which nothing more will happen.")
    needs_attention = serializers.IntegerField(help_text="Devices that ended otherwise than wanted.")
    states = serializers.DictField(child=serializers.IntegerField(), help_text="Devices by state.")
    lines_sent = serializers.IntegerField()
    lines_applied = serializers.IntegerField()
    devices_per_minute = serializers.FloatField(
        allow_null=True, help_text="While devices are worked on, in the last minutes; null: not known yet."
    )
    left_s = serializers.FloatField(
        allow_null=True, help_text="Seconds until the last device ends, without the time that people take; an estimate."
    )
    left_gates = serializers.IntegerField(help_text="How often a person still has to let it go on.")
    left_unknown = serializers.CharField(help_text="Why the time left is not known.")
    waves = WavePaceSerializer(many=True)
    watermark = serializers.CharField(help_text="Give it as `since` to be told only what moved after this answer.")


class RunProgressView(APIView):
    """How far a run is."""

    @extend_schema(
        operation_id="runs_progress",
        summary="Follow a run's progress",
        parameters=[OpenApiParameter("since", str, description=f"{_SINCE} 204 where nothing moved after it.")],
        responses={
            200: RunProgressSerializer,
            204: OpenApiResponse(description="Nothing of the run moved since the watermark."),
            **refusals(400, 404),
        },
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Figures of all its devices in a few queries, however many there are; poll it instead of the whole run."""
        for name in request.query_params:
            if name != "since":
                raise UnknownFilterError(name, ["since"])
        since = _watermark(only_value("since", request.query_params))
        seen = _glance(run_id, since)
        if since is not None and not seen.moved and not is_from_elsewhere(since, seen.watermark):
            return Response(status=204)
        return Response(RunProgressSerializer(_progress(seen, figures(seen.run, RunFilter()))).data)


def _glance(run_id: int, since: Watermark | None) -> Glance:
    seen = glance(run_id, since)
    if seen is None:
        raise ChangeNotFoundError(f"There is no run with the id {run_id}.")
    return seen


def _watermark(text: str) -> Watermark | None:
    if not text:
        return None
    found = Watermark.parse(text)
    if found is None:
        raise BadFilterError("since", "since takes the watermark of an earlier answer. Leave it out to begin anew.")
    return found


def _progress(seen: Glance, found: Figures) -> dict[str, object]:
    run, goes = seen.run, pace(seen.run, found, seen.now)
    return {
        "run": run.pk,
        **{name: getattr(run, name) for name in ("state", "outcome", "code", "detail")},
        "devices": found.total,
        "ended": found.ended,
        "needs_attention": found.attention,
        "states": _states(found),
        "lines_sent": found.sent,
        "lines_applied": found.applied,
        "devices_per_minute": goes.per_minute,
        "left_s": goes.left_s,
        "left_gates": goes.gates,
        "left_unknown": goes.unknown,
        "waves": [_wave(each) for each in found.waves],
        "watermark": seen.watermark,
    }


def _wave(each: WaveFigures) -> dict[str, object]:
    shown = {name: getattr(each.wave, name) for name in ("number", "name", "state", "gate_until")}
    counts = {"devices": each.total, "ended": each.ended, "needs_attention": each.attention}
    return {**shown, **counts, "states": _states(each)}


def _states(found: Figures | WaveFigures) -> dict[str, int]:
    return {state.value: count for state, count in sorted(found.states.items()) if count}


# ---- devices


class StepTimeSerializer(serializers.ModelSerializer[RunStep]):
    """One step and its times, without what was said in it."""

    name = serializers.ChoiceField(DeviceRunState.choices())
    started_at = serializers.DateTimeField(source="intent_at")
    outcome = serializers.ChoiceField(StepOutcome.choices, allow_blank=True)

    class Meta:
        model = RunStep
        fields = ["sequence", "name", "started_at", "ended_at", "outcome", "code"]
        read_only_fields = fields


class WatchedDeviceSerializer(Shown):
    """One device of a run, without its sessions."""

    id = serializers.IntegerField(source="pk")
    device = serializers.SerializerMethodField()
    wave = serializers.IntegerField(source="wave.number")
    state = serializers.ChoiceField(DeviceRunState.choices())
    code = serializers.CharField(help_text="A reason code where it did not go straight through.")
    detail = ProseField()
    reason = serializers.SerializerMethodField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    lines_sent = serializers.IntegerField()
    lines_applied = serializers.IntegerField()
    drift = serializers.CharField()
    steps = StepTimeSerializer(many=True)

    @extend_schema_field(DeviceReferenceSerializer)
    def get_device(self, row: DeviceRun) -> Any:  # noqa: ANN401 - a serialized row
        """Which device it is."""
        return DeviceReferenceSerializer(ShownDevice.of(row)).data

    @extend_schema_field(CatalogueReasonSerializer(allow_null=True))
    def get_reason(self, row: DeviceRun) -> Any:  # noqa: ANN401 - a serialized row
        """What the catalogue says about the code."""
        found = ShownReason.of(row.code)
        return CatalogueReasonSerializer(found).data if found else None


class RunDevicesView(APIView):
    """The devices of a run."""

    @extend_schema(
        operation_id="runs_devices",
        summary="List the devices of a run",
        parameters=list_parameters(FILTER_TEXTS, IN_PLAN_ORDER, repeatable=True),
        responses={
            200: page_of(
                "RunDevices",
                WatchedDeviceSerializer,
                besides={"watermark": serializers.CharField(help_text="Give it as `since` the next time.")},
            ),
            **refusals(400, 404),
        },
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Its devices in the plan's order, without their sessions. Only `state` may be given several times.

        To follow a run: read all pages once, keep the `watermark` of the first, and read again `since` it.
        """
        query = ListQuery.read(request, filters=tuple(FILTER_TEXTS), orderings=IN_PLAN_ORDER, repeatable=True)
        one = _single(query.filters)
        since = _watermark(one.get("since", ""))
        seen = _glance(run_id, since)
        if since is not None and is_from_elsewhere(since, seen.watermark):
            since = None
        steps = RunStep.objects.defer("data", "transcript", "detail").order_by("sequence")
        rows = wave_devices(seen.run, None, _chosen(query.filters)).filter(new_to(since), _in_wave(one))
        rows = rows.select_related("device", "wave").prefetch_related(Prefetch("steps", queryset=steps))
        found = page(rows, query, IN_PLAN_ORDER)
        context = {"scrub": Scrubber.load()}
        shown = WatchedDeviceSerializer(found.rows, many=True, context=context).data
        return found.response(request, shown, watermark=seen.watermark)


def _single(filters: Mapping[str, list[str]]) -> dict[str, str]:
    for name, values in filters.items():
        if name != "state" and len(values) > 1:
            raise BadFilterError(name, f"{name} is given {len(values)} times. Give it once.")
    return {name: values[0] for name, values in filters.items()}


def _chosen(filters: Mapping[str, list[str]]) -> RunFilter:
    try:
        return RunFilter.read({name: filters[name] for name in FILTERS if name in filters})
    except InvalidInputError as error:
        raise BadFilterError("state", str(error)) from None


def _in_wave(one: Mapping[str, str]) -> Q:
    text = one.get("wave", "")
    if not text:
        return Q()
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise BadFilterError("wave", "wave takes the number of one wave.")
    return Q(wave__number=int(text))
