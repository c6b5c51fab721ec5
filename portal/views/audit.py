"""The audit explorer and its exports, for those who may read the log."""

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from audit.errors import AuditError, FilterError
from audit.export import ExportFormat, export_format, export_start
from audit.filters import EventFilter, only_value, whole_number
from audit.models import Event, SavedSearch
from audit.retention.whereabouts import archived_until, where_change_went, where_event_went
from audit.sealing.proof import event_proof, proof_state
from audit.selectors import EXAMINED, EventPage, event_get, event_page
from changes.trail import references_of
from portal.forms.filters import EventFilterForm, MoreEventFiltersForm, in_words_of_the_page
from portal.presenters.audit_pages import event_detail, event_rows
from portal.presenters.audit_proofs import checked_mark
from portal.presenters.audit_redactions import event_texts
from portal.presenters.audit_tabs import audit_tabs
from portal.presenters.audit_trail import evidence_links
from portal.views.access import audit_reader, refused
from portal.views.acting import actor_of

PAGE = 50
CURSOR = "before_id"
MOST_DIGITS = 19


@require_safe
@audit_reader
def audit_list(request: HttpRequest) -> HttpResponse:
    """The audit log, newest first; a filter that cannot be used is answered with 400."""
    problem, page = "", EventPage((), None)
    try:
        page = _page(_as_the_log_reads_it(request.GET))
    except FilterError as error:
        problem = in_words_of_the_page(error)
    asked = {name: values for name, values in request.GET.lists() if name != CURSOR and any(values)}
    more = MoreEventFiltersForm(asked)
    change_id = _change_asked_for(request)
    went = where_change_went(change_id) if change_id and not page.next_before_id else ""
    return render(
        request,
        "audit/list.html",
        {
            "form": EventFilterForm(asked),
            "more_form": more,
            "more_open": any(name in more.fields for name in asked),
            "problem": problem,
            "filtered": bool(asked),
            "rows": event_rows(page.events, proof_state(event.pk for event in page.events)),
            "searched_to": page.searched_to,
            "archived_until": None if page.next_before_id or problem else archived_until(),
            "examined": EXAMINED,
            "saved": SavedSearch.objects.open_to(request.user.pk or 0),
            "keepable": [] if problem else _keepable(request),
            "went": went,
            "trail_url": _trail_url(change_id) if page.events or page.searched_to or went else "",
            "next_url": _url(request, {CURSOR: str(page.next_before_id)}) if page.next_before_id else "",
            "first_url": _url(request) if CURSOR in request.GET else "",
            "exports": [] if problem else _exports(request),
            "list_url": reverse("audit-list"),
            "tabs": audit_tabs("audit-list"),
            "crumbs": [{"label": "Audit", "url": ""}],
        },
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
    )


def _as_the_log_reads_it(given: QueryDict) -> QueryDict:
    """The query with a change as people name it, ``CHG-00042``, turned into its id."""
    query = QueryDict(mutable=True)
    for name, values in given.lists():
        query.setlist(name, values)
    typed = query.getlist("change_id")
    number = typed[0].strip().upper().removeprefix("CHG-").lstrip("0") if len(typed) == 1 else ""
    if number:
        query["change_id"] = number
    return query


def _page(query: QueryDict) -> EventPage:
    """The events that are asked for.

    Raises:
        FilterError: a filter that does not exist, or a value that it cannot have.
    """
    wanted = EventFilter.parse(query, besides=(CURSOR,))
    before = only_value(CURSOR, query)
    return event_page(wanted, before_id=whole_number(CURSOR, before) if before else None, size=PAGE)


def _url(request: HttpRequest, cursor: dict[str, str] | None = None) -> str:
    query = request.GET.copy()
    query.pop(CURSOR, None)
    query.update(cursor or {})
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _keepable(request: HttpRequest) -> list[tuple[str, str]]:
    """The filters that are set, as fields of the form that saves them."""
    return [(name, str(value)) for name, value in _as_the_log_reads_it(request.GET).items() if value and name != CURSOR]


def _trail_url(change_id: int) -> str:
    return reverse("audit-trail", args=[change_id]) if change_id else ""


def _change_asked_for(request: HttpRequest) -> int:
    """The change that the filters name; 0 where they name none."""
    given = _as_the_log_reads_it(request.GET).get("change_id", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < MOST_DIGITS else 0


def _exports(request: HttpRequest) -> list[dict[str, str]]:
    """The addresses that export what the filters choose."""
    labels = {ExportFormat.CSV: "CSV", ExportFormat.JSONL: "JSON Lines", ExportFormat.OPENINGS: "texts"}
    exports = []
    for form, label in labels.items():
        query = request.GET.copy()
        query.pop(CURSOR, None)
        query["format"] = form.value
        exports.append({"label": label, "url": f"{reverse('audit-export')}?{query.urlencode()}"})
    return exports


@require_safe
@audit_reader
def audit_detail(request: HttpRequest, event_id: int) -> HttpResponse:
    """One event with everything that it says, and its exact bytes."""
    try:
        event = event_get(event_id)
    except Event.DoesNotExist:
        went = where_event_went(event_id)
        if went:
            title, back = "This event went to an archive", reverse("audit-redact", args=[event_id])
            return refused(request, title, went, status=HTTPStatus.GONE, url=back, label="Redact its texts")
        raise Http404(f"There is no event {event_id}.") from None
    older = Event.objects.filter(pk__lt=event.pk).order_by("-pk").values_list("pk", flat=True).first()
    newer = Event.objects.filter(pk__gt=event.pk).order_by("pk").values_list("pk", flat=True).first()
    return render(
        request,
        "audit/detail.html",
        {
            "event": event_detail(event, proof_state([event.pk])[event.pk]),
            "evidence": evidence_links(event.change_id, references_of(event)) if event.change_id else (),
            "texts": event_texts(event),
            "checked": checked_mark(event_proof(event.pk)),
            "older_url": reverse("audit-detail", args=[older]) if older else "",
            "newer_url": reverse("audit-detail", args=[newer]) if newer else "",
            "crumbs": [{"label": "Audit", "url": reverse("audit-list")}, {"label": f"Event {event.pk}", "url": ""}],
        },
    )


@require_GET
@audit_reader
def audit_export(request: HttpRequest) -> HttpResponseBase:
    """The events that the filters choose, streamed as CSV or JSON Lines; the export is itself an event."""
    query = _as_the_log_reads_it(request.GET)
    try:
        form = export_format(only_value("format", query))
        wanted = EventFilter.parse(query, besides=("format",))
    except AuditError as error:
        title, back = "This export cannot be made", reverse("audit-list")
        return refused(request, title, str(error), status=400, url=back, label="Back to the audit log")
    export = export_start(actor=actor_of(request), event_filter=wanted, form=form)
    headers = {
        "Content-Disposition": f'attachment; filename="{export.filename}"',
        "X-Audit-Event": str(export.event_id),
    }
    return StreamingHttpResponse(export.chunks, content_type=export.content_type, headers=headers)
