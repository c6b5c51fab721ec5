"""Orders to a run and the kill switch: one POST each; the answer is how things stand afterwards."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from audit.api.actors import request_actor
from changes.api.actions import Body, ChangeAction
from changes.api.bodies import body_of, text_in
from changes.api.requests import Body as BodySerializer
from changes.api.requests import CommentBody, ReasonBody
from changes.api.serializers import ChangeDetailSerializer
from changes.domain.errors import InvalidInputError
from changes.domain.strategy import InFlight
from changes.models import KillSwitch
from changes.services.kill_switch import kill_switch_engage, kill_switch_release
from changes.services.retrying import run_retry
from changes.services.run_orders import device_skip, run_abort, run_pause, run_resume, run_stop_after_wave
from devices.api.openapi import refusals

_SHOWN = {200: ChangeDetailSerializer, **refusals(400, 403, 404, 409)}
HISTORY = 50


class AbortBody(ReasonBody):
    """Why, and what becomes of devices that are being worked on."""

    in_flight = serializers.ChoiceField(
        InFlight.choices(),
        default=InFlight.FINISH.value,
        help_text="`finish`: they go on to their ends. `back_out`: what was written to them is taken back.",
    )


class SkipBody(ReasonBody):
    """One device that waits, and why it is left out."""

    device_id = serializers.IntegerField(min_value=1)


class RetryBody(CommentBody):
    """Which devices; without ids all that failed and hold nothing of the change, but for those that people skipped."""

    device_ids = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_pause",
        summary="Pause the run",
        description="Begin no further device and open no further wave. Devices that are being worked on are finished.",
        request=CommentBody,
        responses=_SHOWN,
    )
)
class PauseView(ChangeAction):
    """Pause."""

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Pause the run."""
        run_pause(change_id=change_id, actor=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_resume",
        summary="Resume the run",
        description="Let a paused run go on; the plan's digest, its approvals and the kill switch are checked again."
        " The failures that there are count as accepted. Takes an order to stop after this wave back, too.",
        request=CommentBody,
        responses=_SHOWN,
    )
)
class ResumeView(ChangeAction):
    """Resume."""

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Resume the run."""
        run_resume(change_id=change_id, actor=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_stop_after_wave",
        summary="Stop the run after this wave",
        description="Pause the run when the present wave has held, before the next one is opened.",
        request=CommentBody,
        responses=_SHOWN,
    )
)
class StopAfterWaveView(ChangeAction):
    """Stop after this wave."""

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Have the run stop after this wave."""
        run_stop_after_wave(change_id=change_id, actor=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_abort",
        summary="Abort the run",
        description="End the run for good. Devices that nobody has begun are skipped; those in flight are finished, or"
        " backed out from the next safe point on. `finish` may become `back_out` later.",
        request=AbortBody,
        responses=_SHOWN,
    )
)
class AbortView(ChangeAction):
    """Abort."""

    names = frozenset({"comment", "in_flight"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Abort the run."""
        in_flight = text_in(body, "in_flight") if "in_flight" in body else InFlight.FINISH.value
        run_abort(change_id=change_id, actor=actor, comment=text_in(body, "comment"), in_flight=in_flight)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_skip",
        summary="Skip a device",
        description="Leave one device out of the run that nobody has begun yet.",
        request=SkipBody,
        responses=_SHOWN,
    )
)
class SkipView(ChangeAction):
    """Skip a device."""

    names = frozenset({"comment", "device_id"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Skip the device."""
        device_id = body.get("device_id")
        if not isinstance(device_id, int) or isinstance(device_id, bool):
            raise InvalidInputError({"device_id": ["Give the id of the device, a whole number."]})
        device_skip(change_id=change_id, device_id=device_id, actor=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_retry",
        summary="Retry devices",
        description="Have devices tried again that hold nothing of the change. In a paused run they wait until it is"
        " resumed. After the run has ended, and before the change is closed, a new run over them begins at once.",
        request=RetryBody,
        responses=_SHOWN,
    )
)
class RetryView(ChangeAction):
    """Retry devices."""

    names = frozenset({"comment", "device_ids"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Retry the devices."""
        run_retry(change_id=change_id, actor=actor, device_ids=_ids(body), comment=text_in(body, "comment"))


def _ids(body: Body) -> list[int] | None:
    given = body.get("device_ids")
    if given is None:
        return None
    ids = [pk for pk in given if type(pk) is int] if isinstance(given, list) else []
    if not isinstance(given, list) or not ids or len(ids) < len(given):
        raise InvalidInputError({"device_ids": ["Give a list of whole numbers, or leave it out for all."]})
    return ids


class KillSwitchEntrySerializer(serializers.ModelSerializer[KillSwitch]):
    """One time that the kill switch was engaged."""

    engaged_by = serializers.CharField(source="engaged_by.username")
    released_by = serializers.CharField(source="released_by.username", allow_null=True, default=None)

    class Meta:
        model = KillSwitch
        fields = ("id", "engaged_by", "engaged_at", "reason", "released_by", "released_at", "release_reason")


class KillSwitchSerializer(BodySerializer):
    """Whether it is engaged, and the last times that it was, newest first."""

    engaged = serializers.BooleanField()
    history = KillSwitchEntrySerializer(many=True)


def _kill_switch_data() -> dict[str, object]:
    rows = list(KillSwitch.objects.select_related("engaged_by", "released_by")[:HISTORY])
    engaged = bool(rows) and rows[0].released_at is None
    return {"engaged": engaged, "history": KillSwitchEntrySerializer(rows, many=True).data}


class KillSwitchView(APIView):
    """The kill switch."""

    @extend_schema(
        operation_id="kill_switch_retrieve",
        summary="Kill switch",
        responses={200: KillSwitchSerializer, **refusals()},
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Whether it is engaged, and the last 50 times that it was."""
        return Response(_kill_switch_data())


class KillSwitchEngageView(APIView):
    """Engage."""

    @extend_schema(
        operation_id="kill_switch_engage",
        summary="Engage the kill switch",
        request=ReasonBody,
        responses={200: KillSwitchSerializer, **refusals(400, 403, 409)},
    )
    def post(self, request: Request) -> Response:
        """Stop every first write to a device, in all changes. Devices that were written to are brought to an end."""
        body = body_of(request, {"comment"})
        kill_switch_engage(actor=request_actor(request), reason=text_in(body, "comment"))
        return Response(_kill_switch_data())


class KillSwitchReleaseView(APIView):
    """Release."""

    @extend_schema(
        operation_id="kill_switch_release",
        summary="Release the kill switch",
        request=ReasonBody,
        responses={200: KillSwitchSerializer, **refusals(400, 403, 409)},
    )
    def post(self, request: Request) -> Response:
        """Let changes write again, as another person than who engaged it. Paused runs wait until they are resumed."""
        body = body_of(request, {"comment"})
        kill_switch_release(actor=request_actor(request), reason=text_in(body, "comment"))
        return Response(_kill_switch_data())
