"""Change requests: list, write, read, edit, and what happened to them."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.filters import EventFilter
from audit.selectors import events
from changes.api.bodies import body_object, version_in
from changes.api.presenting import shown_actions, shown_content
from changes.api.requests import ChangeBody, ChangePatchBody
from changes.api.serializers import (
    ApprovalSerializer,
    ChangeDetailSerializer,
    ChangeSerializer,
    TimelineEventSerializer,
)
from changes.models import ChangeRequest
from changes.selectors import (
    CHANGE_FILTERS,
    Blocker,
    approvals_of,
    blockers,
    change_get,
    changes_matching,
    changes_touching,
)
from changes.services.approval_seals import seal_wait
from changes.services.people import facts_of, person_of
from changes.services.requests import change_create, change_edit
from devices.api.listing import MOMENT, WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.api.views import existing_device

_BY_ID = (("id", WHOLE),)
_BY_UPDATE = (("updated_at", MOMENT), ("id", WHOLE))
CHANGE_ORDERINGS = {
    "-id": Ordering(_BY_ID, descending=True),
    "id": Ordering(_BY_ID),
    "-updated_at": Ordering(_BY_UPDATE, descending=True),
    "updated_at": Ordering(_BY_UPDATE),
}
NEWEST_FIRST = {"-id": Ordering(_BY_ID, descending=True)}

_FILTERS = {
    "state": "States, with commas between them.",
    "type": "The change type.",
    "risk": "The risk level that holds: low, medium or high.",
    "author": "The author's user name.",
    "device": "The name of a device in the current plan.",
    "text": "In title or reason, or the change's number.",
}


def change_response(request: Request, change_id: int, *, status_code: int = status.HTTP_200_OK) -> Response:
    """A change as its reader may see it."""
    change = change_get(change_id)
    person = person_of(request_actor(request))
    facts = facts_of(change)
    context = {
        "content": shown_content(change, person, facts),
        "blockers": [*blockers(change, facts), *_seal_blockers(change)],
        "actions": shown_actions(person, facts, change),
    }
    return Response(ChangeDetailSerializer(change, context=context).data, status=status_code)


def _seal_blockers(change: ChangeRequest) -> list[Blocker]:
    found = seal_wait(change)
    return [] if found is None else [Blocker("machine", found.code, found.detail)]


class ChangeListView(APIView):
    """All change requests."""

    @extend_schema(
        operation_id="changes_list",
        summary="List changes",
        parameters=list_parameters(_FILTERS, CHANGE_ORDERINGS),
        responses={200: page_of("ChangePage", ChangeSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Changes that satisfy all filters given, newest first."""
        query = ListQuery.read(request, filters=CHANGE_FILTERS, orderings=CHANGE_ORDERINGS)
        found = page(changes_matching(query.only()), query, CHANGE_ORDERINGS)
        return found.response(request, ChangeSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="changes_create",
        summary="Write a change",
        request=ChangeBody,
        responses={201: ChangeDetailSerializer, **refusals(400, 403, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """Write a new draft. Nothing is planned yet: POST to its `plan/` next."""
        change = change_create(data=body_object(request), author=request_actor(request))
        response = change_response(request, change.pk, status_code=status.HTTP_201_CREATED)
        response["Location"] = reverse("api-change-detail", args=[change.pk], request=request)
        return response


class ChangeDetailView(APIView):
    """One change request."""

    @extend_schema(
        operation_id="changes_retrieve",
        summary="Retrieve a change",
        responses={200: ChangeDetailSerializer, **refusals(404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """One change with what was written into it, what blocks it and what you may do with it."""
        return change_response(request, change_id)

    @extend_schema(
        operation_id="changes_partial_update",
        summary="Edit a draft",
        request=ChangePatchBody,
        responses={200: ChangeDetailSerializer, **refusals(400, 403, 404, 409, 413, 415)},
    )
    def patch(self, request: Request, change_id: int) -> Response:
        """Change fields of a draft. Editing what the plan was made from voids the plan; who edits cannot approve."""
        body = body_object(request)
        change_edit(
            change_id=change_id,
            data={name: value for name, value in body.items() if name != "version"},
            editor=request_actor(request),
            version=version_in(body),
        )
        return change_response(request, change_id)


class ApprovalListView(APIView):
    """The decisions on a change."""

    @extend_schema(
        operation_id="changes_approvals_list",
        summary="List decisions on a change",
        responses={200: ApprovalSerializer(many=True), **refusals(404)},
    )
    def get(self, request: Request, change_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """Every decision, oldest first; each names the plan digest that the person saw. Void ones stay listed."""
        return Response(ApprovalSerializer(approvals_of(change_get(change_id)), many=True).data)


class TimelineView(APIView):
    """What happened to a change."""

    @extend_schema(
        operation_id="changes_timeline_list",
        summary="List what happened to a change",
        parameters=list_parameters({}, NEWEST_FIRST),
        responses={200: page_of("TimelinePage", TimelineEventSerializer), **refusals(400, 404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """The audit events of this change, newest first, refused attempts included."""
        change = change_get(change_id)
        query = ListQuery.read(request, orderings=NEWEST_FIRST)
        found = page(events(EventFilter(change_id=change.pk)).defer("body"), query, NEWEST_FIRST)
        return found.response(request, TimelineEventSerializer(found.rows, many=True).data)


class DeviceChangeListView(APIView):
    """The changes of a device."""

    @extend_schema(
        operation_id="devices_changes_list",
        summary="List changes of a device",
        parameters=list_parameters({}, NEWEST_FIRST),
        responses={200: page_of("DeviceChangePage", ChangeSerializer), **refusals(400, 404)},
    )
    def get(self, request: Request, device_id: int) -> Response:
        """Changes whose current plan, or any run, names the device, newest first."""
        device = existing_device(device_id)
        query = ListQuery.read(request, orderings=NEWEST_FIRST)
        found = page(changes_touching(device.pk), query, NEWEST_FIRST)
        return found.response(request, ChangeSerializer(found.rows, many=True).data)
