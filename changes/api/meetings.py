"""CAB meetings: list, plan, retrieve, edit, agenda, attendance, minutes, open, close."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from audit.api.actors import request_actor
from audit.errors import BadFilterError
from changes.api.bodies import body_of, text_in
from changes.domain.errors import InvalidInputError
from changes.domain.meetings import MeetingState, Outcome
from changes.models import AgendaItem, Attendance, Meeting
from changes.services import meetings as services
from changes.services.meeting_input import FIELDS
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_FILTERS = {"state": f"One of: {', '.join(MeetingState)}."}


class AgendaItemSerializer(serializers.ModelSerializer[AgendaItem]):
    """One point; `facts` are how its change stood when the meeting opened."""

    added_by = serializers.CharField(source="added_by.username", allow_null=True, default=None)
    decisions = serializers.SerializerMethodField(help_text="Ids of the approvals that were given meanwhile.")
    facts = serializers.DictField()
    outcome = serializers.CharField(help_text=f"{', '.join(Outcome)}, or empty where there is none yet.")
    version = serializers.CharField(help_text="Names the minutes as they are; send it with other ones.")

    def get_decisions(self, item: AgendaItem) -> list[int]:
        """What people decided about the change while the meeting was open; linked when it was closed."""
        return [approval.pk for approval in item.decisions.all()]

    class Meta:
        model = AgendaItem
        fields = [
            "id", "position", "kind", "change", "title", "facts", "added_by", "minutes", "outcome", "deferred_to",
            "version", "decisions",
        ]  # fmt: skip
        read_only_fields = fields


class AttendanceSerializer(serializers.ModelSerializer[Attendance]):
    """Somebody who was there."""

    person = serializers.CharField(source="person.username", allow_null=True, default=None)

    class Meta:
        model = Attendance
        fields = ["person", "guest"]
        read_only_fields = fields


class MeetingSerializer(serializers.ModelSerializer[Meeting]):
    """A meeting of the change advisory board."""

    chair = serializers.CharField(source="chair.username")
    planned_by = serializers.CharField(source="planned_by.username")
    attendance = AttendanceSerializer(source="attendances", many=True)
    items = AgendaItemSerializer(many=True)

    class Meta:
        model = Meeting
        fields = [
            "id", "title", "starts_at", "chair", "state", "covers_from", "covers_to", "planned_by", "planned_at",
            "opened_at", "closed_at", "canceled_at", "cancel_reason", "summary", "attendance", "items",
        ]  # fmt: skip
        read_only_fields = fields


_PLAN = inline_serializer(
    "MeetingPlan",
    fields={
        "title": serializers.CharField(),
        "starts_at": serializers.DateTimeField(help_text="ISO 8601; without a zone it means UTC."),
        "chair": serializers.CharField(help_text="The user name of a member of the CAB or ECAB, or a change manager."),
    },
)
_CHANGES = inline_serializer(
    "MeetingChanges",
    fields={
        "title": serializers.CharField(required=False),
        "starts_at": serializers.DateTimeField(required=False),
        "chair": serializers.CharField(required=False),
    },
)
_POINT = inline_serializer(
    "MeetingPoint",
    fields={
        "title": serializers.CharField(required=False, help_text="What is to be spoken about."),
        "change": serializers.IntegerField(required=False, help_text="Or a change, by its id."),
    },
)
_MINUTES = inline_serializer(
    "MeetingMinutes",
    fields={
        "minutes": serializers.CharField(required=False),
        "outcome": serializers.ChoiceField(Outcome.choices(), required=False),
        "deferred_to": serializers.CharField(required=False, help_text="With the outcome `deferred`: until when."),
        "version": serializers.CharField(
            required=False, help_text="That of the item that you read; 409 where somebody changed it since."
        ),
    },
)
_PRESENT = inline_serializer(
    "MeetingAttendance",
    fields={
        "people": serializers.ListField(child=serializers.CharField(), help_text="User names."),
        "guests": serializers.ListField(child=serializers.CharField(), required=False),
    },
)
_SUMMARY = inline_serializer("MeetingSummary", fields={"summary": serializers.CharField(required=False)})
_WHY = inline_serializer("MeetingCancellation", fields={"reason": serializers.CharField()})
_ANSWERS = {200: MeetingSerializer, **refusals(400, 403, 404, 409)}


def _rows() -> QuerySet[Meeting]:
    rows = Meeting.objects.select_related("chair", "planned_by")
    return rows.prefetch_related("attendances__person", "items__added_by", "items__decisions")


def _shown(meeting_id: int) -> dict[str, object]:
    found = _rows().filter(pk=meeting_id).first()
    if found is None:
        raise NotFound(f"There is no meeting with the id {meeting_id}.")
    return dict(MeetingSerializer(found).data)


class MeetingListView(APIView):
    """CAB meetings."""

    @extend_schema(
        operation_id="meetings_list",
        summary="List CAB meetings",
        parameters=list_parameters(_FILTERS, _NEWEST_FIRST),
        responses={200: page_of("MeetingPage", MeetingSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Meetings, newest first, with their agendas."""
        query = ListQuery.read(request, filters=tuple(_FILTERS), orderings=_NEWEST_FIRST)
        asked = query.only()
        if "state" in asked and asked["state"] not in set(MeetingState):
            raise BadFilterError("state", f"state takes one of: {', '.join(MeetingState)}.")
        found = page(_rows().filter(**asked), query, _NEWEST_FIRST)
        return found.response(request, MeetingSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="meetings_plan",
        summary="Plan a CAB meeting",
        request=_PLAN,
        responses={201: MeetingSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Plan a meeting; its agenda is made from what waits. For change managers."""
        found = services.meeting_plan(data=body_of(request, FIELDS), actor=request_actor(request))
        return Response(_shown(found.pk), status=status.HTTP_201_CREATED)


class MeetingDetailView(APIView):
    """One meeting."""

    @extend_schema(
        operation_id="meetings_retrieve",
        summary="Retrieve a CAB meeting",
        responses={200: MeetingSerializer, **refusals(404)},
    )
    def get(self, request: Request, meeting_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One meeting with its agenda, who was there, and the decisions that were taken."""
        return Response(_shown(meeting_id))

    @extend_schema(operation_id="meetings_edit", summary="Edit a draft", request=_CHANGES, responses=_ANSWERS)
    def patch(self, request: Request, meeting_id: int) -> Response:
        """Another title, time or chair for a draft."""
        services.meeting_edit(meeting_id=meeting_id, data=body_of(request, FIELDS), actor=request_actor(request))
        return Response(_shown(meeting_id))


class MeetingAction(APIView):
    """One thing that is done with a meeting; the answer is the meeting as it is afterwards."""

    names: ClassVar[frozenset[str]] = frozenset()
    status: ClassVar[int] = status.HTTP_200_OK

    @abstractmethod
    def act(self, meeting_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Call the service."""

    def post(self, request: Request, meeting_id: int) -> Response:
        """Act, then show the meeting."""
        self.act(meeting_id, body_of(request, self.names), request_actor(request))
        return Response(_shown(meeting_id), status=self.status)


@extend_schema_view(
    post=extend_schema(
        operation_id="meetings_refresh", summary="Make a draft's agenda anew", request=None, responses=_ANSWERS
    )
)
class MeetingRefreshView(MeetingAction):
    """Make the agenda anew."""

    def act(self, meeting_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """From what waits now; points that somebody added stay."""
        del body
        services.agenda_refresh(meeting_id=meeting_id, actor=actor)


@extend_schema_view(
    post=extend_schema(
        operation_id="meetings_open", summary="Open a meeting: its agenda is frozen", request=None, responses=_ANSWERS
    )
)
class MeetingOpenView(MeetingAction):
    """Open."""

    def act(self, meeting_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Open the meeting."""
        del body
        services.meeting_open(meeting_id=meeting_id, actor=actor)


@extend_schema_view(
    post=extend_schema(
        operation_id="meetings_cancel", summary="Cancel a planned meeting", request=_WHY, responses=_ANSWERS
    )
)
class MeetingCancelView(MeetingAction):
    """Cancel."""

    names = frozenset({"reason"})

    def act(self, meeting_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Give up a meeting that was not opened."""
        services.meeting_cancel(meeting_id=meeting_id, actor=actor, reason=text_in(body, "reason"))


@extend_schema_view(
    post=extend_schema(
        operation_id="meetings_close", summary="Close a meeting for good", request=_SUMMARY, responses=_ANSWERS
    )
)
class MeetingCloseView(MeetingAction):
    """Close."""

    names = frozenset({"summary"})

    def act(self, meeting_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Close the meeting."""
        services.meeting_close(meeting_id=meeting_id, actor=actor, summary=text_in(body, "summary"))


@extend_schema_view(
    post=extend_schema(
        operation_id="meetings_attendance", summary="Record who is present", request=_PRESENT, responses=_ANSWERS
    )
)
class MeetingAttendanceView(MeetingAction):
    """Attendance."""

    names = frozenset({"people", "guests"})

    def act(self, meeting_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """Whoever is not named was not there."""
        people, guests = _names(body, "people"), _names(body, "guests")
        known = dict(get_user_model().objects.filter(username__in=people).values_list("username", "pk"))
        unknown = [name for name in people if name not in known]
        if unknown:
            raise InvalidInputError({"people": [f"Nobody has the user name “{unknown[0][:60]}”."]})
        services.attendance_set(meeting_id=meeting_id, actor=actor, people=list(known.values()), guests=guests)


@extend_schema_view(
    post=extend_schema(
        operation_id="meetings_items_add",
        summary="Add a point to a draft's agenda",
        request=_POINT,
        responses={201: MeetingSerializer, **refusals(400, 403, 404, 409)},
    )
)
class MeetingItemsView(MeetingAction):
    """Points."""

    names = frozenset({"title", "change"})
    status = status.HTTP_201_CREATED

    def act(self, meeting_id: int, body: Mapping[str, object], actor: Actor) -> None:
        """A change, or words."""
        change = body.get("change")
        if change is not None and (not isinstance(change, int) or isinstance(change, bool) or not 0 < change < 2**63):
            raise InvalidInputError({"change": ["change is the id of a change, a whole number."]})
        services.agenda_add(meeting_id=meeting_id, actor=actor, title=text_in(body, "title"), change_id=change)


class MeetingItemView(APIView):
    """One point."""

    @extend_schema(
        operation_id="meetings_items_remove", summary="Take a point off a draft's agenda", responses=_ANSWERS
    )
    def delete(self, request: Request, meeting_id: int, item_id: int) -> Response:
        """The answer is the meeting without it."""
        _own(meeting_id, item_id)
        services.agenda_remove(item_id=item_id, actor=request_actor(request))
        return Response(_shown(meeting_id))


class MeetingMinutesView(APIView):
    """The minutes of a point."""

    @extend_schema(
        operation_id="meetings_items_minute",
        summary="Write the minutes of a point",
        request=_MINUTES,
        responses=_ANSWERS,
    )
    def post(self, request: Request, meeting_id: int, item_id: int) -> Response:
        """What was said, and what became of it. This moves no change."""
        _own(meeting_id, item_id)
        body = body_of(request, {"minutes", "outcome", "deferred_to", "version"})
        services.item_minute(
            item_id=item_id,
            actor=request_actor(request),
            minutes=text_in(body, "minutes"),
            outcome=text_in(body, "outcome"),
            deferred_to=text_in(body, "deferred_to"),
            version=text_in(body, "version") or None,
        )
        return Response(_shown(meeting_id))


def _own(meeting_id: int, item_id: int) -> None:
    if not AgendaItem.objects.filter(pk=item_id, meeting_id=meeting_id).exists():
        raise NotFound(f"The meeting {meeting_id} has no point with the id {item_id}.")


def _names(body: Mapping[str, object], field: str) -> list[str]:
    given = body.get(field, [])
    if not isinstance(given, list) or any(not isinstance(name, str) for name in given):
        raise InvalidInputError({field: [f"{field} is a list of names."]})
    return [str(name) for name in given]
