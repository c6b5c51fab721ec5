"""Reports: their list, one of them as page or PDF, and having one made."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.reports.periods import ReportKind
from changes.domain.reviews import rules
from changes.errors import ChangeNotFoundError, ConflictError
from changes.models import Report
from changes.services.reports.making import report_make as make
from portal.forms.decisions import with_findings
from portal.forms.reports import ReportForm
from portal.pdf.libraries import why_no_pdf
from portal.pdf.making import PdfError
from portal.pdf.reports import report_context
from portal.pdf.reports import report_pdf as report_as_pdf
from portal.presenters.paging import older_page
from portal.presenters.report_tabs import report_tabs
from portal.presenters.reports import report_rows
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE = 50


@require_safe
@signed_in
def report_list(request: HttpRequest) -> HttpResponse:
    """Every report, newest first; ``?kind=`` narrows them. Below, the form to have one made."""
    return _list(request, ReportForm(), None)


@signed_in
@posted("report-list")
def report_make(request: HttpRequest) -> HttpResponse:
    """Make one and go there."""
    form = ReportForm(request.POST)
    kind, day, comment = (request.POST.get(name, "") for name in ("kind", "day", "comment"))
    made: list[int] = []
    refusal = attempt(lambda: made.append(make(actor=actor_of(request), kind=kind, day=day, comment=comment).pk))
    if refusal:
        return _list(request, form, refusal)
    return redirect("report-detail", made[0])


def _list(request: HttpRequest, form: ReportForm, refusal: Refusal | None) -> HttpResponse:
    try:
        asked = asked_for(request.GET, ["kind", "before"])
        kind = _kind(asked.get("kind", [""])[0])
        rows = Report.objects.select_related("made_by").defer("body").order_by("-pk")
        page = older_page(request, rows.filter(kind=kind) if kind else rows, size=PAGE)
    except InvalidInputError as error:
        url = reverse("report-list")
        return refused(request, "This list does not exist", str(error), status=400, url=url, label="Reports")
    if refusal:
        with_findings(form, refusal.fields)
    path = reverse("report-list")
    kinds = [{"label": "All", "url": path, "current": not kind}]
    kinds += [{"label": item.label, "url": f"{path}?kind={item}", "current": item == kind} for item in ReportKind]
    context = {
        "rows": report_rows(page.rows),
        "page": page,
        "kinds": kinds,
        "form": form,
        "refusal": refusal,
        "verdict": rules.may_make_report(viewer(request)),
        "tabs": report_tabs("report-list"),
        "crumbs": [{"label": "Reports", "url": ""}],
    }
    return render(request, "reports/list.html", context, status=refusal.status if refusal else 200)


def _kind(value: str) -> str:
    if value and value not in set(ReportKind):
        raise InvalidInputError({"kind": [f"“{value}” is no report. Use one of: {', '.join(ReportKind)}."]})
    return value


@require_safe
@signed_in
def report_detail(request: HttpRequest, report_id: int) -> HttpResponse:
    """One report, printable."""
    return _page(request, report_id)


@require_safe
@signed_in
def report_pdf(request: HttpRequest, report_id: int) -> HttpResponse:
    """The same as PDF; where none can be made, the page says why."""
    try:
        data, name = report_as_pdf(report_id)
    except PdfError as error:
        return _page(request, report_id, problem=str(error), status=503)
    except (ChangeNotFoundError, ConflictError):
        return _page(request, report_id)
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _page(request: HttpRequest, report_id: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    try:
        found = report_context(report_id)
    except ChangeNotFoundError as error:
        return refused(
            request, "There is no such report", str(error), status=404, url=reverse("report-list"), label="Reports"
        )
    except ConflictError as error:
        return refused(
            request, "This report cannot be shown", str(error), status=409, url=reverse("report-list"), label="Reports"
        )
    missing = why_no_pdf()
    context = {
        **found,
        "no_pdf": missing,
        "problem": "" if missing else problem,
        "crumbs": [
            {"label": "Reports", "url": reverse("report-list")},
            {"label": found["document"]["name"], "url": ""},
        ],
    }
    return render(request, "reports/report.html", context, status=status)
