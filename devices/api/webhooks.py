from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from devices.api.openapi import refusals
from devices.services.inventory_webhook import MAX_BODY, webhook_receive


class BodyTooLarge(APIException):
    """More than a webhook of NetBox sends."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is larger than {MAX_BODY // 1024} KiB. Send no snapshots with the webhook."
    default_code = "BODY_TOO_LARGE"


class NetBoxWebhookView(APIView):
    """Where NetBox says that something changed. The signature is the only proof asked for."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @extend_schema(
        operation_id="inventory_netbox_webhook",
        summary="Take a NetBox webhook",
        auth=[],
        parameters=[
            OpenApiParameter(
                "X-Hook-Signature", str, OpenApiParameter.HEADER, description="Hexadecimal HMAC-SHA512 of the body."
            )
        ],
        request=OpenApiTypes.OBJECT,
        responses={
            202: OpenApiResponse(OpenApiTypes.OBJECT, "`{accepted}`: false for repetitions and other objects."),
            **refusals(400, 403, 413),
        },
    )
    def post(self, request: Request) -> Response:
        """Prove the call, keep it, and answer; a worker reads the device from NetBox afterwards."""
        # The bytes that were signed, not what a parser makes of them.
        http = request._request  # noqa: SLF001 - DRF gives no other way to the raw body of any content type
        if int(http.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
            raise BodyTooLarge
        accepted = webhook_receive(
            body=http.body,
            signature=http.headers.get("X-Hook-Signature", ""),
            ip=str(http.META.get("REMOTE_ADDR") or ""),
            request_id=str(getattr(http, "request_id", "")),
        )
        return Response({"accepted": accepted}, status=status.HTTP_202_ACCEPTED)
