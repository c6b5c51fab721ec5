"""Breakers: what is held back because of a common cause, and closing one."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import UnknownFilterError
from devices.api.bodies import strict_body, text_of
from devices.api.credentials import ReadsCredentials
from devices.api.openapi import refusals
from devices.models import CircuitBreaker
from devices.services.breakers import breaker_reset, breakers_troubled


class BreakerSerializer(serializers.ModelSerializer[CircuitBreaker]):
    """The breaker of a credential or a site."""

    class Meta:
        model = CircuitBreaker
        fields = [
            "id", "kind", "name", "state", "failures", "last_subject", "last_code", "opened_at", "open_until",
        ]  # fmt: skip
        read_only_fields = fields


class BreakerListView(APIView):
    """Which breakers hold something back."""

    permission_classes = (IsAuthenticated, ReadsCredentials)

    @extend_schema(
        operation_id="breakers_list",
        summary="List circuit breakers that are not closed, or count failures",
        responses={
            200: inline_serializer("BreakerList", {"results": BreakerSerializer(many=True)}),
            **refusals(400, 403),
        },
    )
    def get(self, request: Request) -> Response:
        """`open`: nothing is tried until `open_until`; `half_open`: one device tries. Administrators and auditors."""
        for name in request.query_params:
            raise UnknownFilterError(name, ["none, this list has no filters"])
        return Response({"results": BreakerSerializer(breakers_troubled(), many=True).data})


class BreakerResetView(APIView):
    """Close a breaker by hand."""

    permission_classes = (IsAuthenticated, ReadsCredentials)

    @extend_schema(
        operation_id="breakers_reset",
        summary="Close a circuit breaker",
        request=inline_serializer("BreakerReset", {"comment": serializers.CharField()}),
        responses={200: BreakerSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, breaker_id: int) -> Response:
        """Once the cause is repaired, which `comment` tells; attempts go to devices at once. Administrators only."""
        body = strict_body(request, {"comment"})
        row = breaker_reset(breaker_id=breaker_id, reason=text_of(body, "comment"), actor=request_actor(request))
        return Response(BreakerSerializer(row).data)
