"""The installed hooks, their switches, and what came of their calls."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.permissions import READERS
from changes.api.bodies import body_of
from changes.domain.errors import InvalidInputError
from changes.domain.hooks import OnObjection
from changes.hooks.registry import installed_hooks
from changes.models import HookCall, HookSetting
from changes.services.hook_settings import FIELDS, hook_configure
from changes.services.people import person_of
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.services.scrubbing import Scrubber

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}


class HookSerializer(serializers.Serializer[object]):
    """An installed hook and its setting."""

    name = serializers.CharField()
    distribution = serializers.CharField()
    version = serializers.CharField()
    problem = serializers.CharField(allow_blank=True, help_text="Why it is never called; empty when it can be.")
    points = serializers.ListField(child=serializers.CharField(), help_text="Empty until it was switched on once.")
    enabled = serializers.BooleanField()
    required = serializers.BooleanField()  # type: ignore[assignment]  # a field of the answer that is called so
    on_objection = serializers.ChoiceField(choices=OnObjection.choices())
    time_limit_s = serializers.IntegerField()


class HookCallSerializer(serializers.ModelSerializer[HookCall]):
    """One call of a hook."""

    hook = serializers.CharField(source="hook.name")
    change_id = serializers.IntegerField()
    run_id = serializers.IntegerField(allow_null=True)
    device = serializers.CharField(source="device_run.device.name", default=None, allow_null=True)

    class Meta:
        model = HookCall
        fields = [
            "id", "hook", "point", "change_id", "run_id", "wave", "device", "required", "state", "detail",
            "duration_ms", "created_at", "ended_at",
        ]  # fmt: skip
        read_only_fields = fields


def _require_reader(request: Request) -> None:
    if person_of(request_actor(request)).roles.isdisjoint(READERS):
        raise PermissionDenied("Auditors, change managers and administrators see the hooks.")


def _shown() -> list[dict[str, object]]:
    settings = {row.name: row for row in HookSetting.objects.all()}
    rows = []
    for hook in installed_hooks():
        setting = settings.get(hook.name) or HookSetting(name=hook.name)
        rows.append({
            "name": hook.name, "distribution": hook.distribution, "version": hook.version, "problem": hook.problem,
            "points": setting.points, "enabled": setting.enabled, "required": setting.required,
            "on_objection": setting.on_objection, "time_limit_s": setting.time_limit_s,
        })  # fmt: skip
    return rows


class HookListView(APIView):
    """Hooks."""

    @extend_schema(
        operation_id="hooks_list",
        summary="List installed hooks",
        responses={200: HookSerializer(many=True), **refusals(403)},
    )
    def get(self, request: Request) -> Response:
        """Every hook that an installed package offers, by name. For auditors, change managers, administrators."""
        _require_reader(request)
        return Response(_shown())


class HookDetailView(APIView):
    """One hook."""

    @extend_schema(
        operation_id="hooks_configure",
        summary="Switch a hook",
        request=inline_serializer(
            "HookSettings",
            fields={
                "enabled": serializers.BooleanField(required=False),
                "required": serializers.BooleanField(required=False),
                "on_objection": serializers.ChoiceField(choices=OnObjection.choices(), required=False),
                "time_limit_s": serializers.IntegerField(required=False),
            },
        ),
        responses={200: HookSerializer, **refusals(400, 403, 404)},
    )
    def patch(self, request: Request, name: str) -> Response:
        """Change some settings; what is left out stays. Switching on starts the hook once to ask for its points."""
        hook_configure(name=name, actor=request_actor(request), data=body_of(request, FIELDS))
        return Response(next((row for row in _shown() if row["name"] == name), {}))


class HookCallListView(APIView):
    """Calls of hooks."""

    @extend_schema(
        operation_id="hook_calls_list",
        summary="List calls of hooks",
        parameters=list_parameters({"hook": "Name of a hook.", "change": "Id of a change."}, _NEWEST_FIRST),
        responses={200: page_of("HookCallPage", HookCallSerializer), **refusals(400, 403)},
    )
    def get(self, request: Request) -> Response:
        """What came of each call, newest first."""
        _require_reader(request)
        query = ListQuery.read(request, filters=("hook", "change"), orderings=_NEWEST_FIRST)
        rows = HookCall.objects.select_related("hook", "device_run__device")
        if hook := query.filters.get("hook"):
            rows = rows.filter(hook__name__in=hook)
        if change := query.filters.get("change"):
            if not all(value.isascii() and value.isdigit() and len(value) < 18 for value in change):
                raise InvalidInputError({"change": ["Give the id of a change, a whole number."]})
            rows = rows.filter(change__in=[int(value) for value in change])
        found = page(rows, query, _NEWEST_FIRST)
        scrub = Scrubber.load()
        for row in found.rows:
            row.detail = scrub.prose(row.detail)
        return found.response(request, HookCallSerializer(found.rows, many=True).data)
