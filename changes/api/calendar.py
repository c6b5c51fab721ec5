"""The change calendar: its entries, what stands against a window, waivers, free periods, starts by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from audit.api.actors import request_actor
from audit.errors import BadFilterError, UnknownFilterError
from audit.filters import only_value
from changes.api.actions import Body, ChangeAction
from changes.api.bodies import body_of
from changes.api.requests import Body as RequestBody
from changes.api.serializers import ChangeDetailSerializer
from changes.domain.calendar.conflicts import Conflict
from changes.domain.calendar.legality import Obstacle
from changes.domain.windows import Period, parse_window
from changes.selectors import change_get
from changes.services.calendar_entries import FILTERS, CalendarFilter, Marked, calendar_contents
from changes.services.conflicts import WAIVER_NAMES, Judgement, conflicts_waive, window_judge
from changes.services.scheduled_starts import start_ask, start_call_off
from changes.services.scheduling import slot_next
from changes.services.windows import database_now, window_of
from devices.api.openapi import refusals

LONGEST: Final = timedelta(days=100)
USUAL: Final = timedelta(days=31)
_USUAL_WINDOW: Final = timedelta(hours=1)
_SHOWN: Final = {200: ChangeDetailSerializer, **refusals(400, 403, 404, 409)}
_TIMES: Final = ("window_start", "window_end")
_YEARS: Final = (2000, 2100)


class PeriodSerializer(serializers.Serializer[Any]):
    """A time, in UTC; its end does not belong to it."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class CalendarEntrySerializer(PeriodSerializer):
    """Something in the calendar."""

    kind = serializers.CharField(help_text="`change`, `window`, `freeze` or `conflict`.")
    id = serializers.IntegerField(help_text="Of the change, the window or the freeze.")
    title = serializers.CharField()
    state = serializers.CharField(help_text="Of a change; `open` or `waived` for a conflict; else empty.")
    sentence = serializers.CharField(help_text="What there is to say of it, such as why the window is not legal.")
    devices = serializers.ListField(child=serializers.CharField(), help_text="Every device that the sentence is about.")
    change_ids = serializers.ListField(child=serializers.IntegerField())


class CalendarSerializer(serializers.Serializer[Any]):
    """A time of the calendar."""

    notes = serializers.ListField(child=serializers.CharField(), help_text="What is left out, and why.")
    results = CalendarEntrySerializer(many=True)


class ObstacleSerializer(serializers.Serializer[Any]):
    """A rule of the calendar that stands against a window."""

    code = serializers.CharField()
    sentence = serializers.CharField()
    devices = serializers.ListField(child=serializers.CharField())


class ConflictSerializer(serializers.Serializer[Any]):
    """What two changes share in the same time."""

    kind = serializers.CharField(help_text="`device`, `redundancy` or `site`.")
    change_id = serializers.IntegerField(help_text="The other change.")
    number = serializers.CharField()
    subject = serializers.CharField(help_text="The redundancy set or the site.")
    sentence = serializers.CharField()
    devices = serializers.ListField(child=serializers.CharField(), help_text="All devices of both changes.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    waived = serializers.BooleanField()


class JudgementSerializer(serializers.Serializer[Any]):
    """What the calendar says to a window of a change."""

    holds = serializers.BooleanField(help_text="Whether the window can be set.")
    obstacles = ObstacleSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())
    conflicts = ConflictSerializer(many=True)
    seen = serializers.CharField(help_text="Names these open conflicts; send it when you waive them.")


class SlotSerializer(serializers.Serializer[Any]):
    """The next free period, or why there is none."""

    window_start = serializers.DateTimeField(allow_null=True)
    window_end = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()


class WaiverBody(RequestBody):
    """Which conflicts may stand, and why."""

    window_start = serializers.DateTimeField()
    window_end = serializers.DateTimeField()
    seen = serializers.CharField(help_text="As GET …/conflicts/ gave it.")
    comment = serializers.CharField(help_text="Why; at least ten characters.")


def _parameters(**described: str) -> list[OpenApiParameter]:
    return [OpenApiParameter(name, str, description=text) for name, text in described.items()]


def _asked(request: Request, names: Sequence[str]) -> Mapping[str, str]:
    """The query parameters, each given once at most.

    Raises:
        UnknownFilterError: another name; the sentence lists the allowed ones.
    """
    for name in request.query_params:
        if name not in names:
            raise UnknownFilterError(name, names)
    found = {name: only_value(name, request.query_params) for name in names}
    return {name: value for name, value in found.items() if value}


