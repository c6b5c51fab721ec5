from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from audit.api.permissions import ReadsAudit
from audit.api.serializers import EventSerializer
from audit.errors import UnknownFilterError
from audit.filters import only_value, whole_number
from audit.models import Event
from audit.selectors import PAGE_LIMIT
from changes.selectors import change_get
from changes.trail import References, TrailRow, trail_page
from devices.api.openapi import refusals

_PARAMETERS = ("after_id", "limit")


class ReferencesSerializer(serializers.Serializer[References]):
    """What an event is about, by ids of the API; null where it is about no such thing."""

    revision = serializers.IntegerField(allow_null=True, help_text="Number of the plan's revision.")
    position = serializers.IntegerField(allow_null=True, help_text="The device's place in that plan.")
    plan_digest = serializers.CharField(help_text="The digest that the event names, or nothing.")
    approval_id = serializers.IntegerField(allow_null=True)
    run_id = serializers.IntegerField(allow_null=True)
    device_run_id = serializers.IntegerField(allow_null=True, help_text="The session with one device.")
    device_id = serializers.IntegerField(allow_null=True)
    config_before = serializers.IntegerField(allow_null=True, help_text="Id of the configuration's version.")
    config_after = serializers.IntegerField(allow_null=True, help_text="Id of the configuration's version.")


class TrailEventSerializer(EventSerializer):
    """An event of a change, with what it is about."""

    references = serializers.SerializerMethodField()

    class Meta(EventSerializer.Meta):
        fields = [*EventSerializer.Meta.fields, "references"]
        read_only_fields = fields

    @extend_schema_field(ReferencesSerializer)
    def get_references(self, event: Event) -> dict[str, Any]:
        """What it is about."""
        return dict(ReferencesSerializer(self.context["references"][event.pk]).data)


class TrailPageSerializer(serializers.Serializer[Any]):
    """A page of a change's events, oldest first."""

    next = serializers.URLField(allow_null=True, help_text="The page that follows; null on the last one.")
    results = TrailEventSerializer(many=True)


class AuditTrailView(APIView):
    """The story of one change, for who reads the log."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="changes_audit_trail_list",
        summary="List the audit trail of a change",
        parameters=[
            OpenApiParameter("after_id", int, description="Only events newer than the one with this id."),
            OpenApiParameter("limit", int, description=f"Events per page, 1 to {PAGE_LIMIT}.", default=50),
        ],
        responses={200: TrailPageSerializer, **refusals(400, 403, 404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """The events of a change, oldest first, each with its proof state and what it is about."""
        change = change_get(change_id)
        given = request.query_params
        for name in given:
            if name not in _PARAMETERS:
                raise UnknownFilterError(name, _PARAMETERS)
        after, limit = only_value("after_id", given), only_value("limit", given)
        page = trail_page(
            change.pk,
            after_id=whole_number("after_id", after) if after else 0,
            size=whole_number("limit", limit) if limit else 50,
        )
        following = page.next_after_id and replace_query_param(
            request.build_absolute_uri(), "after_id", str(page.next_after_id)
        )
        return Response({"next": following, "results": _shown(page.rows)})


def _shown(rows: tuple[TrailRow, ...]) -> Any:  # noqa: ANN401 - REST framework's own
    context = {
        "proofs": {row.event.pk: row.proof for row in rows},
        "references": {row.event.pk: row.references for row in rows},
    }
    return TrailEventSerializer([row.event for row in rows], many=True, context=context).data
