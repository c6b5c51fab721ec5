from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.errors import AuditError
from audit.export import export_format, export_start
from audit.filters import EventFilter
from audit.models import Event
from audit.selectors import event_get, event_page
from portal.forms.filters import EventFilterForm, MoreEventFiltersForm
from portal.presenters.audit_pages import event_detail, event_rows
from portal.views.access import audit_reader
from portal.views.acting import actor_of

PAGE = 50


def _filters(given: QueryDict) -> QueryDict:
    """The query as the log reads it: a change may be named as people say it, ``CHG-00042``."""
    query = given.copy()
    number = query.get("change_id", "").strip().upper()
    if number.startswith("CHG-"):
        query["change_id"] = number.removeprefix("CHG-").lstrip("0")
    return query


@require_safe
@audit_reader
def audit_list(request: HttpRequest) -> HttpResponse:
    """The audit log, newest first; a filter that cannot be used is answered with 400."""
    problem, rows, next_url = "", [], ""
    query = _filters(request.GET)
    try:
        wanted = EventFilter.parse(query, besides=("before_id",))
        before = query.get("before_id", "")
        page = event_page(wanted, before_id=int(before) if before.isdecimal() else None, size=PAGE)
        rows = event_rows(page.events)
        if page.next_before_id:
            further = request.GET.copy()
            further["before_id"] = str(page.next_before_id)
            next_url = f"{request.path}?{further.urlencode()}"
    except AuditError as error:
        problem = str(error)
    asked = {name: values for name, values in request.GET.lists() if name != "before_id" and any(values)}
    narrowed = request.GET.copy()
    narrowed.pop("before_id", None)
    return render(
        request,
        "audit/list.html",
        {
            "form": EventFilterForm(asked),
            "more_form": MoreEventFiltersForm(asked),
            "more_open": any(name in MoreEventFiltersForm.base_fields for name in asked),
            "problem": problem,
            "filtered": bool(asked),
            "rows": rows,
            "next_url": next_url,
            "first_url": f"{request.path}?{narrowed.urlencode()}" if "before_id" in request.GET else "",
            "export_query": narrowed.urlencode(),
            "list_url": reverse("audit-list"),
            "crumbs": [{"label": "Audit", "url": ""}],
        },
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
    )


@require_safe
@audit_reader
def audit_detail(request: HttpRequest, event_id: int) -> HttpResponse:
    """One event with everything that it says, and its exact bytes."""
    try:
        event = event_get(event_id)
    except (Event.DoesNotExist, OverflowError):
        raise Http404(f"There is no event {event_id}.") from None
    return render(
        request,
        "audit/detail.html",
        {
            "event": event_detail(event),
            "crumbs": [{"label": "Audit", "url": reverse("audit-list")}, {"label": f"Event {event.pk}", "url": ""}],
        },
    )


@require_safe
@audit_reader
def audit_export(request: HttpRequest) -> HttpResponseBase:
    """The events that the filters choose, streamed as CSV or JSON Lines; the export is itself an event."""
    query = _filters(request.GET)
    try:
        form = export_format(query.get("format", "csv"))
        wanted = EventFilter.parse(query, besides=("format",))
    except AuditError as error:
        return render(
            request,
            "account/refused.html",
            {
                "title": "This export cannot be made",
                "sentence": str(error),
                "url": reverse("audit-list"),
                "label": "Back",
            },
            status=HTTPStatus.BAD_REQUEST,
        )
    export = export_start(actor=actor_of(request), event_filter=wanted, form=form)
    response = StreamingHttpResponse(export.chunks, content_type=export.content_type)
    response["Content-Disposition"] = f'attachment; filename="{export.filename}"'
    return response
