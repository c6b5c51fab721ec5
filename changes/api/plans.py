from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of
from changes.api.narrowing import PLAN_ROW_FILTERS, narrowed, warned
from changes.api.presenting import ShownReason, shown_plan
from changes.api.serializers import (
    CatalogueReasonSerializer,
    DevicePlanSerializer,
    PlanDetailSerializer,
    PlanSerializer,
)
from changes.domain.states import DevicePlanState
from changes.errors import ChangeNotFoundError
from changes.models import PlanRevision
from changes.selectors import change_get, device_plans_of, plan_progress
from changes.services.approvals import plan_open
from changes.services.planning import plan_request
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, refusals
from devices.services.scrubbing import Scrubber

IN_PLAN_ORDER = {"position": Ordering((("position", WHOLE),))}


class PlanView(APIView):
    """The current plan of a change."""

    @extend_schema(
        operation_id="changes_plan_retrieve",
        summary="Read the plan",
        parameters=list_parameters(PLAN_ROW_FILTERS, IN_PLAN_ORDER),
        responses={200: PlanDetailSerializer, **refusals(400, 404, 409)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """The current plan with a page of its devices; poll it while its state is `building`.

        Reading a ready plan is remembered: nobody approves a plan that they have not opened. 404 with the code
        `PLAN_MISSING` says that there is none; 409 with `PLAN_HASH_MISMATCH`, that its rows were tampered with.
        """
        revision = change_get(change_id).revision
        if revision is None:
            raise ChangeNotFoundError("There is no plan yet. POST to this address to build one.", code="PLAN_MISSING")
        response = _plan_response(request, revision)
        plan_open(revision=revision, actor=request_actor(request))
        return response

    @extend_schema(
        operation_id="changes_plan_create",
        summary="Build a plan",
        request=None,
        responses={202: PlanDetailSerializer, **refusals(400, 403, 404, 409, 422)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Build a new revision of the plan from the draft as it is; an earlier plan is void.

        The devices are read in the background: poll with GET until the state is `ready` or `failed`.
        """
        body_of(request, ())
        revision = plan_request(change_id=change_id, actor=request_actor(request))
        return _plan_response(request, revision, status_code=status.HTTP_202_ACCEPTED)


def _plan_response(request: Request, revision: PlanRevision, *, status_code: int = status.HTTP_200_OK) -> Response:
    query = ListQuery.read(request, filters=tuple(PLAN_ROW_FILTERS), orderings=IN_PLAN_ORDER)
    rows = warned(narrowed(device_plans_of(revision), query.only(), DevicePlanState), query.only().get("warning", ""))
    found = page(rows, query, IN_PLAN_ORDER)
    scrub = Scrubber.load()
    shown = [shown_plan(plan, scrub) for plan in found.rows]
    reason = ShownReason.of(revision.code)
    return Response(
        {
            **PlanSerializer(revision).data,
            "reason": CatalogueReasonSerializer(reason).data if reason else None,
            "progress": plan_progress(revision),
            "devices": DevicePlanSerializer(shown, many=True).data,
            "next": found.next(request),
        },
        status=status_code,
    )
