"""Calendar feeds over the API: a person's own, made, listed and revoked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of
from changes.domain.errors import InvalidInputError
from devices.api.openapi import refusals
from portal.api.authentication import ApiTokenAuthentication, PasswordAuthentication
from portal.api.throttles import PersonThrottle, RefusalThrottle, TokenThrottle
from portal.errors import TokenMintedByTokenError
from portal.feeds import MAX_NAME, MAX_SITE, feed_create, feed_end, feed_path, feeds_of
from portal.models import ApiToken, CalendarFeed


class FeedSerializer(serializers.ModelSerializer[CalendarFeed]):
    """A feed as its owner sees it later: never its address."""

    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = CalendarFeed
        fields = ["id", "name", "site", "created_at", "read_at"]
        read_only_fields = fields


class NewFeedSerializer(FeedSerializer):
    """A feed that was just made, with its address, this once."""

    address = serializers.SerializerMethodField(help_text="For the calendar program. It is shown this once.")

    class Meta(FeedSerializer.Meta):
        fields = [*FeedSerializer.Meta.fields, "address"]
        read_only_fields = fields

    def get_address(self, _feed: CalendarFeed) -> str:
        """The address with its token."""
        return str(self.context["address"])


class FeedRequestSerializer(serializers.Serializer[Any]):
    """A new feed."""

    name = serializers.CharField(max_length=MAX_NAME, help_text="What will read it.")
    site = serializers.CharField(
        max_length=MAX_SITE, required=False, allow_blank=True, help_text="Only what concerns this site."
    )


@method_decorator(never_cache, name="dispatch")
class FeedListView(APIView):
    """A person's feeds."""

    authentication_classes = [ApiTokenAuthentication, SessionAuthentication, PasswordAuthentication]
    throttle_classes = [PersonThrottle, RefusalThrottle, TokenThrottle]

    @extend_schema(
        operation_id="calendar_feeds_list",
        summary="List your calendar feeds",
        responses={200: FeedSerializer(many=True), **refusals()},
    )
    def get(self, request: Request) -> Response:
        """Your feeds, newest first, never their addresses."""
        return Response(FeedSerializer(feeds_of(request_actor(request)), many=True).data)

    @extend_schema(
        operation_id="calendar_feeds_create",
        summary="Make a calendar feed",
        request=FeedRequestSerializer,
        responses={201: NewFeedSerializer, **refusals(400, 403, 409, 429)},
    )
    @method_decorator(sensitive_variables("text", "address"))
    def post(self, request: Request) -> Response:
        """Make an iCalendar address for yourself. Sign in with a session or, from a script, with HTTP Basic.

        An API token cannot make one: whoever stole it could read the calendar after the token has ended.
        """
        if isinstance(request.auth, ApiToken):
            raise TokenMintedByTokenError("A token cannot make a feed. Sign in, or send your name and password.")
        body = body_of(request, {"name", "site"})
        fields = {name: ["Give a text."] for name in ("name", "site") if not isinstance(body.get(name, ""), str)}
        if fields:
            raise InvalidInputError(fields)
        feed, text = feed_create(
            actor=request_actor(request), name=str(body.get("name", "")), site=str(body.get("site", ""))
        )
        address = request.build_absolute_uri(feed_path(text))
        return Response(NewFeedSerializer(feed, context={"address": address}).data, status=status.HTTP_201_CREATED)


class FeedDetailView(APIView):
    """One of a person's feeds."""

    @extend_schema(
        operation_id="calendar_feeds_destroy", summary="Revoke a calendar feed", responses={204: None, **refusals(404)}
    )
    def delete(self, request: Request, feed_id: UUID) -> Response:
        """End one of your feeds at once: whatever reads it gets nothing from then on."""
        feed_end(actor=request_actor(request), feed_id=str(feed_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