def _moment(asked: Mapping[str, str], name: str, default: datetime) -> datetime:
    if name not in asked:
        return default
    try:
        found = datetime.fromisoformat(asked[name].replace(" ", "+"))
    except ValueError:
        raise BadFilterError(name, f"{name} takes a time such as 2026-11-21T22:00:00Z.") from None
    if not _YEARS[0] <= found.year <= _YEARS[1]:
        raise BadFilterError(name, f"{name} is a time from the year {_YEARS[0]} to {_YEARS[1]}.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class CalendarView(APIView):
    """The calendar."""

    @extend_schema(
        operation_id="calendar_list",
        summary="List what is in the calendar",
        parameters=_parameters(
            since="From this time on; by default now.", until="Before this time; by default 31 days later.",
            site="What concerns this site.", type="A change type.", state="Changes in this state.",
            show="One kind of entry: `change`, `window`, `freeze` or `conflict`.",
        ),
        responses={200: CalendarSerializer, **refusals(400)},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Changes with windows, recurring windows, freezes and conflicts of at most 100 days, by their start."""
        asked = _asked(request, ["since", "until", *FILTERS])
        since = _moment(asked, "since", database_now())
        until = _moment(asked, "until", since + USUAL)
        if not since < until <= since + LONGEST:
            raise BadFilterError("until", f"until is later than since, by at most {LONGEST.days} days.")
        found = calendar_contents(Period(since, until), CalendarFilter.read(asked))
        return Response({"notes": found.notes, "results": [_entry(each) for each in found.entries]})


class ConflictsView(APIView):
    """What stands against a window."""

    @extend_schema(
        operation_id="changes_conflicts",
        summary="Judge a window",
        parameters=_parameters(
            window_start="By default the change's own window, or the next hour.", window_end="The same."
        ),
        responses={200: JudgementSerializer, **refusals(400, 404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """What windows, freezes and other changes say to a window of a change. Nothing is written."""
        change = change_get(change_id)
        asked = _asked(request, _TIMES)
        given = {name: value.replace(" ", "+") for name, value in asked.items()}
        now = database_now()
        period = parse_window(given, now=now) if asked else window_of(change) or Period(now, now + _USUAL_WINDOW)
        return Response(_judgement(window_judge(change, period)))


class WaiveView(APIView):
    """Waive."""

    @extend_schema(
        operation_id="changes_waive",
        summary="Waive the conflicts of a window",
        request=WaiverBody,
        responses={201: JudgementSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """For change managers, CAB and ECAB without a hand in either change; for this window and these plans."""
        rows = conflicts_waive(change_id=change_id, actor=request_actor(request), data=body_of(request, WAIVER_NAMES))
        judged = window_judge(change_get(change_id), Period(rows[0].window_start, rows[0].window_end))
        return Response(_judgement(judged), status=status.HTTP_201_CREATED)


class SlotView(APIView):
    """The next free period."""

    @extend_schema(
        operation_id="changes_next_slot",
        summary="Find the next free period",
        parameters=_parameters(minutes="How long; by default 60.", after="Not before this time; by default now."),
        responses={200: SlotSerializer, **refusals(400, 404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """The next period within 90 days that is legal for all devices and in conflict with no other change."""
        change = change_get(change_id)
        asked = _asked(request, ["minutes", "after"])
        text = asked.get("minutes", "60")
        minutes = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
        found = slot_next(change, minutes=minutes, after=_moment(asked, "after", database_now()))
        start, end = (found.period.start, found.period.end) if found.period else (None, None)
        return Response({"window_start": start, "window_end": end, "sentence": found.sentence})


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_start_by_itself",
        summary="Have it start by itself",
        description="When the window of a scheduled change opens, as if you started it then. For implementers.",
        request=None,
        responses=_SHOWN,
    )
)
class StartByItselfView(ChangeAction):
    """Start by itself."""

    names = frozenset()

    def act(self, change_id: int, body: Body, actor: Actor) -> None:  # noqa: ARG002 - the base's signature
        """Order it."""
        start_ask(change_id=change_id, actor=actor)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_start_call_off",
        summary="Have it not start by itself",
        request=None,
        responses=_SHOWN,
    )
)
class StartCallOffView(ChangeAction):
    """Not by itself."""

    names = frozenset()

    def act(self, change_id: int, body: Body, actor: Actor) -> None:  # noqa: ARG002 - the base's signature
        """Call it off."""
        start_call_off(change_id=change_id, actor=actor)


def _entry(marked: Marked) -> dict[str, object]:
    entry = marked.entry
    return {
        "kind": entry.kind.value,
        "id": entry.key,
        "title": entry.title,
        "starts_at": entry.period.start,
        "ends_at": entry.period.end,
        "state": entry.state,
        "sentence": marked.sentence,
        "devices": marked.devices,
        "change_ids": marked.change_ids,
    }


def _judgement(judged: Judgement) -> dict[str, object]:
    still = set(judged.open)
    return {
        "holds": judged.holds,
        "obstacles": [_obstacle(each) for each in judged.legality.obstacles],
        "notes": judged.legality.notes,
        "conflicts": [_conflict(each, waived=each not in still) for each in judged.conflicts],
        "seen": judged.seen,
    }


def _obstacle(found: Obstacle) -> dict[str, object]:
    return {"code": found.code, "sentence": found.sentence, "devices": found.devices}


def _conflict(found: Conflict, *, waived: bool) -> dict[str, object]:
    return {
        "kind": found.kind.value,
        "change_id": found.other_key,
        "number": found.other_number,
        "subject": found.subject,
        "sentence": found.sentence,
        "devices": found.devices,
        "starts_at": found.overlap.start,
        "ends_at": found.overlap.end,
        "waived": waived,
    }
