from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.negotiation import FirstRenderer
from audit.api.parameters import FILTERS, FORMAT, PAGING
from audit.api.permissions import ReadsAudit
from audit.api.serializers import EventDetailSerializer, EventPageSerializer, EventSerializer
from audit.export import export_format, export_start
from audit.filters import EventFilter, only_value, whole_number
from audit.models import Event
from audit.retention.errors import EventArchivedError
from audit.retention.whereabouts import where_event_went
from audit.sealing.proof import proof_state
from audit.selectors import event_get, event_page

_REFUSED = {
    400: OpenApiResponse(description="An unknown filter or a value that cannot be read; `fields` names it."),
    401: OpenApiResponse(description="Nobody is signed in."),
    403: OpenApiResponse(description="The person holds no role that reads the log."),
}


class AuditView(APIView):
    """What all reading of the log has in common: JSON, and who may.

    A ``FilterError`` or ``ExportFormatError`` goes on to the exception handler, which answers 400.
    """

    http_method_names = ["get", "options"]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = FirstRenderer
    permission_classes = [IsAuthenticated, ReadsAudit]


class EventListView(AuditView):
    """The events, newest first."""

    @extend_schema(
        operation_id="audit_events_list",
        summary="List audit events",
        parameters=[*FILTERS, *PAGING],
        responses={200: EventPageSerializer, **_REFUSED},
    )
    def get(self, request: Request) -> Response:
        """A page of the audit log, newest first. Follow `next` for older events; there is no count.

        In a large log a page looks at a bounded number of events: `searched_to` then says where it stopped.
        """
        given = request.query_params
        event_filter = EventFilter.parse(given, besides=("before_id", "limit"))
        before = only_value("before_id", given)
        limit = only_value("limit", given)
        page = event_page(
            event_filter,
            before_id=whole_number("before_id", before) if before else None,
            size=whole_number("limit", limit) if limit else 50,
        )
        following = page.next_before_id and replace_query_param(
            request.build_absolute_uri(), "before_id", str(page.next_before_id)
        )
        proofs = proof_state(event.pk for event in page.events)
        rows = EventSerializer(page.events, many=True, context={"proofs": proofs}).data
        return Response({"next": following, "searched_to": page.searched_to, "results": rows})


class EventDetailView(AuditView):
    """One event."""

    @extend_schema(
        operation_id="audit_events_retrieve",
        summary="Retrieve an audit event",
        responses={
            200: EventDetailSerializer,
            **_REFUSED,
            404: OpenApiResponse(description="No event has this id."),
            410: OpenApiResponse(description="The event went to an archive; `detail` names it."),
        },
    )
    def get(self, request: Request, event_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One event with its body."""
        try:
            event = event_get(event_id)
        except Event.DoesNotExist:
            went = where_event_went(event_id)
            if went:
                raise EventArchivedError(went) from None
            raise NotFound(f"There is no audit event {event_id}.") from None
        return Response(EventDetailSerializer(event, context={"proofs": proof_state([event.pk])}).data)


class ExportView(AuditView):
    """The events as a file."""

    @extend_schema(
        operation_id="audit_export",
        summary="Export audit events",
        parameters=[FORMAT, *FILTERS],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/jsonl"): OpenApiTypes.STR,
            **_REFUSED,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All events that pass the filters, oldest first, streamed. The export itself becomes an event."""
        given = request.query_params
        event_filter = EventFilter.parse(given, besides=("format",))
        form = export_format(only_value("format", given))
        export = export_start(actor=request_actor(request), event_filter=event_filter, form=form)
        return StreamingHttpResponse(
            export.chunks,
            content_type=export.content_type,
            headers={
                "Content-Disposition": f'attachment; filename="{export.filename}"',
                "Cache-Control": "no-store",
                "X-Audit-Event": str(export.event_id),
            },
        )
