"""Backups in the API, and configurations with their secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import BadFilterError
from devices.api.bodies import strict_body, text_of
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.errors import BadFieldsError
from devices.models import BackupRun, BackupState, ConfigSnapshot, DeviceBackup
from devices.selectors import DEVICE_FILTERS
from devices.services.backups import backup_start
from devices.services.snapshots import raw_config_read

Row = TypeVar("Row")

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_REASON = inline_serializer("ConfigReason", fields={"reason": serializers.CharField()})


class BackupRunSerializer(serializers.ModelSerializer[BackupRun]):
    """A backup of many devices; ``counts`` are devices by state, once the run has ended."""

    class Meta:
        model = BackupRun
        fields = [
            "id",
            "trigger",
            "requested_by",
            "filters",
            "state",
            "device_count",
            "counts",
            "started_at",
            "ended_at",
        ]
        read_only_fields = fields


class DeviceBackupSerializer(serializers.ModelSerializer[DeviceBackup]):
    """The backup of one device; ``startup`` says whether a reboot would keep what it runs."""

    device = serializers.CharField(source="device.name")

    class Meta:
        model = DeviceBackup
        fields = ["id", "device_id", "device", "state", "code", "detail", "snapshot_id", "startup", "ended_at"]
        read_only_fields = fields


class BackupListView(APIView):
    """Backup runs."""

    @extend_schema(
        operation_id="backups_list",
        summary="List backup runs",
        parameters=list_parameters({}, _NEWEST_FIRST),
        responses={200: page_of("BackupPage", BackupRunSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """The runs, newest first."""
        query = ListQuery.read(request, orderings=_NEWEST_FIRST)
        found = page(BackupRun.objects.all(), query, _NEWEST_FIRST)
        return found.response(request, BackupRunSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="backups_start",
        summary="Start a backup",
        description="Reads the configurations of the devices that the filter selects; `{}` means all.",
        request=inline_serializer("BackupStart", fields={"filter": serializers.DictField(required=False)}),
        responses={202: BackupRunSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Start it; workers do the reading."""
        given = strict_body(request, ("filter",)).get("filter", {})
        if not isinstance(given, Mapping):
            raise BadFieldsError({"filter": ["Give an object, such as {“site”: [“FRA”]}."]})
        run = backup_start(filters=_device_filter(given), actor=request_actor(request))
        return Response(BackupRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


def _device_filter(given: Mapping[str, object]) -> dict[str, list[str]]:
    filters = {}
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        if name in DEVICE_FILTERS and not all(isinstance(item, str) for item in values):
            raise BadFieldsError({f"filter.{name}": ["Give a text, or a list of texts."]})
        if not any(values):
            raise BadFieldsError(
                {f"filter.{name}": ["Give a value, or leave this filter out: an empty one means all."]}
            )
        filters[name] = [str(item) for item in values]
    return filters


class BackupDetailView(APIView):
    """One backup run."""

    @extend_schema(
        operation_id="backups_retrieve",
        summary="Retrieve a backup run with its devices",
        parameters=list_parameters({"state": "The state of the devices to list."}, _NEWEST_FIRST),
        responses={
            200: page_of("BackupDevicePage", DeviceBackupSerializer, besides=BackupRunSerializer().get_fields()),
            **refusals(400, 404),
        },
    )
    def get(self, request: Request, run_id: int) -> Response:
        """The run and a page of its devices."""
        run = existing(BackupRun.objects.filter(pk=run_id).first(), "backup", run_id)
        query = ListQuery.read(request, filters=["state"], orderings=_NEWEST_FIRST)
        rows = run.devices.select_related("device").filter(**known_state(query, BackupState.values))
        found = page(rows, query, _NEWEST_FIRST)
        return found.response(
            request, DeviceBackupSerializer(found.rows, many=True).data, **BackupRunSerializer(run).data
        )


def known_state(query: ListQuery, known: Sequence[str]) -> dict[str, str]:
    """The ``state`` to filter by, if one is asked for.

    Raises:
        BadFilterError: there is no such state.
    """
    asked = query.only()
    if "state" in asked and asked["state"] not in known:
        raise BadFilterError("state", f"state takes one of: {', '.join(known)}.")
    return asked


def existing(row: Row | None, kind: str, pk: int) -> Row:
    """The row.

    Raises:
        NotFound: there is none.
    """
    if row is None:
        raise NotFound(f"There is no {kind} with the id {pk}.")
    return row


class RawConfigView(APIView):
    """A configuration with its secrets."""

    @extend_schema(
        operation_id="devices_configs_raw",
        summary="Read a configuration with its secrets",
        description="For administrators, who say why. Who read it, when and why stands in the audit log.",
        request=_REASON,
        responses={
            200: inline_serializer("RawConfig", fields={"text": serializers.CharField()}),
            **refusals(400, 403, 404),
        },
    )
    def post(self, request: Request, device_id: int, snapshot_id: int) -> Response:
        """The text as it stands."""
        reason = text_of(strict_body(request, ("reason",)), "reason")
        actor = request_actor(request)
        try:
            snapshot = raw_config_read(device_id=device_id, snapshot_id=snapshot_id, reason=reason, actor=actor)
        except ConfigSnapshot.DoesNotExist:
            raise NotFound(f"The device {device_id} has no configuration with the id {snapshot_id}.") from None
        return Response({"text": snapshot.blob.text}, headers={"Cache-Control": "no-store"})
