"""Rolling a change back: what would be sent, and the order to do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of, text_in
from changes.api.run_serializers import RunSerializer
from changes.domain.errors import InvalidInputError
from changes.domain.input import unknown_names
from changes.selectors import change_get
from changes.services.rollback import Wish, change_rollback
from changes.services.rollback_preview import rollback_preview
from devices.api.openapi import refusals

_NAMES = frozenset({"device_ids", "confirmed", "comment"})


class RollbackBody(serializers.Serializer[Mapping[str, object]]):
    """What the order may hold."""

    device_ids = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Left out or empty: the whole change."
    )
    confirmed = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="Digests of lines that were computed again, by the ids of their devices.",
    )
    comment = serializers.CharField(required=False)


class DeviceRollbackSerializer(serializers.Serializer[object]):
    """What one device's rollback would be; lines are masked."""

    device_id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.CharField()
    kind = serializers.ChoiceField(choices=["replace", "commands", "recomputed", "nothing", "refused"])
    lines = serializers.ListField(child=serializers.CharField())
    digest = serializers.CharField(help_text="To be confirmed with the order; empty where nothing has to be.")
    note = serializers.CharField()


class RollbackPreviewSerializer(serializers.Serializer[object]):
    """A page of devices; ask again with `after` as long as there are `more`."""

    total = serializers.IntegerField()
    more = serializers.BooleanField()
    last = serializers.IntegerField()
    devices = DeviceRollbackSerializer(many=True)


class RollbackView(APIView):
    """Roll back."""

    filters: ClassVar[frozenset[str]] = frozenset({"device_id", "after", "format"})

    @extend_schema(
        operation_id="changes_rollback_preview",
        summary="Show what a rollback would send",
        parameters=[
            OpenApiParameter("device_id", int, many=True, description="Only these devices."),
            OpenApiParameter("after", int, description="`last` of the page before."),
        ],
        responses={200: RollbackPreviewSerializer, **refusals(400, 404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """What would be sent to which device, from what was read of it last; no device is asked."""
        unknown = unknown_names(request.query_params, self.filters, "filter")
        if unknown:
            raise InvalidInputError({name: [sentence] for name, sentence in unknown.items()})
        ids = _whole_numbers(request.query_params.getlist("device_id"), "device_id")
        after = _whole_numbers([request.query_params.get("after", "0")], "after")[0]
        preview = rollback_preview(change_get(change_id), ids, after=after)
        return Response(RollbackPreviewSerializer(preview).data)

    @extend_schema(
        operation_id="changes_rollback",
        summary="Roll back",
        request=RollbackBody,
        responses={202: RunSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Order a whole change, or some of its devices, back. Poll the run until its state is `ended`.

        A device that has moved since the change ends with `ROLLBACK_UNCONFIRMED`: read the lines that were computed
        again, and order its rollback once more with their digest under `confirmed`.
        """
        body = body_of(request, _NAMES)
        wish = Wish(
            device_ids=_whole_numbers(body.get("device_ids") or [], "device_ids"),
            confirmed=_digests(body.get("confirmed") or {}),
            comment=text_in(body, "comment"),
        )
        run = change_rollback(change_id=change_id, implementer=request_actor(request), wish=wish)
        location = reverse("api-run-detail", args=[run.pk], request=request)
        return Response(RunSerializer(run).data, status=status.HTTP_202_ACCEPTED, headers={"Location": location})


def _whole_numbers(values: object, where: str) -> tuple[int, ...]:
    found = [_whole_number(value) for value in values] if isinstance(values, list) else [None]
    if any(number is None for number in found):
        raise InvalidInputError({where: ["Give whole numbers, such as [12, 13]."]})
    return tuple(number for number in found if number is not None)


def _whole_number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _digests(value: object) -> dict[int, str]:
    if not isinstance(value, Mapping):
        raise InvalidInputError({"confirmed": ['Give an object of device ids and digests, such as {"12": "9f3c…"}.']})
    numbers = {key: _whole_number(key) for key in value}
    if None in numbers.values() or not all(isinstance(digest, str) for digest in value.values()):
        raise InvalidInputError({"confirmed": ['Give an object of device ids and digests, such as {"12": "9f3c…"}.']})
    return {number: value[key] for key, number in numbers.items() if number is not None}
