from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.permissions import ReadsAudit
from audit.api.redaction_serializers import (
    NewRedactionSerializer,
    RedactionDecidedSerializer,
    RedactionDecisionSerializer,
    RedactionListSerializer,
    RedactionSerializer,
    RedactionsProposedSerializer,
)
from audit.filters import only_value, whole_number
from audit.models import Event
from audit.redaction.errors import EventNotFoundError
from audit.redaction.redacting import (
    redaction_carry_out,
    redaction_decline,
    redaction_propose,
    redaction_propose_everywhere,
    redactions_decide,
)
from audit.redaction.selectors import redaction_get, redaction_page

_REFUSED = {
    400: OpenApiResponse(description="A field cannot be used; `fields` names it."),
    401: OpenApiResponse(description="Nobody is signed in."),
    403: OpenApiResponse(description="The person does not hold a role that may."),
    404: OpenApiResponse(description="There is no such redaction or event."),
    409: OpenApiResponse(description="It cannot be done so; `detail` says why."),
}


class RedactionListView(APIView):
    """Texts that are to be taken out of the log, or were."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_redactions_list",
        summary="List redactions",
        parameters=[OpenApiParameter("before_id", int, description="`next_before_id` of the page before.")],
        responses={200: RedactionListSerializer, **_REFUSED},
    )
    def get(self, request: Request) -> Response:
        """Newest first, 50 at a time."""
        before = only_value("before_id", request.query_params)
        page = redaction_page(before_id=whole_number("before_id", before) if before else None)
        return Response(RedactionListSerializer({"results": page.rows, "next_before_id": page.next_before_id}).data)

    @extend_schema(
        operation_id="audit_redactions_propose",
        summary="Propose a redaction",
        request=NewRedactionSerializer,
        responses={201: RedactionsProposedSerializer, **_REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Propose that texts of an event are taken out. Another person carries it out. This is an event of the log."""
        given = NewRedactionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            given_to: dict[str, Any] = {
                "actor": request_actor(request), "event_id": asked["event"], "paths": asked["paths"],
                "reason": asked["reason"],
            }  # fmt: skip
            made = redaction_propose_everywhere(**given_to) if asked["everywhere"] else (redaction_propose(**given_to),)
        except Event.DoesNotExist:
            raise EventNotFoundError(asked["event"]) from None
        told = RedactionSerializer(redaction_get(made[0].pk)).data
        return Response({**told, "together": [each.pk for each in made[1:]]}, status=201)


class RedactionDetailView(APIView):
    """One redaction."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_redactions_retrieve",
        summary="Retrieve a redaction",
        responses={200: RedactionSerializer, **_REFUSED},
    )
    def get(self, request: Request, redaction_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """What was proposed, by whom and why, and what became of it."""
        return Response(RedactionSerializer(redaction_get(redaction_id)).data)


class RedactionCarryOutView(APIView):
    """The decision for it."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_redactions_carry_out",
        summary="Carry a redaction out",
        request=RedactionDecisionSerializer,
        responses={200: RedactionDecidedSerializer, **_REFUSED},
    )
    def post(self, request: Request, redaction_id: int) -> Response:
        """Take the texts out for good, as a second person. This cannot be undone, and is an event of the log."""
        return _decided(request, redaction_id, carry_out=True)


class RedactionDeclineView(APIView):
    """The decision against it."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_redactions_decline",
        summary="Decline or withdraw a redaction",
        request=RedactionDecisionSerializer,
        responses={200: RedactionDecidedSerializer, **_REFUSED},
    )
    def post(self, request: Request, redaction_id: int) -> Response:
        """Leave the texts where they are. This is an event of the log."""
        return _decided(request, redaction_id, carry_out=False)


def _decided(request: Request, redaction_id: int, *, carry_out: bool) -> Response:
    given = RedactionDecisionSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    actor, comment = request_actor(request), str(given.validated_data.get("comment", ""))
    left: tuple[tuple[int, str], ...] = ()
    if given.validated_data["together"]:
        left = redactions_decide(actor=actor, redaction_id=redaction_id, carry_out=carry_out, comment=comment)
    else:
        decide = redaction_carry_out if carry_out else redaction_decline
        decide(actor=actor, redaction_id=redaction_id, comment=comment)
    told = RedactionSerializer(redaction_get(redaction_id)).data
    return Response({**told, "left_open": [{"id": other, "detail": why} for other, why in left]})
