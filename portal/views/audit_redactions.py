"""Redactions: the page that lists them, proposing one from an event, and deciding on it as another person."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from audit.errors import AuditError, FilterError, LogClosedError
from audit.filters import only_value, whole_number
from audit.models import Event
from audit.redaction.archived import Subject, subject_of
from audit.redaction.errors import RedactionNotFoundError
from audit.redaction.redacting import (
    LONGEST_REASON,
    SHORTEST_REASON,
    decides_redactions,
    redaction_carry_out,
    redaction_decline,
    redaction_propose,
    redaction_propose_everywhere,
    redactions_decide,
)
from audit.redaction.repeating import MOST_TOGETHER, elsewhere, proposed_together
from audit.redaction.selectors import (
    RedactionPage,
    RedactionSteps,
    redaction_get,
    redaction_page,
    repeated_in,
)
from audit.retention.holding import why_redaction_waits
from audit.retention.reminding import redactions_in_files
from audit.retention.whereabouts import where_event_went
from portal.presenters.audit_redactions import redactable_rows, redaction_row, redaction_texts
from portal.presenters.audit_tabs import audit_tabs
from portal.views.access import audit_reader, refused
from portal.views.acting import actor_of
from portal.views.posting import posted

CURSOR = "before_id"
EVERYWHERE, TOGETHER = "everywhere", "together"
NOT_YOURS = "Auditors and administrators carry redactions out. Who proposed one may withdraw it."


@require_safe
@audit_reader
def redactions(request: HttpRequest) -> HttpResponse:
    """All redactions, newest first."""
    problem, page = "", RedactionPage((), None)
    try:
        before = only_value(CURSOR, request.GET)
        page = redaction_page(before_id=whole_number(CURSOR, before) if before else None)
    except FilterError as error:
        problem = str(error)
    context = {
        "rows": [redaction_row(each) for each in page.rows],
        "problem": problem,
        "next_url": f"{request.path}?{CURSOR}={page.next_before_id}" if page.next_before_id else "",
        "first_url": request.path if CURSOR in request.GET else "",
        "tabs": audit_tabs("audit-redactions"),
        "crumbs": [{"label": "Audit", "url": reverse("audit-list")}, {"label": "Redactions", "url": ""}],
    }
    status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
    return render(request, "audit/redactions.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@audit_reader
def propose(request: HttpRequest, event_id: int) -> HttpResponse:
    """Choose texts of an event and say why they have to go."""
    event = subject_of(event_id)
    if event is None:
        raise Http404(f"There is no event {event_id}.")
    if request.method != "POST":
        return _proposal(request, event)
    chosen, reason = request.POST.getlist("paths"), request.POST.get("reason", "")
    asked: dict[str, Any] = {"actor": actor_of(request), "event_id": event_id, "paths": chosen, "reason": reason}
    try:
        made = redaction_propose_everywhere(**asked) if EVERYWHERE in request.POST else (redaction_propose(**asked),)
    except AuditError as error:
        return _proposal(request, event, problem=str(error), chosen=chosen, reason=reason)
    more = f" So are {len(made) - 1} more, each for an event that repeats a text." if made[1:] else ""
    messages.success(
        request, f"The redaction is proposed.{more} An auditor or administrator other than you carries it out."
    )
    return redirect("audit-redaction", made[0].pk)


def _proposal(
    request: HttpRequest, event: Subject, *, problem: str = "", chosen: list[str] | None = None, reason: str = ""
) -> HttpResponse:
    context = {
        "event_id": event.pk,
        "event_url": reverse("audit-detail", args=[event.pk]),
        "texts": [(row, row.path in (chosen or [])) for row in redactable_rows(event)],
        "repeated": [(other, reverse("audit-detail", args=[other])) for other in _repeated(event)],
        "elsewhere": elsewhere(event),
        "most": MOST_TOGETHER,
        "everywhere": EVERYWHERE in request.POST,
        "problem": problem,
        "reason": reason,
        "shortest": SHORTEST_REASON,
        "longest": LONGEST_REASON,
        "crumbs": [
            {"label": "Audit", "url": reverse("audit-list")},
            {"label": f"Event {event.pk}", "url": reverse("audit-detail", args=[event.pk])},
            {"label": "Redact", "url": ""},
        ],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return render(request, "audit/redact.html", context, status=status)


def _repeated(event: Subject) -> tuple[int, ...]:
    return repeated_in(event) if isinstance(event, Event) else ()


@require_safe
@audit_reader
def redaction(request: HttpRequest, redaction_id: int) -> HttpResponse:
    """One redaction, with what it takes out and what may be done about it."""
    try:
        return _page(request, redaction_get(redaction_id))
    except RedactionNotFoundError as error:
        raise Http404(str(error)) from None


def _page(request: HttpRequest, found: RedactionSteps, *, problem: str = "") -> HttpResponse:
    row = found.redaction
    event = Event.objects.filter(pk=row.event_id).first()  # it may have gone to an archive since
    own = row.proposed_by_id == request.user.pk
    decides = decides_redactions(request.user.pk)
    waits = row.state == "proposed"
    held = why_redaction_waits(row.event_id) if waits else ""
    together = len(proposed_together(row.pk)) if waits else 0
    context = {
        "row": redaction_row(found),
        "texts": redaction_texts(found, event),
        "archived": "" if event else where_event_went(row.event_id),
        "in_file": "" if event else redactions_in_files().get(row.pk, ""),
        "problem": problem,
        "may_carry_out": waits and decides and not own and not held,
        "held": "" if problem else held,
        "may_decline": waits and (decides or own),
        "together": together if together > 1 else 0,
        "all_of_them": f"all {together}",
        "own": own,
        "why_not": NOT_YOURS if waits and not decides and not own else "",
        "crumbs": [
            {"label": "Audit", "url": reverse("audit-list")},
            {"label": "Redactions", "url": reverse("audit-redactions")},
            {"label": str(row.pk), "url": ""},
        ],
    }
    status = HTTPStatus.CONFLICT if problem else HTTPStatus.OK
    return render(request, "audit/redaction.html", context, status=status)


@audit_reader
@posted("audit-redaction", "redaction_id")
def carry_out(request: HttpRequest, redaction_id: int) -> HttpResponse:
    """Take the texts out, as the second person."""
    return _decided(request, redaction_id, "carry-out")


@audit_reader
@posted("audit-redaction", "redaction_id")
def decline(request: HttpRequest, redaction_id: int) -> HttpResponse:
    """Leave the texts where they are."""
    return _decided(request, redaction_id, "decline")


def _decided(request: HttpRequest, redaction_id: int, what: str) -> HttpResponse:
    carries_out = what == "carry-out"
    said = request.POST.get("comment", "")
    asked: dict[str, Any] = {"actor": actor_of(request), "redaction_id": redaction_id, "comment": said}
    left: tuple[tuple[int, str], ...] = ()
    try:
        if TOGETHER in request.GET:
            left = redactions_decide(**asked, carry_out=carries_out)
        elif carries_out:
            redaction_carry_out(**asked)
        else:
            redaction_decline(**asked)
    except RedactionNotFoundError as error:
        raise Http404(str(error)) from None
    except LogClosedError:
        url = reverse("audit-redaction", args=[redaction_id])
        return refused(request, "This decision is not yours", NOT_YOURS, url=url, label="Back to the redaction")
    except AuditError as error:
        return _page(request, redaction_get(redaction_id), problem=str(error))
    messages.success(request, "The texts are gone from the log." if carries_out else "The texts stay where they are.")
    if left:
        messages.warning(
            request, f"{len(left)} of those that were proposed together stay open. Redaction {left[0][0]}: {left[0][1]}"
        )
    return redirect("audit-redaction", redaction_id)
