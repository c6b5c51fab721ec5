"""Drift and its rules in the API."""

from __future__ import annotations

from datetime import date

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import UnknownFilterError
from devices.api.bodies import strict_body, text_of
from devices.api.configs import existing
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.errors import BadFieldsError
from devices.models import DriftRecord, DriftRule
from devices.services import drift_decisions
from devices.services.drift_queue import DRIFT_FILTERS, drifts_matching
from devices.services.drift_rules import drift_rule_delete, drift_rule_save

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_REASON = inline_serializer("DriftReason", fields={"reason": serializers.CharField()})
_ACCEPT = inline_serializer(
    "DriftAcceptance", fields={"reason": serializers.CharField(), "found_sha256": serializers.CharField()}
)
_DEFER = inline_serializer(
    "DriftDeferral", fields={"reason": serializers.CharField(), "until": serializers.DateField()}
)
_FILTERS = {
    "device": "The name of the device, or a part of it.",
    "site": "The site of the device.",
    "state": "A state, or `open_all`.",
    "drift_class": "`critical`, `functional` or `cosmetic`.",
    "unauthorized": "`yes` or `no`.",
    "owner": "The owner's user name.",
    "found_from": "The first day on which it was first seen, as 2026-12-31 (UTC).",
    "found_until": "The last day on which it was first seen.",
}
_DRIFT_RULE = ("name", "drift_class", "pattern", "platforms", "position", "enabled")


class DriftSerializer(serializers.ModelSerializer[DriftRecord]):
    """What differs on a device from the configuration that is expected of it."""

    number = serializers.CharField()
    device = serializers.CharField(source="device.name")
    owner = serializers.SlugRelatedField(slug_field="username", read_only=True, allow_null=True)  # type: ignore[var-annotated]

    class Meta:
        model = DriftRecord
        fields = [
            "id", "number", "device_id", "device", "drift_class", "unclassified", "state", "unauthorized",
            "explained_by", "changed_by", "baseline_id", "found_id", "lines_added", "lines_removed", "matches", "owner",
            "decided_by", "decided_at", "reason", "deferred_until", "first_seen_at", "last_seen_at", "closed_at",
        ]  # fmt: skip
        read_only_fields = fields


class DriftRuleSerializer(serializers.ModelSerializer[DriftRule]):
    """A drift rule."""

    class Meta:
        model = DriftRule
        fields = ["id", *_DRIFT_RULE, "version", "updated_at"]
        read_only_fields = ["id", "version", "updated_at"]


