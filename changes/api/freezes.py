"""Change freezes: list, declare, retrieve, lift."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of, text_in
from changes.api.maintenance_windows import ScopeBody
from changes.api.requests import ReasonBody
from changes.domain.calendar.freezes import FIELDS
from changes.models import ChangeFreeze
from changes.services.calendar import scoped
from changes.services.freezes import freeze_declare, freeze_lift
from changes.services.schedule_problems import hits_of_freeze
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}


class ChangeFreezeSerializer(serializers.ModelSerializer[ChangeFreeze]):
    """A period in which nothing of any change is started."""

    declared_by = serializers.CharField(source="declared_by.username")
    lifted_by = serializers.CharField(source="lifted_by.username", allow_null=True, default=None)
    scope = ScopeBody()
    exempt_types = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ChangeFreeze
        fields = [
            "id", "name", "starts_at", "ends_at", "scope", "exempt_types", "reason", "declared_by", "declared_at",
            "lifted_by", "lifted_at", "lift_reason",
        ]  # fmt: skip
        read_only_fields = fields


class FreezeHitSerializer(serializers.Serializer[Any]):
    """A scheduled change that a freeze hits."""

    change_id = serializers.IntegerField()
    number = serializers.CharField()
    devices = serializers.ListField(child=serializers.CharField())


class ChangeFreezeDetailSerializer(ChangeFreezeSerializer):
    """A freeze with the scheduled changes that it hits."""

    hits = FreezeHitSerializer(many=True)

    class Meta(ChangeFreezeSerializer.Meta):
        fields = [*ChangeFreezeSerializer.Meta.fields, "hits"]
        read_only_fields = fields


_DECLARATION = inline_serializer(
    "ChangeFreezeDeclaration",
    fields={
        "name": serializers.CharField(help_text="What people call it."),
        "starts_at": serializers.DateTimeField(help_text="ISO 8601; without a zone it means UTC."),
        "ends_at": serializers.DateTimeField(),
        "scope": ScopeBody(required=False),
        "exempt_types": serializers.ListField(
            child=serializers.CharField(), required=False, help_text="Change types that it lets through."
        ),
        "comment": serializers.CharField(help_text="Why."),
    },
)


def _shown(freeze_id: int) -> dict[str, object]:
    found = ChangeFreeze.objects.select_related("declared_by", "lifted_by").filter(pk=freeze_id).first()
    if found is None:
        raise NotFound(f"There is no freeze with the id {freeze_id}.")
    hits = hits_of_freeze(scoped(found)) if found.lifted_at is None else ()
    told = [{"change_id": hit.change.pk, "number": hit.change.number, "devices": hit.devices} for hit in hits]
    return {**ChangeFreezeSerializer(found).data, "hits": told}


class FreezeListView(APIView):
    """Change freezes."""

    @extend_schema(
        operation_id="freezes_list",
        summary="List change freezes",
        parameters=list_parameters({}, _NEWEST_FIRST),
        responses={200: page_of("ChangeFreezePage", ChangeFreezeSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Every freeze that was declared, newest first."""
        query = ListQuery.read(request, filters=(), orderings=_NEWEST_FIRST)
        found = page(ChangeFreeze.objects.select_related("declared_by", "lifted_by"), query, _NEWEST_FIRST)
        return found.response(request, ChangeFreezeSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="freezes_declare",
        summary="Declare a change freeze",
        request=_DECLARATION,
        responses={201: ChangeFreezeDetailSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Forbid every start on the devices of a scope in a period. For change managers."""
        found = freeze_declare(actor=request_actor(request), data=body_of(request, FIELDS))
        return Response(_shown(found.pk), status=status.HTTP_201_CREATED)


class FreezeDetailView(APIView):
    """One change freeze."""

    @extend_schema(
        operation_id="freezes_retrieve",
        summary="Retrieve a change freeze",
        responses={200: ChangeFreezeDetailSerializer, **refusals(404)},
    )
    def get(self, request: Request, freeze_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One freeze, with who declared and who lifted it."""
        return Response(_shown(freeze_id))


class FreezeLiftView(APIView):
    """Lift."""

    @extend_schema(
        operation_id="freezes_lift",
        summary="Lift a change freeze",
        request=ReasonBody,
        responses={200: ChangeFreezeDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, freeze_id: int) -> Response:
        """End a freeze early, or call it off. Runs that it paused wait until a person resumes them."""
        body = body_of(request, {"comment"})
        freeze_lift(freeze_id=freeze_id, actor=request_actor(request), comment=text_in(body, "comment"))
        return Response(_shown(freeze_id))
