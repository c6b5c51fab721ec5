from __future__ import annotations

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.errors import UnknownFilterError
from devices.api.openapi import refusals
from devices.models import CredentialUse
from devices.services.credential_overview import READERS, CredentialView, credential_overview


class ReadsCredentials(BasePermission):
    """Lets those through who may see which credentials there are; one query."""

    message = "Only administrators and auditors see which credentials there are. Ask an administrator for such a role."

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        """Whether the person holds one of the roles."""
        return bool(request.user and request.user.groups.filter(name__in=READERS).exists())


class NewestUseSerializer(serializers.Serializer[CredentialUse]):
    """The newest use for one purpose."""

    at = serializers.DateTimeField(source="last_at")
    device = serializers.IntegerField(source="device_id")
    work = serializers.CharField(source="occasion", help_text="`plan`, `run`, `backup`, `check` or `other`.")
    worker = serializers.CharField()
    code = serializers.CharField(help_text="A reason code where it was refused; else empty.")


class CredentialSerializer(serializers.Serializer[CredentialView]):
    """A credential without its values."""

    name = serializers.CharField()
    provider = serializers.CharField(help_text="`env`, `file`, `folder` or `vault`.")
    purposes = serializers.ListField(child=serializers.CharField(), source="scope.purposes")
    scope = serializers.CharField(source="scope.where", help_text="Where it may be used; empty: everywhere.")
    device_count = serializers.IntegerField(help_text="Devices whose inventory row names it.")
    last_read = NewestUseSerializer(source="read", allow_null=True)
    last_write = NewestUseSerializer(source="write", allow_null=True)
    version = serializers.CharField(help_text="The store's version at the last use; empty where it has none.")
    rotated_at = serializers.DateTimeField(source="changed_at", allow_null=True)
    age_days = serializers.IntegerField(allow_null=True)
    max_age_days = serializers.IntegerField(source="due_days", help_text="The policy; 0: none.")
    overdue = serializers.BooleanField(allow_null=True, help_text="Null where policy or age is not known.")


class CredentialListView(APIView):
    """Which credentials there are."""

    permission_classes = (IsAuthenticated, ReadsCredentials)

    @extend_schema(
        operation_id="credentials_list",
        summary="List credentials",
        responses={
            200: inline_serializer(
                "CredentialList",
                {
                    "problem": serializers.CharField(help_text="Why the credential rules cannot be used, or empty."),
                    "results": CredentialSerializer(many=True),
                },
            ),
            **refusals(400, 403),
        },
    )
    def get(self, request: Request) -> Response:
        """Names, stores, scopes, newest uses and ages; never a value, and the store is not asked."""
        for name in request.query_params:
            raise UnknownFilterError(name, ["none, this list has no filters"])
        overview = credential_overview()
        results = CredentialSerializer(list(overview.credentials), many=True).data  # type: ignore[arg-type]  # many
        return Response({"problem": overview.problem, "results": results})
