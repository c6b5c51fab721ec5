"""The exact bytes of each device's plan, for those who read the audit log."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.permissions import ReadsAudit
from audit.errors import UnknownFilterError
from audit.filters import only_value, whole_number
from changes.services.plan_bytes import plan_bytes_take, signed_devices
from devices.api.openapi import refusals

AFTER = "after"


class SignedDeviceSerializer(serializers.Serializer[Any]):
    """One leaf of a plan."""

    position = serializers.IntegerField(help_text="Its place in the tree.")
    device_id = serializers.IntegerField()
    device = serializers.CharField()
    digest = serializers.CharField(help_text="SHA-256 of its bytes, in hex.")
    size = serializers.IntegerField(help_text="How many bytes.")
    payload_url = serializers.CharField(help_text="Where the bytes are.")


class SignedDevicePageSerializer(serializers.Serializer[Any]):
    """Leaves of a plan in their order."""

    plan_digest = serializers.CharField(help_text="The Merkle root over the digests of all devices.")
    next = serializers.URLField(allow_null=True, help_text="The page that follows; null on the last one.")
    results = SignedDeviceSerializer(many=True)


class SignedDeviceListView(APIView):
    """The devices of a plan revision with their digests."""

    permission_classes = (IsAuthenticated, ReadsAudit)

    @extend_schema(
        operation_id="changes_plan_payloads_list",
        summary="List the signed bytes of a plan",
        parameters=[OpenApiParameter(AFTER, int, description="Only positions after this one.")],
        responses={200: SignedDevicePageSerializer, **refusals(400, 403, 404)},
    )
    def get(self, request: Request, change_id: int, number: int) -> Response:
        """The devices of one revision of a plan in the order of the tree, 100 at a time."""
        for name in request.query_params:
            if name != AFTER:
                raise UnknownFilterError(name, [AFTER])
        text = only_value(AFTER, request.query_params)
        page = signed_devices(change_id=change_id, number=number, after=whole_number(AFTER, text) if text else None)
        following = page.next_after is not None and replace_query_param(
            request.build_absolute_uri(), AFTER, str(page.next_after)
        )
        rows = [
            {
                "position": each.position,
                "device_id": each.device_id,
                "device": each.device,
                "digest": each.digest,
                "size": each.size,
                "payload_url": reverse("api-plan-payload", args=[change_id, number, each.position]),
            }
            for each in page.devices
        ]
        return Response({"plan_digest": page.revision.digest, "next": following or None, "results": rows})


class PlanPayloadView(APIView):
    """The exact bytes of one device's plan. The service refuses, so that a refusal is an event."""

    permission_classes = (IsAuthenticated,)

    @extend_schema(
        operation_id="changes_plan_payloads_download",
        summary="Download the signed bytes of a device's plan",
        responses={(200, "application/json"): OpenApiResponse(OpenApiTypes.BINARY), **refusals(403, 404, 409)},
    )
    def get(self, request: Request, change_id: int, number: int, position: int) -> HttpResponse:
        """The canonical JSON that was signed, byte for byte and not masked. Taking it is an event of the audit log.

        `X-Plan-Digest` is the SHA-256 of the body. 409 with `PLAN_HASH_MISMATCH`: what is stored was tampered with.
        """
        taken = plan_bytes_take(actor=request_actor(request), change_id=change_id, number=number, position=position)
        return HttpResponse(
            taken.content,
            content_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="{taken.filename}"',
                "Cache-Control": "no-store",
                "X-Plan-Digest": taken.digest,
                "X-Audit-Event": str(taken.event_id),
            },
        )
