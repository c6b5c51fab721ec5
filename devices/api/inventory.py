"""Inventory sources in the API: how they stand, their synchronisations, the platform table, what was refused."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from devices.api.listing import TEXT, WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.errors import BadFieldsError
from devices.models import Device, PlatformMapping, RefusedEntry, SourceKind, SyncRun, SyncScope
from devices.services.inventory_platforms import platform_map, platform_unmap
from devices.services.inventory_runs import sync_request
from devices.services.inventory_sources import SourceState, excluded_devices, refused_entries, source_states

NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
OLDEST_FIRST = {"id": Ordering((("id", WHOLE),))}
BY_NAME = {"name": Ordering((("name", TEXT), ("id", WHOLE)))}
BY_VALUE = {"value": Ordering((("value", TEXT), ("id", WHOLE)))}


class SyncRunSerializer(serializers.ModelSerializer[SyncRun]):
    """One synchronisation; counts are devices, and ``code`` and ``detail`` say why it failed."""

    source = serializers.CharField(source="source_id")  # type: ignore[assignment]  # a field of that name

    class Meta:
        model = SyncRun
        fields = [
            "id", "source", "scope", "state", "requested_by", "requested_at", "started_at", "ended_at", "done", "total",
            "created", "updated", "unchanged", "missing", "refused", "code", "detail",
        ]  # fmt: skip
        read_only_fields = fields


class SourceSerializer(serializers.Serializer[SourceState]):
    """An inventory source and how it stands."""

    name = serializers.CharField(source="source.name")
    kind = serializers.ChoiceField(source="source.kind", choices=SourceKind.choices)
    loaded_at = serializers.DateTimeField(source="source.loaded_at", allow_null=True, help_text="Last full load.")
    synced_at = serializers.DateTimeField(source="source.synced_at", allow_null=True, help_text="Last success.")
    devices = serializers.IntegerField(help_text="Listed by the source.")
    excluded = serializers.IntegerField(help_text="Listed, and no possible targets.")
    missing = serializers.IntegerField(help_text="No longer listed.")
    refused = serializers.IntegerField(help_text="Entries that became no devices.")
    can_be_synchronised = serializers.BooleanField(source="is_syncable")
    last_run = SyncRunSerializer(source="run", allow_null=True)


class PlatformMappingSerializer(serializers.ModelSerializer[PlatformMapping]):
    """What a source's word for a platform means."""

    class Meta:
        model = PlatformMapping
        fields = ["id", "value", "platform", "driver", "updated_by", "updated_at"]
        read_only_fields = ["id", "updated_by", "updated_at"]


class PlatformMappingBody(serializers.Serializer[Any]):
    """A row of the platform table; an empty driver means the platform's own."""

    value = serializers.CharField()
    platform = serializers.CharField()
    driver = serializers.CharField(required=False, allow_blank=True)


class SyncBody(serializers.Serializer[Any]):
    """How much to read."""

    scope = serializers.ChoiceField(choices=["full", "changes"], required=False, default="full")


class ExcludedSerializer(serializers.ModelSerializer[Device]):
    """A device that its source's facts keep from being a target."""

    code = serializers.CharField(source="exclusion", help_text="Reason code.")
    sentence = serializers.CharField(source="exclusion_detail")

    class Meta:
        model = Device
        fields = ["id", "name", "source", "source_key", "code", "sentence"]
        read_only_fields = fields


class RefusedSerializer(serializers.ModelSerializer[RefusedEntry]):
    """An entry of a source that became no device."""

    source = serializers.CharField(source="source_id")  # type: ignore[assignment]  # a field of that name

    class Meta:
        model = RefusedEntry
        fields = ["id", "source", "key", "code", "sentence"]
        read_only_fields = fields


def _texts(request: Request, known: frozenset[str]) -> dict[str, str]:
    """The body's fields, all of them texts.

    Raises:
        BadFieldsError: another field, or a value that is no text.
    """
    body = request.data if request.data is not None else {}
    if not isinstance(body, dict):
        raise BadFieldsError({"body": ["Send an object."]})
    problems = {name: [f"There is no field “{name[:40]}” here."] for name in body if name not in known}
    problems |= {name: ["Give a text."] for name, value in body.items() if name in known and not isinstance(value, str)}
    if problems:
        raise BadFieldsError(problems)
    return {name: str(value) for name, value in body.items()}


