"""The manual steps of runs: what waits, and its two answers."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from changes.api.actions import Body, ChangeAction
from changes.api.bodies import text_in
from changes.api.serializers import ChangeDetailSerializer
from changes.domain.errors import InvalidInputError
from changes.models import Run, RunDecisionStep
from changes.services.step_answers import step_confirm, step_stop
from devices.api.openapi import refusals

_ANSWERED = {200: ChangeDetailSerializer, **refusals(400, 403, 404, 409)}


class ManualStepSerializer(serializers.ModelSerializer[RunDecisionStep]):
    """A manual step of a run."""

    person = serializers.CharField(source="person.username", default=None, allow_null=True)
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)

    class Meta:
        model = RunDecisionStep
        fields = [
            "id", "position", "title", "instruction", "place", "wave", "person", "role", "timeout_s", "otherwise",
            "state", "waits_since", "waits_until", "decided_by", "decided_at", "note",
        ]  # fmt: skip
        read_only_fields = fields


def _step(body: Body) -> int:
    step = body.get("step")
    if not isinstance(step, int) or isinstance(step, bool) or not 0 < step < 2**63:
        raise InvalidInputError({"step": ["Give the id of the step that waits, a whole number."]})
    return step


_STEP_BODY = inline_serializer(
    "StepAnswer",
    fields={"step": serializers.IntegerField(), "note": serializers.CharField(required=False, allow_blank=True)},
)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_confirm_step",
        summary="Confirm a manual step",
        description="For the person or the role that the signed plan names. Without an answer in time the run ends.",
        request=_STEP_BODY,
        responses=_ANSWERED,
    )
)
class ConfirmStepView(ChangeAction):
    """Confirm a manual step."""

    names = frozenset({"step", "note"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Confirm it."""
        step_confirm(change_id=change_id, step_id=_step(body), actor=actor, note=text_in(body, "note"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_stop_step",
        summary="Stop the run at a manual step",
        description="The run goes no further, or takes back what it has done, as the signed step says.",
        request=_STEP_BODY,
        responses=_ANSWERED,
    )
)
class StopStepView(ChangeAction):
    """Stop the run at a manual step."""

    names = frozenset({"step", "note"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Let it go no further."""
        step_stop(change_id=change_id, step_id=_step(body), actor=actor, note=text_in(body, "note"))


class StepListView(APIView):
    """The manual steps of a run."""

    @extend_schema(
        operation_id="run_steps_list",
        summary="List the manual steps of a run",
        responses={200: ManualStepSerializer(many=True), **refusals(404)},
    )
    def get(self, request: Request, run_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """The steps in the order in which the run comes to them."""
        if not Run.objects.filter(pk=run_id).exists():
            raise NotFound(f"There is no run with the id {run_id}.")
        rows = RunDecisionStep.objects.filter(run=run_id).select_related("person", "decided_by")
        return Response(ManualStepSerializer(rows, many=True).data)
