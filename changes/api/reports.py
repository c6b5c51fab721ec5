"""Reports and key figures: the frozen documents, the figures of a period, and the changes behind a figure."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import BadFilterError, UnknownFilterError
from changes.api.bodies import body_of, text_in
from changes.api.serializers import ChangeSerializer
from changes.domain.kpis.definitions import BY_KEY, ON_CHANGES
from changes.domain.reports.document import figures
from changes.domain.reports.periods import ReportKind
from changes.models import Report
from changes.services.kpis.counting import count_figures, kpi_changes
from changes.services.kpis.scope import SCOPE_FILTERS, Scope
from changes.services.kpis.targets import judged_kpis
from changes.services.reports.making import report_get, report_make
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_KINDS = f"One of: {', '.join(ReportKind)}."
_SCOPE = {
    "kind": f"The period. {_KINDS} Without it monthly.",
    "day": "A day of the period, as 2026-12-31; without it today.",
    "type": "Changes of this type.",
    "site": "Changes with a device at this site.",
    "template": "Changes from the template with this id.",
}
_PARTS = ("counted", "others", "all")


class ReportRowSerializer(serializers.ModelSerializer[Report]):
    """A report without its document."""

    made_by = serializers.CharField(source="made_by.username", allow_null=True, default=None)
    kind = serializers.ChoiceField(ReportKind.choices())

    class Meta:
        model = Report
        fields = [
            "id",
            "kind",
            "starts_on",
            "ends_on",
            "edition",
            "emergencies",
            "digest",
            "reason",
            "made_by",
            "made_at",
        ]
        read_only_fields = fields


class ReportDocumentSerializer(serializers.Serializer[Any]):
    """A report as it was made; ``document`` is what ``digest`` is the SHA-256 of, in canonical JSON (RFC 8785)."""

    digest = serializers.CharField()
    document = serializers.DictField(help_text="`schema` is countersign.report/1; see docs/reports.md.")


class FigureSerializer(serializers.Serializer[Any]):
    """One key figure with its definition; times are in seconds."""

    key = serializers.CharField()
    title = serializers.CharField()
    question = serializers.CharField()
    formula = serializers.CharField()
    numerator_is = serializers.CharField()
    denominator_is = serializers.CharField()
    unit = serializers.CharField()
    unit_words = serializers.CharField()
    numerator = serializers.IntegerField()
    denominator = serializers.IntegerField()
    text = serializers.CharField()
    counted = serializers.CharField()
    before_numerator = serializers.IntegerField()
    before_denominator = serializers.IntegerField()
    course = serializers.CharField()
    comparison = serializers.CharField()
    rag = serializers.CharField()
    rag_label = serializers.CharField()
    target = serializers.CharField(help_text="The bounds by which it is judged, in words.")


_REPORT_BODY = inline_serializer(
    "ReportRequest",
    fields={
        "kind": serializers.ChoiceField(ReportKind.choices()),
        "day": serializers.DateField(help_text="A day of the period, which must be over."),
        "comment": serializers.CharField(required=False, help_text="Needed for a further edition."),
    },
)
_FIGURES = inline_serializer(
    "KeyFigures",
    fields={
        "first": serializers.DateField(),
        "last": serializers.DateField(),
        "figures": FigureSerializer(many=True),
    },
)


class ReportListView(APIView):
    """Reports."""

    @extend_schema(
        operation_id="reports_list",
        summary="List reports",
        parameters=list_parameters({"kind": _KINDS}, _NEWEST_FIRST),
        responses={200: page_of("ReportPage", ReportRowSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Every report, newest first."""
        query = ListQuery.read(request, filters=("kind",), orderings=_NEWEST_FIRST)
        asked = query.only()
        if "kind" in asked and asked["kind"] not in set(ReportKind):
            raise BadFilterError("kind", f"kind takes one of: {', '.join(ReportKind)}.")
        rows = Report.objects.filter(**asked).select_related("made_by").defer("body")
        found = page(rows, query, _NEWEST_FIRST)
        return found.response(request, ReportRowSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="reports_make",
        summary="Make a report",
        request=_REPORT_BODY,
        responses={201: ReportRowSerializer, **refusals(400, 403, 409)},
    )
    def post(self, request: Request) -> Response:
        """Make the report of a period that is over. For change managers. A further edition needs a reason."""
        body = body_of(request, {"kind", "day", "comment"})
        kind, day, comment = (text_in(body, name) for name in ("kind", "day", "comment"))
        found = report_make(actor=request_actor(request), kind=kind, day=day, comment=comment)
        return Response(ReportRowSerializer(found).data, status=status.HTTP_201_CREATED)


class ReportDetailView(APIView):
    """One report."""

    @extend_schema(
        operation_id="reports_retrieve",
        summary="Retrieve a report",
        responses={200: ReportDocumentSerializer, **refusals(404, 409)},
    )
    def get(self, request: Request, report_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """The document, proved against its digest."""
        report, document = report_get(report_id)
        return Response({"digest": report.digest, "document": document})


class KpiView(APIView):
    """Key figures."""

    @extend_schema(
        operation_id="kpis_retrieve",
        summary="Retrieve the key figures of a period",
        parameters=[OpenApiParameter(name, OpenApiTypes.STR, description=about) for name, about in _SCOPE.items()],
        responses={200: _FIGURES, **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Each figure with its definition, beside the period before."""
        scope = _scope(request, SCOPE_FILTERS)
        found = count_figures(scope)
        rows = figures(list(judged_kpis().values()), found.now, found.before)["rows"]
        return Response({"first": scope.days.first, "last": scope.days.last, "figures": rows})


class KpiChangesView(APIView):
    """The changes behind a figure."""

    @extend_schema(
        operation_id="kpis_changes",
        summary="List the changes behind a figure",
        parameters=list_parameters(
            {**_SCOPE, "part": f"One of: {', '.join(_PARTS)}; without it those that count."}, _NEWEST_FIRST
        ),
        responses={200: page_of("KpiChangePage", ChangeSerializer), **refusals(400)},
        description=f"Figures with a list: {', '.join(sorted(ON_CHANGES))}.",
    )
    def get(self, request: Request, key: str) -> Response:
        """Exactly those that were counted, those that were not, or all."""
        query = ListQuery.read(request, filters=(*SCOPE_FILTERS, "part"), orderings=_NEWEST_FIRST)
        asked = query.only()
        part = asked.pop("part", "counted")
        if part not in _PARTS:
            raise BadFilterError("part", f"part takes one of: {', '.join(_PARTS)}.")
        if key not in BY_KEY:
            raise BadFilterError("key", f"There is no figure “{key}”. Known: {', '.join(BY_KEY)}.")
        scope = Scope.read(asked, timezone.now().date())
        found = page(kpi_changes(key, scope, part), query, _NEWEST_FIRST)  # type: ignore[arg-type]
        return found.response(request, ChangeSerializer(found.rows, many=True).data)


def _scope(request: Request, known: tuple[str, ...]) -> Scope:
    given = request.query_params
    for name in given:
        if name not in known:
            raise UnknownFilterError(name, list(known))
    values = {name: str(given.get(name, "")).strip() for name in given}
    return Scope.read({name: value for name, value in values.items() if value}, timezone.now().date())
