"""Recurring maintenance windows: list, declare, retrieve, edit, lift."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of, text_in
from changes.api.requests import Body, ReasonBody
from changes.models import MaintenanceWindow
from changes.services.maintenance_windows import NAMES, window_declare, window_edit, window_lift
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}


class ScopeBody(serializers.Serializer[Any]):
    """Devices by what the inventory says of them; without any value all devices."""

    sites = serializers.ListField(child=serializers.CharField(), required=False)
    roles = serializers.ListField(child=serializers.CharField(), required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    tenants = serializers.ListField(child=serializers.CharField(), required=False)


class MaintenanceWindowSerializer(serializers.ModelSerializer[MaintenanceWindow]):
    """A maintenance window that comes again."""

    owner = serializers.CharField(source="owner.username")
    declared_by = serializers.CharField(source="declared_by.username")
    lifted_by = serializers.CharField(source="lifted_by.username", allow_null=True, default=None)
    scope = ScopeBody()

    class Meta:
        model = MaintenanceWindow
        fields = [
            "id", "name", "starts_at", "minutes", "rule", "time_zone", "scope", "owner", "reason", "version",
            "declared_by", "declared_at", "edited_at", "lifted_by", "lifted_at", "lift_reason",
        ]  # fmt: skip
        read_only_fields = fields


class MaintenanceWindowBody(Body):
    """A window as it shall be."""

    name = serializers.CharField(help_text="What people call it.")
    starts_at = serializers.CharField(help_text="The first start by the wall clock, without a zone: 2026-11-22T02:00.")
    minutes = serializers.IntegerField(min_value=15, max_value=10_080)
    rule = serializers.CharField(required=False, help_text="RFC 5545, such as FREQ=WEEKLY;BYDAY=SU; empty: once.")
    time_zone = serializers.CharField(default="UTC", help_text="Of the IANA database.")
    scope = ScopeBody(required=False)
    owner = serializers.CharField(required=False, help_text="A user name; by default your own.")
    comment = serializers.CharField(help_text="Why.")


class MaintenanceWindowEditBody(MaintenanceWindowBody):
    """A window as it shall be from now on."""

    version = serializers.IntegerField(required=False, help_text="The version that you read.")


def _rows() -> Any:  # noqa: ANN401 - a query set that the pager narrows
    return MaintenanceWindow.objects.select_related("owner", "declared_by", "lifted_by")


def _shown(window_id: int) -> dict[str, object]:
    found = _rows().filter(pk=window_id).first()
    if found is None:
        raise NotFound(f"There is no maintenance window with the id {window_id}.")
    return dict(MaintenanceWindowSerializer(found).data)


class WindowListView(APIView):
    """Maintenance windows."""

    @extend_schema(
        operation_id="windows_list",
        summary="List maintenance windows",
        parameters=list_parameters({}, _NEWEST_FIRST),
        responses={200: page_of("MaintenanceWindowPage", MaintenanceWindowSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Every window that was declared, newest first."""
        query = ListQuery.read(request, filters=(), orderings=_NEWEST_FIRST)
        found = page(_rows(), query, _NEWEST_FIRST)
        return found.response(request, MaintenanceWindowSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="windows_declare",
        summary="Declare a maintenance window",
        request=MaintenanceWindowBody,
        responses={201: MaintenanceWindowSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Devices of its scope are changed in it, and at no other time. For change managers."""
        found = window_declare(actor=request_actor(request), data=body_of(request, NAMES - {"version"}))
        return Response(_shown(found.pk), status=status.HTTP_201_CREATED)


class WindowDetailView(APIView):
    """One maintenance window."""

    @extend_schema(
        operation_id="windows_retrieve",
        summary="Retrieve a maintenance window",
        responses={200: MaintenanceWindowSerializer, **refusals(404)},
    )
    def get(self, request: Request, window_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One window, lifted ones too."""
        return Response(_shown(window_id))

    @extend_schema(
        operation_id="windows_edit",
        summary="Edit a maintenance window",
        request=MaintenanceWindowEditBody,
        responses={200: MaintenanceWindowSerializer, **refusals(400, 403, 404, 409)},
    )
    def put(self, request: Request, window_id: int) -> Response:
        """Replace what it says. Scheduled changes that lie outside it then are marked. For change managers."""
        window_edit(window_id=window_id, actor=request_actor(request), data=body_of(request, NAMES))
        return Response(_shown(window_id))


class WindowLiftView(APIView):
    """Lift."""

    @extend_schema(
        operation_id="windows_lift",
        summary="Lift a maintenance window",
        request=ReasonBody,
        responses={200: MaintenanceWindowSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, window_id: int) -> Response:
        """End it for good: its devices are bound to it no more."""
        body = body_of(request, {"comment"})
        window_lift(window_id=window_id, actor=request_actor(request), comment=text_in(body, "comment"))
        return Response(_shown(window_id))
