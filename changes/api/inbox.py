"""The inbox in the API: what waits for the caller, by the same queries as the page; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from django.db.models import BooleanField, Case, Model, Q, QuerySet, Value, When
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import BadFilterError
from changes.domain.risk.levels import RiskLevel
from changes.domain.states import ChangeType
from changes.domain.waiting import COUNTED, Work
from changes.models import ChangeRequest, OpenStage, ReviewAction, RunDecisionStep, TemplateVersion, ThreadWait
from changes.services.inboxes import waiting_counts
from changes.services.people import person_of
from changes.services.waiting import work_of
from devices.api.listing import MOMENT, WHOLE, ListQuery, Ordering, Orderings, Page, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.services.scrubbing import Scrubber


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004 - what the reader of a cursor expects
    return value


def _day(value: object) -> date:
    if not isinstance(value, str):
        raise ValueError(value)  # noqa: TRY004 - the same
    return date.fromisoformat(value)


def _by(column: str, read: Any = MOMENT) -> Orderings:  # noqa: ANN401 - one of the readers
    return {"since": Ordering(((column, read), ("id", WHOLE)))}


_HURRIED: Final = {"urgency": Ordering((("calm", _flag), ("asked_at", MOMENT), ("id", WHOLE)))}
_TASKS: Final[Mapping[Work, tuple[Orderings, tuple[str, ...]]]] = {
    Work.STEP: (_by("waits_since"), ("run__change",)),
    Work.THREAD: (_by("since"), ("thread__change",)),
    Work.REVIEW: (_by("submitted_at"), ("change",)),
    Work.TEMPLATE: (_by("proposed_at"), ("template",)),
    Work.ACTION: (_by("due_on", _day), ("review__change",)),
}
_ASKED: Final = frozenset({Work.DECIDE, Work.ASSESS, Work.DELEGATED})
_FILTERS: Final = {
    "type": f"One of: {', '.join(ChangeType)}.",
    "risk": f"One of: {', '.join(RiskLevel)}.",
    "urgency": "`urgent`: only what hurries.",
}
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "type": frozenset(ChangeType),
    "risk": frozenset(RiskLevel),
    "urgency": frozenset({"urgent"}),
}
_SHOWN: Final = ("title", "type", "state", "risk_level", "window_start", "window_end", "submitted_at", "created_at")

_COUNT = inline_serializer(
    "InboxCount",
    fields={
        "kind": serializers.ChoiceField(Work.choices()),
        "count": serializers.IntegerField(help_text=f"Counted to {COUNTED} at most."),
    },
)
_COUNTS = inline_serializer(
    "InboxCounts",
    fields={
        "results": serializers.ListField(child=_COUNT, help_text="Only kinds of which something waits, in their order.")
    },
)


class InboxItemSerializer(serializers.Serializer[dict[str, object]]):
    """One thing that waits for the caller."""

    id = serializers.IntegerField(
        help_text="Of the change, or of the step, thread, review, template version or action."
    )
    change = serializers.IntegerField(allow_null=True, help_text="Null: a version of a template waits, not a change.")
    number = serializers.CharField(help_text="The change's number, or the version's label.")
    title = serializers.CharField(help_text="The change's title, or the template's name.")
    type = serializers.CharField(help_text="Empty for a template version.")
    state = serializers.CharField()
    risk = serializers.CharField(help_text="Empty: not assessed.")
    text = serializers.CharField(help_text="What a step or an action asks, secrets masked; else empty.")
    since = serializers.CharField(help_text="Since when it waits, ISO 8601; of an action the day it is due.")
    urgent = serializers.BooleanField()
    window_start = serializers.DateTimeField(allow_null=True)
    window_end = serializers.DateTimeField(allow_null=True)
    waits_for = serializers.ListField(child=serializers.CharField(), help_text="Groups whose approval is lacking.")
    needed = serializers.IntegerField(help_text="How many approvals the open stage lacks; 0: none is asked.")


class InboxView(APIView):
    """What waits for the caller, counted."""

    @extend_schema(
        operation_id="inbox_counts", summary="Count what waits for you", responses={200: _COUNTS, **refusals(400)}
    )
    def get(self, request: Request) -> Response:
        """How much of each kind waits for the caller, as the inbox shows it."""
        ListQuery.read(request, orderings=_HURRIED)
        counts = waiting_counts(person_of(request_actor(request)))
        return Response({"results": [{"kind": kind, "count": counts[kind]} for kind in Work if kind in counts]})


class InboxKindView(APIView):
    """What waits for the caller, of one kind."""

    @extend_schema(
        operation_id="inbox_list",
        summary="List what waits for you",
        description="Urgent changes first, then the oldest. Read each plan, and approve its digest: one by one.",
        parameters=[
            OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=[kind.value for kind in Work]),
            *list_parameters(_FILTERS, _HURRIED),
        ],
        responses={200: page_of("InboxPage", InboxItemSerializer), **refusals(400, 404)},
    )
    def get(self, request: Request, kind: str) -> Response:
        """One page; filters are for kinds that are changes."""
        if kind not in set(Work):
            raise NotFound(f"There is no such kind of work. The kinds are: {', '.join(Work)}.")
        work, person = Work(kind), person_of(request_actor(request))
        orderings, related = _TASKS.get(work, (_HURRIED, ()))
        query = ListQuery.read(request, filters=() if work in _TASKS else tuple(_FILTERS), orderings=orderings)
        asked = _checked(query.only())
        rows: QuerySet[Any] | None = work_of(person, only=[work]).get(work)
        if rows is None:
            return Page((), "").response(request, [])
        rows = rows.select_related(*related) if work in _TASKS else _narrowed(rows, asked)
        found = page(rows, query, orderings)
        drawn = [_task(work, row) for row in found.rows] if work in _TASKS else _changes(work, found.rows)
        return found.response(request, drawn)


def _checked(asked: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in asked.items():
        if value not in _ALLOWED[name]:
            raise BadFilterError(name, f"{name} takes one of: {', '.join(sorted(_ALLOWED[name]))}.")
    return asked


def _narrowed(rows: QuerySet[Any], asked: Mapping[str, str]) -> QuerySet[Any]:
    columns = {"risk_level" if name == "risk" else name: value for name, value in asked.items() if name != "urgency"}
    if "urgency" in asked:
        rows = rows.filter(Q(urgent=True))
    calm = Case(When(urgent=True, then=Value(value=False)), default=Value(value=True), output_field=BooleanField())
    narrowed: QuerySet[Any] = rows.filter(**columns).annotate(calm=calm).only(*_SHOWN)
    return narrowed


def _changes(kind: Work, changes: Sequence[ChangeRequest]) -> list[dict[str, object]]:
    """One query more where a policy asks the caller."""
    stages: dict[int, list[OpenStage]] = {}
    asked = OpenStage.objects.filter(change__in=[change.pk for change in changes]) if kind in _ASKED else ()
    for row in asked:
        stages.setdefault(row.change_id, []).append(row)
    return [
        {
            **_of(change),
            "id": change.pk,
            "since": change.asked_at.isoformat(),  # type: ignore[attr-defined]  # it is annotated
            "urgent": change.urgent,  # type: ignore[attr-defined]  # the same
            "waits_for": sorted(row.group for row in stages.get(change.pk, ())),
            "needed": max((row.needed for row in stages.get(change.pk, ())), default=0),
        }
        for change in changes
    ]


def _task(kind: Work, row: Any) -> dict[str, object]:  # noqa: ANN401 - rows of several models
    """A row that is no change by itself."""
    column = next(iter(_TASKS[kind][0]["since"].columns))[0]
    of = _of_version(row) if isinstance(row, TemplateVersion) else _of(_change_of(row))
    return {**of, "id": _id_of(row), "text": _text(row), "since": getattr(row, column).isoformat()}


def _change_of(row: Model) -> ChangeRequest:
    if isinstance(row, ThreadWait):
        return row.thread.change
    if isinstance(row, RunDecisionStep):
        return row.run.change
    return row.review.change if isinstance(row, ReviewAction) else row.change  # type: ignore[attr-defined]


def _id_of(row: Model) -> int:
    return row.thread_id if isinstance(row, ThreadWait) else int(row.pk)


def _text(row: Model) -> str:
    said = row.title if isinstance(row, RunDecisionStep) else row.text if isinstance(row, ReviewAction) else ""
    return Scrubber.load().prose(said) if said else ""


def _of_version(version: TemplateVersion) -> dict[str, object]:
    named = {"change": None, "number": version.label, "title": version.template.name}
    return {**named, "type": "", "state": version.state, "risk": "", "window_start": None, "window_end": None, **_NONE}


def _of(change: ChangeRequest) -> dict[str, object]:
    return {
        "change": change.pk,
        "number": change.number,
        "title": change.title,
        "type": change.type,
        "state": change.state,
        "risk": change.risk_level,
        "window_start": change.window_start,
        "window_end": change.window_end,
        **_NONE,
    }


_NONE: Final[Mapping[str, object]] = {"text": "", "urgent": False, "waits_for": (), "needed": 0}
