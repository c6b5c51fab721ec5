from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of
from devices.api.openapi import refusals
from portal.api.authentication import ApiTokenAuthentication, PasswordAuthentication
from portal.api.throttles import PersonThrottle, RefusalThrottle, TokenThrottle
from portal.errors import TokenMintedByTokenError
from portal.models import ApiToken
from portal.tokens import DEFAULT_DAYS, MAX_DAYS, MAX_NAME, token_create, token_revoke, tokens_of


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token as its owner sees it later: never the token itself."""

    id = serializers.UUIDField(source="public_id")
    prefix = serializers.CharField(source="token_key", help_text="How the token begins, to recognise it by.")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry", allow_null=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "created_at", "expires_at"]
        read_only_fields = fields


class NewTokenSerializer(TokenSerializer):
    """A token that was just made, with its text, this once."""

    token = serializers.SerializerMethodField(help_text="Keep it safe: it is shown this once.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields

    def get_token(self, _token: ApiToken) -> str:
        """The text to send as ``Authorization: Token …``."""
        return str(self.context["text"])


class TokenRequestSerializer(serializers.Serializer[Any]):
    """A new token."""

    name = serializers.CharField(max_length=MAX_NAME, help_text="What will use it.")
    expires_in_days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=DEFAULT_DAYS)


@method_decorator(never_cache, name="dispatch")
class TokenListView(APIView):
    """A person's tokens."""

    authentication_classes = [ApiTokenAuthentication, SessionAuthentication, PasswordAuthentication]
    throttle_classes = [PersonThrottle, RefusalThrottle, TokenThrottle]

    @extend_schema(
        operation_id="tokens_list",
        summary="List your tokens",
        responses={200: TokenSerializer(many=True), **refusals()},
    )
    def get(self, request: Request) -> Response:
        """Your live tokens, newest first, never their texts."""
        return Response(TokenSerializer(tokens_of(request_actor(request)), many=True).data)

    @extend_schema(
        operation_id="tokens_create",
        summary="Make a token",
        request=TokenRequestSerializer,
        responses={201: NewTokenSerializer, **refusals(400, 403, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Make a token for yourself. Sign in with a session or, from a script, with HTTP Basic.

        A token cannot make another one: else whoever stole one could keep it alive for ever.
        """
        if isinstance(request.auth, ApiToken):
            raise TokenMintedByTokenError("A token cannot make another one. Sign in, or send your name and password.")
        body = body_of(request, {"name", "expires_in_days"})
        token, text = token_create(
            actor=request_actor(request),
            name=body.get("name"),
            expires_in_days=body.get("expires_in_days", DEFAULT_DAYS),
        )
        return Response(NewTokenSerializer(token, context={"text": text}).data, status=status.HTTP_201_CREATED)


class TokenDetailView(APIView):
    """One of a person's tokens."""

    @extend_schema(operation_id="tokens_destroy", summary="Revoke a token", responses={204: None, **refusals(404)})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """End one of your tokens at once. A token may revoke itself."""
        token_revoke(actor=request_actor(request), token_id=str(token_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
