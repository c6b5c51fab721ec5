"""Enrolling and revoking SSH host keys, and the alerts about keys that nobody pinned."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import BadFilterError
from devices.api.bodies import strict_body, text_of
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.errors import BadFieldsError
from devices.models import AlertState, HostKey, HostKeyAlert, OfferedKey
from devices.services.host_key_alerts import alert_acknowledge
from devices.services.host_key_offers import host_key_confirm, host_keys_import, host_keys_preview, host_keys_read
from devices.services.host_keys import host_key_revoke

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_REASON = inline_serializer("HostKeyReason", fields={"reason": serializers.CharField()})
_CONFIRM = inline_serializer(
    "HostKeyConfirmation",
    fields={"offer": serializers.IntegerField(), "fingerprint": serializers.CharField()},
)
_IMPORT = inline_serializer(
    "KnownHostsImport",
    fields={"known_hosts": serializers.CharField(), "dry_run": serializers.BooleanField(required=False)},
)


class OfferedKeySerializer(serializers.ModelSerializer[OfferedKey]):
    """A key that a device offered; nothing trusts it yet."""

    class Meta:
        model = OfferedKey
        fields = ["id", "key_type", "fingerprint", "state", "read_by", "read_at"]
        read_only_fields = fields


class PinnedKeySerializer(serializers.ModelSerializer[HostKey]):
    """A host key with its id."""

    class Meta:
        model = HostKey
        fields = [
            "id", "device_id", "key_type", "fingerprint", "state", "enrolled_by", "enrolled_at", "revoked_by",
            "revoked_at", "revoke_reason",
        ]  # fmt: skip
        read_only_fields = fields


class ImportLineSerializer(serializers.Serializer[Any]):
    """What becomes of one key of a known_hosts text."""

    line = serializers.IntegerField()
    host = serializers.CharField()
    port = serializers.IntegerField()
    key_type = serializers.CharField()
    fingerprint = serializers.CharField()
    effect = serializers.ChoiceField(["pin", "same", "conflict", "unknown", "ambiguous"])
    device_id = serializers.IntegerField(allow_null=True)
    device_name = serializers.CharField()


class HostKeyAlertSerializer(serializers.ModelSerializer[HostKeyAlert]):
    """A device proved itself with a key that is not pinned for it."""

    device = serializers.CharField(source="device.name")
    device_id = serializers.IntegerField()

    class Meta:
        model = HostKeyAlert
        fields = [
            "id", "device_id", "device", "key_type", "fingerprint", "state", "first_seen_at", "last_seen_at",
            "times_seen", "acknowledged_by", "acknowledged_at", "acknowledge_reason",
        ]  # fmt: skip
        read_only_fields = fields


class HostKeyReadView(APIView):
    """Ask a device for its keys."""

    @extend_schema(
        operation_id="devices_host_keys_read",
        summary="Read the keys that a device offers",
        request=None,
        responses={200: OfferedKeySerializer(many=True), **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, device_id: int) -> Response:
        """Key exchange only: no user name and no password is sent, and nothing is pinned. Administrators only."""
        strict_body(request, ())
        offers = host_keys_read(device_id=device_id, actor=request_actor(request))
        return Response(OfferedKeySerializer(offers, many=True).data)


class HostKeyConfirmView(APIView):
    """Pin a key that was read."""

    @extend_schema(
        operation_id="devices_host_keys_confirm",
        summary="Pin a key that was read and compared",
        request=_CONFIRM,
        responses={201: PinnedKeySerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, device_id: int) -> Response:
        """Pin exactly the key that was read, if its fingerprint is the one that you name. Administrators only."""
        body = strict_body(request, {"offer", "fingerprint"})
        offer = body.get("offer")
        if not isinstance(offer, int) or isinstance(offer, bool) or not 0 < offer < 2**63:
            raise BadFieldsError({"offer": ["Give the id of the key that was read."]})
        key = host_key_confirm(
            device_id=device_id,
            offer_id=offer,
            fingerprint=text_of(body, "fingerprint"),
            actor=request_actor(request),
        )
        return Response(PinnedKeySerializer(key).data, status=status.HTTP_201_CREATED)


class HostKeyRevokeView(APIView):
    """Trust a key no longer."""

    @extend_schema(
        operation_id="host_keys_revoke",
        summary="Revoke a pinned key",
        request=_REASON,
        responses={200: PinnedKeySerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, host_key_id: int) -> Response:
        """Sessions with the device are refused until another key is pinned. Administrators only."""
        body = strict_body(request, {"reason"})
        key = host_key_revoke(host_key_id=host_key_id, reason=text_of(body, "reason"), actor=request_actor(request))
        return Response(PinnedKeySerializer(key).data)


class HostKeyImportView(APIView):
    """Pin the keys of a known_hosts text."""

    @extend_schema(
        operation_id="host_keys_import",
        summary="Import a known_hosts text",
        request=_IMPORT,
        responses={200: ImportLineSerializer(many=True), **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Pin keys by the devices' addresses; pinned keys are never replaced. `dry_run` changes nothing."""
        body = strict_body(request, {"known_hosts", "dry_run"})
        dry_run = body.get("dry_run", False)
        if not isinstance(dry_run, bool):
            raise BadFieldsError({"dry_run": ["Give true or false."]})
        act = host_keys_preview if dry_run else host_keys_import
        lines = act(text=text_of(body, "known_hosts"), actor=request_actor(request))
        return Response(ImportLineSerializer(lines, many=True).data)


class HostKeyAlertListView(APIView):
    """Alerts about host keys."""

    @extend_schema(
        operation_id="host_key_alerts_list",
        summary="List host key alerts",
        parameters=list_parameters({"state": "`open` or `acknowledged`."}, _NEWEST_FIRST),
        responses={200: page_of("HostKeyAlertPage", HostKeyAlertSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Keys that devices offered and that are not pinned for them, newest first."""
        query = ListQuery.read(request, filters=("state",), orderings=_NEWEST_FIRST)
        asked = query.only()
        if asked.get("state", AlertState.OPEN) not in set(AlertState):
            raise BadFilterError("state", f"state takes one of: {', '.join(AlertState)}.")
        found = page(HostKeyAlert.objects.filter(**asked).select_related("device"), query, _NEWEST_FIRST)
        return found.response(request, HostKeyAlertSerializer(found.rows, many=True).data)


class HostKeyAlertAcknowledgeView(APIView):
    """Acknowledge an alert."""

    @extend_schema(
        operation_id="host_key_alerts_acknowledge",
        summary="Acknowledge a host key alert",
        request=_REASON,
        responses={200: HostKeyAlertSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, alert_id: int) -> Response:
        """Say what was found out. The key stays unpinned. Administrators only."""
        body = strict_body(request, {"reason"})
        alert = alert_acknowledge(alert_id=alert_id, reason=text_of(body, "reason"), actor=request_actor(request))
        return Response(HostKeyAlertSerializer(alert).data)
