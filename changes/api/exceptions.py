"""Named exceptions from gates: list, request, approve, reject, revoke."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from audit.api.actors import request_actor
from audit.errors import BadFilterError
from changes.api.bodies import body_of, text_in
from changes.domain.gates import Gate
from changes.models import ExceptionState, GateException
from changes.services.gate_exceptions import (
    FIELDS,
    exception_approve,
    exception_reject,
    exception_request,
    exception_revoke,
)
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_FILTERS = {"state": f"One of: {', '.join(ExceptionState)}.", "gate": f"One of: {', '.join(Gate)}."}


class GateExceptionSerializer(serializers.ModelSerializer[GateException]):
    """Lets one code through at one gate, for some devices and until a moment."""

    number = serializers.CharField()
    requested_by = serializers.CharField(source="requested_by.username")
    decided_by = serializers.CharField(source="decided_by.username", allow_null=True, default=None)
    revoked_by = serializers.CharField(source="revoked_by.username", allow_null=True, default=None)

    class Meta:
        model = GateException
        fields = [
            "id", "number", "gate", "code", "device_ids", "sites", "roles", "reason", "state", "requested_by",
            "requested_at", "expires_at", "decided_by", "decided_at", "decision_comment", "revoked_by", "revoked_at",
            "revoke_reason",
        ]  # fmt: skip
        read_only_fields = fields


_REQUEST = inline_serializer(
    "GateExceptionRequest",
    fields={
        "gate": serializers.ChoiceField(Gate.choices()),
        "code": serializers.CharField(),
        "device_ids": serializers.ListField(child=serializers.IntegerField(), required=False),
        "sites": serializers.ListField(child=serializers.CharField(), required=False),
        "roles": serializers.ListField(child=serializers.CharField(), required=False),
        "reason": serializers.CharField(),
        "expires_at": serializers.DateTimeField(),
    },
)
_COMMENT = inline_serializer("GateExceptionComment", fields={"comment": serializers.CharField(required=False)})
_REASON = inline_serializer("GateExceptionReason", fields={"reason": serializers.CharField()})


def _shown(exception_id: int) -> dict[str, object]:
    rows = GateException.objects.select_related("requested_by", "decided_by", "revoked_by")
    found = rows.filter(pk=exception_id).first()
    if found is None:
        raise NotFound(f"There is no exception with the id {exception_id}.")
    return dict(GateExceptionSerializer(found).data)


class ExceptionListView(APIView):
    """Exceptions."""

    @extend_schema(
        operation_id="exceptions_list",
        summary="List exceptions",
        parameters=list_parameters(_FILTERS, _NEWEST_FIRST),
        responses={200: page_of("GateExceptionPage", GateExceptionSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Exceptions that satisfy all filters given, newest first."""
        query = ListQuery.read(request, filters=tuple(_FILTERS), orderings=_NEWEST_FIRST)
        asked = query.only()
        for name, known in (("state", set(ExceptionState)), ("gate", set(Gate))):
            if name in asked and asked[name] not in known:
                raise BadFilterError(name, f"{name} takes one of: {', '.join(sorted(known))}.")
        rows = GateException.objects.filter(**asked).select_related("requested_by", "decided_by", "revoked_by")
        found = page(rows, query, _NEWEST_FIRST)
        return found.response(request, GateExceptionSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="exceptions_request",
        summary="Request an exception",
        request=_REQUEST,
        responses={201: GateExceptionSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Ask for an exception; it lets nothing through before a second person has approved it."""
        found = exception_request(data=body_of(request, FIELDS), requester=request_actor(request))
        return Response(_shown(found.pk), status=status.HTTP_201_CREATED)


class ExceptionDetailView(APIView):
    """One exception."""

    @extend_schema(
        operation_id="exceptions_retrieve",
        summary="Retrieve an exception",
        responses={200: GateExceptionSerializer, **refusals(404)},
    )
    def get(self, request: Request, exception_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One exception with its people and its end."""
        return Response(_shown(exception_id))


class ExceptionAction(APIView):
    """One decision about an exception; the answer is the exception as it is afterwards."""

    names: ClassVar[frozenset[str]] = frozenset({"comment"})

    @abstractmethod
    def act(self, exception_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Call the service."""

    def post(self, request: Request, exception_id: int) -> Response:
        """Act, then show the exception."""
        self.act(exception_id, body_of(request, self.names), request_actor(request))
        return Response(_shown(exception_id))


_ANSWERS = {200: GateExceptionSerializer, **refusals(400, 403, 404, 409)}


@extend_schema_view(
    post=extend_schema(
        operation_id="exceptions_approve",
        summary="Approve an exception",
        description="As a second person: whoever requested it is refused, superuser or not.",
        request=_COMMENT,
        responses=_ANSWERS,
    )
)
class ExceptionApproveView(ExceptionAction):
    """Approve."""

    def act(self, exception_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Approve the exception."""
        exception_approve(exception_id=exception_id, approver=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="exceptions_reject",
        summary="Reject an exception",
        description="As a second person, with a comment that says why.",
        request=_COMMENT,
        responses=_ANSWERS,
    )
)
class ExceptionRejectView(ExceptionAction):
    """Reject."""

    def act(self, exception_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Reject the exception."""
        exception_reject(exception_id=exception_id, approver=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="exceptions_revoke",
        summary="Revoke an exception",
        description="End it before its time, with a reason.",
        request=_REASON,
        responses=_ANSWERS,
    )
)
class ExceptionRevokeView(ExceptionAction):
    """Revoke."""

    names = frozenset({"reason"})

    def act(self, exception_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Revoke the exception."""
        exception_revoke(exception_id=exception_id, actor=actor, reason=text_in(body, "reason"))
