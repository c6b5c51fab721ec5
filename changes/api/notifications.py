"""One's own notifications and preferences."""

from __future__ import annotations

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of, text_in
from changes.domain.errors import InvalidInputError
from changes.domain.notifications import Digest
from changes.models import Notification
from changes.services.notification_choices import (
    choices_of,
    notification_test,
    notifications_read,
    preferences_save,
    profile_of,
    webhook_remove,
    webhook_set,
)
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_MOST_IDS = 500


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """What a person was told."""

    change_id = serializers.IntegerField(allow_null=True, read_only=True)

    class Meta:
        model = Notification
        fields = ["id", "topic", "subject", "sentence", "path", "change_id", "created_at", "read_at"]
        read_only_fields = fields


class NotificationWaysSerializer(serializers.Serializer[object]):
    """Where notifications of one topic go."""

    page = serializers.BooleanField(required=False)
    email = serializers.BooleanField(required=False)
    webhook = serializers.BooleanField(required=False)


_PREFERENCES = inline_serializer(
    "NotificationPreferences",
    fields={
        "digest": serializers.ChoiceField(choices=Digest.choices(), required=False),
        "digest_hour": serializers.IntegerField(required=False, help_text="0 to 23, UTC; of the daily digest."),
        "topics": serializers.DictField(child=NotificationWaysSerializer(), required=False, help_text="By topic."),
    },
)
_PROFILE = inline_serializer(
    "NotificationProfile",
    fields={
        "digest": serializers.ChoiceField(choices=Digest.choices()),
        "digest_hour": serializers.IntegerField(),
        "topics": serializers.DictField(child=NotificationWaysSerializer()),
        "webhook_host": serializers.CharField(allow_blank=True, help_text="Host of the webhook; never its path."),
    },
)


class NotificationListView(APIView):
    """One's own notifications."""

    @extend_schema(
        operation_id="notifications_list",
        summary="List your notifications",
        parameters=list_parameters({"unread": "true: only those that were not read."}, _NEWEST_FIRST),
        responses={200: page_of("NotificationPage", NotificationSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """What the caller was told, newest first."""
        query = ListQuery.read(request, filters=("unread",), orderings=_NEWEST_FIRST)
        rows = Notification.objects.listed().filter(person=request.user.pk)
        if unread := query.filters.get("unread"):
            if unread != ["true"]:
                raise InvalidInputError({"unread": ["Give true, or leave it out."]})
            rows = rows.unread()
        found = page(rows, query, _NEWEST_FIRST)
        return found.response(request, NotificationSerializer(found.rows, many=True).data)


class NotificationReadView(APIView):
    """Mark as read."""

    @extend_schema(
        operation_id="notifications_read",
        summary="Mark notifications as read",
        request=inline_serializer(
            "NotificationsRead",
            fields={"ids": serializers.ListField(child=serializers.IntegerField(), required=False)},
        ),
        responses={
            200: inline_serializer("NotificationsWereRead", fields={"read": serializers.IntegerField()}),
            **refusals(400),
        },
    )
    def post(self, request: Request) -> Response:
        """Mark the caller's own notifications as read: those of ``ids``, or all without it."""
        body = body_of(request, {"ids"})
        return Response({"read": notifications_read(actor=request_actor(request), ids=_ids(body.get("ids")))})


class NotificationPreferencesView(APIView):
    """How one wants to be told."""

    @extend_schema(
        operation_id="notification_preferences_retrieve",
        summary="Retrieve your notification preferences",
        responses={200: _PROFILE, **refusals()},
    )
    def get(self, request: Request) -> Response:
        """Every topic with its ways, and how e-mails are bundled."""
        return Response(_shown(request))

    @extend_schema(
        operation_id="notification_preferences_change",
        summary="Change your notification preferences",
        request=_PREFERENCES,
        responses={200: _PROFILE, **refusals(400)},
    )
    def patch(self, request: Request) -> Response:
        """Change some; what is left out stays as it is."""
        preferences_save(actor=request_actor(request), data=body_of(request, {"digest", "digest_hour", "topics"}))
        return Response(_shown(request))


class NotificationWebhookView(APIView):
    """One's own webhook."""

    @extend_schema(
        operation_id="notification_webhook_set",
        summary="Set your webhook",
        request=inline_serializer("NotificationWebhook", fields={"url": serializers.CharField()}),
        responses={
            200: inline_serializer(
                "NotificationWebhookSet",
                fields={"webhook_host": serializers.CharField(), "secret": serializers.CharField()},
            ),
            **refusals(400),
        },
    )
    @sensitive_variables("secret", "url")
    def put(self, request: Request) -> Response:
        """Send notifications to this https address. The answer holds the new signing secret, this once."""
        url = text_in(body_of(request, {"url"}), "url")
        secret = webhook_set(actor=request_actor(request), url=url)
        return Response({"webhook_host": profile_of(request.user.pk or 0).webhook_host, "secret": secret})

    @extend_schema(
        operation_id="notification_webhook_remove", summary="Take your webhook out", responses={204: None, **refusals()}
    )
    def delete(self, request: Request) -> Response:
        """Send nothing to it any more."""
        webhook_remove(actor=request_actor(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class NotificationTestView(APIView):
    """Send a test."""

    @extend_schema(
        operation_id="notification_test",
        summary="Send yourself a test",
        request=None,
        responses={202: None, **refusals(409)},
    )
    def post(self, request: Request) -> Response:
        """Send a test over every way that is set up; at most six within an hour."""
        body_of(request, set())
        notification_test(actor=request_actor(request))
        return Response(status=status.HTTP_202_ACCEPTED)


def _ids(given: object) -> list[int] | None:
    if given is None:
        return None
    ids = [pk for pk in given if _is_id(pk)] if isinstance(given, list) else []
    if not isinstance(given, list) or len(ids) < len(given) or len(ids) > _MOST_IDS:
        raise InvalidInputError({"ids": [f"Give at most {_MOST_IDS} ids of notifications, or leave it out for all."]})
    return ids


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def _shown(request: Request) -> dict[str, object]:
    person = request.user.pk or 0
    profile = profile_of(person)
    return {
        "digest": profile.digest,
        "digest_hour": profile.digest_hour,
        "topics": {
            topic.value: {"page": choice.page, "email": choice.email, "webhook": choice.webhook}
            for topic, choice in choices_of(person).items()
        },
        "webhook_host": profile.webhook_host,
    }