class SourceListView(APIView):
    """The inventory sources."""

    @extend_schema(
        operation_id="inventory_sources_list",
        summary="List inventory sources",
        responses={200: page_of("SourcePage", SourceSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """All sources by name, each with its last synchronisation. There are few; the list has one page."""
        ListQuery.read(request, orderings=BY_NAME)
        shown = SourceSerializer(source_states(), many=True)  # type: ignore[arg-type]  # the stubs know one instance only
        return Response({"next": None, "results": shown.data})


class SourceSyncView(APIView):
    """Synchronise a source."""

    @extend_schema(
        operation_id="inventory_sources_sync",
        summary="Synchronise a source",
        request=SyncBody,
        responses={202: SyncRunSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, source: str) -> Response:
        """Ask the workers to synchronise a NetBox source; for administrators. Follow the run by its id."""
        scope = _texts(request, frozenset({"scope"})).get("scope", "full")
        if scope not in {"full", "changes"}:
            raise BadFieldsError({"scope": ["Give “full” or “changes”."]})
        run = sync_request(source=source, actor=request_actor(request), scope=SyncScope(scope))
        return Response(SyncRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class SyncRunListView(APIView):
    """Synchronisations."""

    @extend_schema(
        operation_id="inventory_runs_list",
        summary="List synchronisations",
        parameters=list_parameters({"source": "The source.", "state": "The state."}, NEWEST_FIRST),
        responses={200: page_of("SyncRunPage", SyncRunSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """The synchronisations of all sources, newest first."""
        query = ListQuery.read(request, filters=("source", "state"), orderings=NEWEST_FIRST)
        found = page(SyncRun.objects.filter(**query.only()), query, NEWEST_FIRST)
        return found.response(request, SyncRunSerializer(found.rows, many=True).data)


class SyncRunDetailView(APIView):
    """One synchronisation."""

    @extend_schema(
        operation_id="inventory_runs_retrieve",
        summary="Retrieve a synchronisation",
        responses={200: SyncRunSerializer, **refusals(404)},
    )
    def get(self, request: Request, sync_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """How far it is, and what came of it."""
        run = SyncRun.objects.filter(pk=sync_id).first()
        if run is None:
            raise NotFound(f"There is no synchronisation with the id {sync_id}.")
        return Response(SyncRunSerializer(run).data)


class ExcludedListView(APIView):
    """Devices that cannot be targets."""

    @extend_schema(
        operation_id="inventory_excluded_list",
        summary="List excluded devices",
        parameters=list_parameters({"source": "The source.", "code": "The reason code."}, BY_NAME),
        responses={200: page_of("ExcludedPage", ExcludedSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Devices that their source's facts keep from being targets, each with its reason, by name."""
        query = ListQuery.read(request, filters=("source", "code"), orderings=BY_NAME)
        columns = {"source": "source", "code": "exclusion"}
        devices = excluded_devices().filter(**{columns[name]: value for name, value in query.only().items()})
        found = page(devices, query, BY_NAME)
        return found.response(request, ExcludedSerializer(found.rows, many=True).data)


class RefusedListView(APIView):
    """Entries that became no devices."""

    @extend_schema(
        operation_id="inventory_refused_list",
        summary="List refused entries",
        parameters=list_parameters({"source": "The source."}, OLDEST_FIRST),
        responses={200: page_of("RefusedPage", RefusedSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Entries of the sources' last loads that became no devices, each with its reason."""
        query = ListQuery.read(request, filters=("source",), orderings=OLDEST_FIRST)
        found = page(refused_entries().filter(**query.only()), query, OLDEST_FIRST)
        return found.response(request, RefusedSerializer(found.rows, many=True).data)


class PlatformTableView(APIView):
    """The platform table."""

    @extend_schema(
        operation_id="inventory_platforms_list",
        summary="List the platform table",
        parameters=list_parameters({}, BY_VALUE),
        responses={200: page_of("PlatformMappingPage", PlatformMappingSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """What each word of the sources means, by word."""
        query = ListQuery.read(request, orderings=BY_VALUE)
        found = page(PlatformMapping.objects.all(), query, BY_VALUE)
        return found.response(request, PlatformMappingSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="inventory_platforms_set",
        summary="Set a row of the platform table",
        request=PlatformMappingBody,
        responses={200: PlatformMappingSerializer, **refusals(400, 403)},
    )
    def put(self, request: Request) -> Response:
        """Say what a word means, in place of what it meant; for administrators."""
        body = {
            "value": "",
            "platform": "",
            "driver": "",
            **_texts(request, frozenset({"value", "platform", "driver"})),
        }
        row = platform_map(**body, actor=request_actor(request))
        return Response(PlatformMappingSerializer(row).data)


class PlatformRowView(APIView):
    """One row of the platform table."""

    @extend_schema(
        operation_id="inventory_platforms_remove",
        summary="Remove a row of the platform table",
        responses={204: None, **refusals(403, 404)},
    )
    def delete(self, request: Request, mapping_id: int) -> Response:
        """Take a word out of the table; devices that have it are excluded from the next synchronisation on."""
        if not platform_unmap(mapping_id=mapping_id, actor=request_actor(request)):
            raise NotFound(f"The platform table has no row with the id {mapping_id}.")
        return Response(status=status.HTTP_204_NO_CONTENT)