class DriftListView(APIView):
    """The review queue."""

    @extend_schema(
        operation_id="drift_list",
        summary="List drift",
        parameters=list_parameters(_FILTERS, _NEWEST_FIRST),
        responses={200: page_of("DriftPage", DriftSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Drift records that satisfy all filters, newest first."""
        query = ListQuery.read(request, filters=DRIFT_FILTERS, orderings=_NEWEST_FIRST)
        found = page(drifts_matching(query.only()), query, _NEWEST_FIRST)
        return found.response(request, DriftSerializer(found.rows, many=True).data)


class DriftDetailView(APIView):
    """One drift record."""

    @extend_schema(
        operation_id="drift_retrieve",
        summary="Retrieve a drift record",
        responses={200: DriftSerializer, **refusals(404)},
    )
    def get(self, request: Request, drift_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """The record; its two configurations are read at `/devices/{id}/configs/{snapshot}/`."""
        return Response(
            DriftSerializer(existing(drifts_matching({}).filter(pk=drift_id).first(), "drift record", drift_id)).data
        )


class DriftAcceptView(APIView):
    """Accept drift."""

    @extend_schema(
        operation_id="drift_accept",
        summary="Accept drift",
        description="What was found becomes the expected configuration. `found_sha256` is what you read.",
        request=_ACCEPT,
        responses={200: DriftSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, drift_id: int) -> Response:
        """Accept it, for change managers."""
        body = strict_body(request, ("reason", "found_sha256"))
        drift = drift_decisions.drift_accept(
            drift_id=drift_id,
            found_sha256=text_of(body, "found_sha256"),
            reason=text_of(body, "reason"),
            actor=request_actor(request),
        )
        return Response(DriftSerializer(drift).data)


class DriftDeferView(APIView):
    """Defer drift."""

    @extend_schema(
        operation_id="drift_defer",
        summary="Defer drift",
        request=_DEFER,
        responses={200: DriftSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, drift_id: int) -> Response:
        """Put it off until a day, for change managers."""
        body = strict_body(request, ("reason", "until"))
        try:
            until = date.fromisoformat(text_of(body, "until"))
        except ValueError:
            raise BadFieldsError({"until": ["Write the day as 2026-12-31."]}) from None
        reason, actor = text_of(body, "reason"), request_actor(request)
        drift = drift_decisions.drift_defer(drift_id=drift_id, until=until, reason=reason, actor=actor)
        return Response(DriftSerializer(drift).data)


class DriftReopenView(APIView):
    """Bring drift back to review."""

    @extend_schema(
        operation_id="drift_reopen",
        summary="Bring drift back to review",
        request=_REASON,
        responses={200: DriftSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, drift_id: int) -> Response:
        """Take a deferral or a revert back, for change managers."""
        reason = text_of(strict_body(request, ("reason",)), "reason")
        drift = drift_decisions.drift_reopen(drift_id=drift_id, reason=reason, actor=request_actor(request))
        return Response(DriftSerializer(drift).data)


class DriftTakeView(APIView):
    """Own drift."""

    @extend_schema(
        operation_id="drift_take",
        summary="Become the owner of a drift record",
        request=None,
        responses={200: DriftSerializer, **refusals(403, 404, 409)},
    )
    def post(self, request: Request, drift_id: int) -> Response:
        """Take it on."""
        strict_body(request, ())
        drift_decisions.drift_take(drift_id=drift_id, actor=request_actor(request))
        return Response(DriftSerializer(drifts_matching({}).get(pk=drift_id)).data)


class DriftRuleListView(APIView):
    """Drift rules."""

    @extend_schema(
        operation_id="drift_rules_list",
        summary="List the drift rules",
        responses={200: DriftRuleSerializer(many=True), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """All rules, in the order in which they are tried; there are at most 200, so there are no pages."""
        for name in request.query_params:
            raise UnknownFilterError(name, ["none, this list has no filters"])
        return Response(DriftRuleSerializer(DriftRule.objects.all(), many=True).data)

    @extend_schema(
        operation_id="drift_rules_create",
        summary="Write a drift rule",
        request=DriftRuleSerializer,
        responses={201: DriftRuleSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Make a rule, for administrators."""
        rule = drift_rule_save(rule_id=None, data=strict_body(request, _DRIFT_RULE), actor=request_actor(request))
        return Response(DriftRuleSerializer(rule).data, status=status.HTTP_201_CREATED)


class DriftRuleDetailView(APIView):
    """One drift rule."""

    @extend_schema(
        operation_id="drift_rules_update",
        summary="Replace a drift rule",
        request=DriftRuleSerializer,
        responses={200: DriftRuleSerializer, **refusals(400, 403, 404)},
    )
    def put(self, request: Request, rule_id: int) -> Response:
        """Change a rule, for administrators."""
        rule = drift_rule_save(rule_id=rule_id, data=strict_body(request, _DRIFT_RULE), actor=request_actor(request))
        return Response(DriftRuleSerializer(rule).data)

    @extend_schema(
        operation_id="drift_rules_delete",
        summary="Remove a drift rule",
        responses={204: None, **refusals(403, 404)},
    )
    def delete(self, request: Request, rule_id: int) -> Response:
        """Remove a rule, for administrators."""
        drift_rule_delete(rule_id=rule_id, actor=request_actor(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
