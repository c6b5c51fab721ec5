"""Delegations: list, create, retrieve, revoke."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of
from changes.models import Delegation
from changes.services.delegations import NAMES, delegation_create, delegation_revoke, delegations_seen_by
from changes.services.people import person_of
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}


class DelegationSerializer(serializers.ModelSerializer[Delegation]):
    """Who acts for whom, from when until when. Without a delegate nobody acts for the absent person."""

    principal = serializers.CharField(source="principal.username")
    delegate = serializers.CharField(source="delegate.username", allow_null=True, default=None)
    revoked_by = serializers.CharField(source="revoked_by.username", allow_null=True, default=None)

    class Meta:
        model = Delegation
        fields = [
            "id", "principal", "delegate", "starts_at", "ends_at", "groups", "out_of_office", "reason", "created_at",
            "revoked_at", "revoked_by",
        ]  # fmt: skip
        read_only_fields = fields


_NEW = inline_serializer(
    "DelegationBody",
    fields={
        "delegate": serializers.CharField(required=False, help_text="A username; none: nobody acts."),
        "starts_at": serializers.DateTimeField(required=False, help_text="Now, if not given. UTC without a zone."),
        "ends_at": serializers.DateTimeField(help_text="At most 92 days after the start."),
        "groups": serializers.ListField(
            child=serializers.CharField(), required=False, help_text="Those of yours that it holds for; none: all."
        ),
        "out_of_office": serializers.BooleanField(required=False, help_text="Notices go to the delegate meanwhile."),
        "reason": serializers.CharField(required=False),
    },
)


def _shown(request: Request, delegation_id: int) -> dict[str, object]:
    found = delegations_seen_by(person_of(request_actor(request))).filter(pk=delegation_id).first()
    if found is None:
        raise NotFound(f"There is no delegation with the id {delegation_id}.")
    return dict(DelegationSerializer(found).data)


class DelegationListView(APIView):
    """Delegations."""

    @extend_schema(
        operation_id="delegations_list",
        summary="List delegations",
        parameters=list_parameters({}, _NEWEST_FIRST),
        responses={200: page_of("DelegationPage", DelegationSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Those that you gave or hold; change managers and auditors see all. Newest first."""
        query = ListQuery.read(request, filters=(), orderings=_NEWEST_FIRST)
        found = page(delegations_seen_by(person_of(request_actor(request))), query, _NEWEST_FIRST)
        return found.response(request, DelegationSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="delegations_create",
        summary="Delegate, or say that you are out of office",
        request=_NEW,
        responses={201: DelegationSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Let somebody else decide for you for a time. Where a policy's stage lets delegates act, both count as one."""
        row = delegation_create(actor=request_actor(request), data=body_of(request, NAMES))
        return Response(_shown(request, row.pk), status=status.HTTP_201_CREATED)


class DelegationDetailView(APIView):
    """One delegation."""

    @extend_schema(
        operation_id="delegations_retrieve",
        summary="Retrieve a delegation",
        responses={200: DelegationSerializer, **refusals(404)},
    )
    def get(self, request: Request, delegation_id: int) -> Response:
        """One that you may see."""
        return Response(_shown(request, delegation_id))


class DelegationRevokeView(APIView):
    """Revoke."""

    @extend_schema(
        operation_id="delegations_revoke",
        summary="Revoke a delegation",
        request=None,
        responses={200: DelegationSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, delegation_id: int) -> Response:
        """End it at once: who gave it, who holds it, or a change manager. What was decided by it stays."""
        body_of(request, ())
        delegation_revoke(delegation_id=delegation_id, actor=request_actor(request))
        return Response(_shown(request, delegation_id))
