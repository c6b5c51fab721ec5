"""Retention: legal holds, periods, the archives that older events went to, and the tests that those can be read."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.contrib import messages
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.errors import AuditError
from audit.models import Archive, LegalHold, RetrievalTest
from audit.retention.errors import HoldNotFoundError, HoldStateError, RetentionRefusedError
from audit.retention.holds import FIELDS, hold_decline_release, hold_place, hold_propose_release, hold_release
from audit.retention.periods import period_set
from audit.retention.reminding import reminders
from audit.retention.vocabulary import RetentionClass
from audit.retention.waiting import waiting_redactions
from portal.forms.retention import HoldForm
from portal.pdf.libraries import why_no_pdf
from portal.pdf.making import PdfError, pdf_of
from portal.presenters.audit_tabs import audit_tabs
from portal.presenters.retention import archive_rows, hold_rows, period_rows, test_detail, test_rows
from portal.views.access import audit_reader, refused, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted

LISTED = 50


@require_safe
@audit_reader
def retention(request: HttpRequest) -> HttpResponse:
    """Everything about it on one page."""
    return _page(request)


@audit_reader
@posted("retention")
def hold_new(request: HttpRequest) -> HttpResponse:
    """Place a hold."""
    given = {name: request.POST.get(name, "") for name in FIELDS}
    try:
        hold = hold_place(actor=actor_of(request), given=given)
    except AuditError as error:
        return _page(request, problem=error, form=HoldForm(request.POST))
    messages.success(request, f"The hold {hold.matter} is placed. It ends when two people release it.")
    return redirect("retention")


@audit_reader
@posted("retention")
def hold_propose(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Propose that a hold ends."""
    return _step(
        request,
        lambda: hold_propose_release(actor=actor_of(request), hold_id=hold_id, reason=request.POST.get("comment", "")),
        "The release is proposed. The hold stays until somebody else agrees.",
    )


@audit_reader
@posted("retention")
def hold_decline(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Decline a release, or take one's own proposal back."""
    return _step(
        request,
        lambda: hold_decline_release(actor=actor_of(request), hold_id=hold_id, reason=request.POST.get("comment", "")),
        "The hold stays.",
    )


@audit_reader
@posted("retention")
def hold_end(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Agree to a release that somebody else proposed."""
    return _step(request, lambda: hold_release(actor=actor_of(request), hold_id=hold_id), "The hold is released.")


@audit_reader
@posted("retention")
def period_change(request: HttpRequest) -> HttpResponse:
    """Set how long events of a class stay."""
    given = {name: request.POST.get(name, "") for name in ("retention_class", "days", "reason")}
    try:
        period_set(actor=actor_of(request), **given)
    except AuditError as error:
        return _page(request, problem=error, period=given)
    messages.success(request, "The period is set.")
    return redirect("retention")


@require_safe
@audit_reader
def retrieval_test_detail(request: HttpRequest, test_id: int) -> HttpResponse:
    """The report of one retrieval test."""
    return _report(request, _test(test_id))


@require_safe
@audit_reader
def retrieval_test_pdf(request: HttpRequest, test_id: int) -> HttpResponse:
    """The same as PDF; where none can be made, the page says why."""
    test = _test(test_id)
    try:
        data = pdf_of(render_to_string("audit/retrieval_test_pdf.html", {"test": test_detail(test)}))
    except PdfError as error:
        return _report(request, test, problem=str(error))
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="countersign-retrieval-test-{test.pk}.pdf"'
    return response


def _step(request: HttpRequest, step: Callable[[], object], done: str) -> HttpResponse:
    try:
        step()
    except AuditError as error:
        return _page(request, problem=error)
    messages.success(request, done)
    return redirect("retention")


def _test(test_id: int) -> RetrievalTest:
    test = RetrievalTest.objects.filter(pk=test_id).first()
    if test is None:
        raise Http404(f"There is no retrieval test {test_id}.")
    return test


def _report(request: HttpRequest, test: RetrievalTest, *, problem: str = "") -> HttpResponse:
    context = {
        "test": test_detail(test),
        "no_pdf": why_no_pdf(),
        "problem": problem,
        "pdf_url": reverse("retrieval-test-pdf", args=[test.pk]),
        "crumbs": [
            {"label": "Audit", "url": reverse("audit-list")},
            {"label": "Retention", "url": reverse("retention")},
            {"label": f"Retrieval test {test.pk}", "url": ""},
        ],
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
    return render(request, "audit/retrieval_test.html", context, status=status)


def _page(
    request: HttpRequest,
    *,
    problem: AuditError | None = None,
    form: HoldForm | None = None,
    period: dict[str, str] | None = None,
) -> HttpResponse:
    if isinstance(problem, RetentionRefusedError):
        url = reverse("retention")
        return refused(request, "This is not yours to do", str(problem), url=url, label="Retention")
    person = viewer(request)
    released = LegalHold.objects.filter(state="released").order_by("-pk")
    context = {
        "problem": str(problem) if problem else "",
        "form": form or HoldForm(),
        "form_open": form is not None,
        "holds": hold_rows([*LegalHold.objects.holding().order_by("-pk"), *released[:LISTED]], person),
        "may_hold": not person.roles.isdisjoint({"auditor", "administrator"}),
        "periods": period_rows(),
        "may_set": "administrator" in person.roles,
        "period": period,
        "classes": [(each.value, each.label) for each in RetentionClass],
        "waiting": _waiting(),
        "reminders": reminders(),
        "archives": archive_rows(Archive.objects.order_by("-pk")[:LISTED]),
        "tests": test_rows(RetrievalTest.objects.order_by("-pk")[:LISTED]),
        "tabs": audit_tabs("retention"),
        "crumbs": [{"label": "Audit", "url": reverse("audit-list")}, {"label": "Retention", "url": ""}],
    }
    return render(request, "audit/retention.html", context, status=_status(problem))


def _waiting() -> list[tuple[str, str]]:
    """Proposed redactions that keep events from an archive: what to say of each, and its page."""
    with connection.cursor() as cursor:
        found = waiting_redactions(cursor)
    return [(each.sentence, reverse("audit-redaction", args=[each.redaction_id])) for each in found]


def _status(problem: AuditError | None) -> HTTPStatus:
    if problem is None:
        return HTTPStatus.OK
    if isinstance(problem, HoldNotFoundError):
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.CONFLICT if isinstance(problem, HoldStateError) else HTTPStatus.BAD_REQUEST
