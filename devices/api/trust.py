"""The trust table and what devices said of themselves when they were last read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import BadFilterError
from devices.api.bodies import strict_body, text_of
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.api.views import existing_device
from devices.domain.trust import FIELDS, FactVerdict, FieldRule, LearntFrom, TrustMode
from devices.models import LiveFact
from devices.selectors import FACT_FILTERS, facts_matching
from devices.services.trust import trust_set, trust_tables

FACT_ORDERINGS = {"id": Ordering((("id", WHOLE),))}
_CHOICES: dict[str, tuple[str, ...]] = {
    "field": FIELDS,
    "mode": tuple(TrustMode),
    "verdict": tuple(FactVerdict),
}
_FILTERS = {
    "field": f"One of: {', '.join(FIELDS)}.",
    "mode": "`authoritative`, `advisory` or `observational`.",
    "verdict": f"One of: {', '.join(FactVerdict)}.",
    "source": "The inventory source.",
}


class TrustSerializer(serializers.Serializer[Any]):
    """How one field of one source is compared."""

    source = serializers.CharField()  # type: ignore[assignment]  # the field has the name of a DRF property
    field = serializers.ChoiceField(FIELDS)
    mode = serializers.ChoiceField([mode.value for mode in TrustMode])
    learnt_from = serializers.ChoiceField(
        [place.value for place in LearntFrom if place], allow_blank=True, required=False
    )
    pattern = serializers.CharField(
        allow_blank=True, required=False, help_text="RE2 with a group named like the field, for `role` and `site`."
    )


class LiveFactSerializer(serializers.ModelSerializer[LiveFact]):
    """One fact as it compared when the device was last read."""

    device = serializers.CharField(source="device.name")
    device_id = serializers.IntegerField()

    class Meta:
        model = LiveFact
        fields = [
            "id", "device_id", "device", "field", "mode", "verdict", "severity", "code", "expected", "live", "read_at",
        ]  # fmt: skip
        read_only_fields = fields


def _shown(source: str, rule: FieldRule) -> dict[str, str]:
    return {
        "source": source,
        "field": rule.field,
        "mode": rule.mode.value,
        "learnt_from": rule.learnt_from.value,
        "pattern": rule.pattern,
    }


class TrustView(APIView):
    """The trust table."""

    @extend_schema(
        operation_id="trust_list",
        summary="Read the trust table",
        responses={200: TrustSerializer(many=True), **refusals()},
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Every field of every source, with the mode in which it is compared."""
        rows = [_shown(source, rule) for source, table in trust_tables().items() for rule in table.values()]
        return Response(rows)

    @extend_schema(
        operation_id="trust_set",
        summary="Change the trust of a field",
        request=TrustSerializer,
        responses={200: TrustSerializer, **refusals(400, 403)},
    )
    def put(self, request: Request) -> Response:
        """Decide how one field of one source is compared from the next reading on. Administrators only."""
        body = strict_body(request, {"source", "field", "mode", "learnt_from", "pattern"})
        values = {name: text_of(body, name) for name in ("source", "field", "mode", "learnt_from", "pattern")}
        rule = trust_set(**values, actor=request_actor(request))
        return Response(_shown(values["source"], rule))


class DeviceIdentityView(APIView):
    """What a device said of itself."""

    @extend_schema(
        operation_id="devices_identity",
        summary="Expected and live identity of a device",
        responses={200: LiveFactSerializer(many=True), **refusals(404)},
    )
    def get(self, request: Request, device_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """Each fact, expected beside live, when the device was last read; empty while it never was."""
        device = existing_device(device_id)
        rows = LiveFact.objects.filter(device=device).select_related("device").order_by("field")
        return Response(LiveFactSerializer(rows, many=True).data)


class ReconciliationView(APIView):
    """Expected and live facts of all devices."""

    @extend_schema(
        operation_id="reconciliation_list",
        summary="List compared facts",
        parameters=list_parameters(_FILTERS, FACT_ORDERINGS),
        responses={200: page_of("LiveFactPage", LiveFactSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Facts that satisfy all filters given."""
        query = ListQuery.read(request, filters=FACT_FILTERS, orderings=FACT_ORDERINGS)
        asked = query.only()
        for name, value in asked.items():
            if name in _CHOICES and value not in _CHOICES[name]:
                raise BadFilterError(name, f"{name} takes one of: {', '.join(_CHOICES[name])}.")
        found = page(facts_matching(asked), query, FACT_ORDERINGS)
        return found.response(request, LiveFactSerializer(found.rows, many=True).data)
