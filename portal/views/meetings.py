"""CAB meetings: the list, planning one, its agenda, its minutes, its end. The printed page is the same page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from audit.actor import Actor
from changes.domain.errors import InvalidInputError
from changes.domain.meetings import MeetingState, may_run_meeting
from changes.models import AgendaItem, Meeting
from changes.services import meetings as services
from portal.forms.decisions import with_findings
from portal.forms.meetings import CancelForm, CloseForm, MeetingForm, PointForm
from portal.pdf.libraries import why_no_pdf
from portal.pdf.making import PdfError
from portal.pdf.meetings import meeting_pdf as meeting_as_pdf
from portal.presenters.meetings import OUTCOMES, TONES, meeting_view
from portal.presenters.paging import older_page
from portal.presenters.visible import Mask
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE: Final = 25
_NUMBER = re.compile(r"(?:CHG-)?0*([1-9][0-9]{0,17})", re.IGNORECASE)


@require_safe
@signed_in
def meeting_list(request: HttpRequest) -> HttpResponse:
    """Every meeting, newest first, and the form for another one."""
    return _list(request, MeetingForm(initial={"chair": request.user.get_username()}), None)


@signed_in
@asked_or_sent
def meeting_plan(request: HttpRequest) -> HttpResponse:
    """Plan a meeting; its agenda is made from what waits."""
    if request.method != "POST":
        return redirect("meeting-list")
    data = {name: request.POST.get(name, "") for name in MeetingForm.base_fields}
    made: list[Meeting] = []
    refusal = attempt(lambda: made.append(services.meeting_plan(data=data, actor=actor_of(request))))
    if refusal:
        return _list(request, MeetingForm(request.POST), refusal)
    messages.success(request, "The meeting is planned, and its agenda is made from what waits now.")
    return redirect("meeting-detail", made[0].pk)


@require_safe
@signed_in
def meeting_detail(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """One meeting: its agenda, who was there, its minutes and the decisions that people took meanwhile."""
    return _page(request, meeting_id)


@signed_in
@asked_or_sent
def meeting_edit(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Another title, time or chair for a draft."""
    data = {name: request.POST.get(name, "") for name in MeetingForm.base_fields}
    return _do(
        request,
        meeting_id,
        lambda actor: services.meeting_edit(meeting_id=meeting_id, data=data, actor=actor),
        "The meeting is changed.",
    )


@signed_in
@asked_or_sent
def meeting_refresh(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Make a draft's agenda anew."""
    return _do(
        request,
        meeting_id,
        lambda actor: services.agenda_refresh(meeting_id=meeting_id, actor=actor),
        "The agenda is made anew from what waits now. Points that somebody added stayed.",
    )


@signed_in
@asked_or_sent
def meeting_point_add(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Put a change or a point of one's own on the agenda."""
    text = " ".join(request.POST.get("point", "").split())
    number = _NUMBER.fullmatch(text)
    change_id = int(number[1]) if number else None
    return _do(
        request,
        meeting_id,
        lambda actor: services.agenda_add(
            meeting_id=meeting_id, actor=actor, title="" if change_id else text, change_id=change_id
        ),
        "The point is on the agenda.",
    )


@signed_in
@asked_or_sent
def meeting_point_remove(request: HttpRequest, meeting_id: int, item_id: int) -> HttpResponse:
    """Take a point off a draft's agenda."""
    get_object_or_404(AgendaItem, pk=item_id, meeting_id=meeting_id)
    return _do(
        request,
        meeting_id,
        lambda actor: services.agenda_remove(item_id=item_id, actor=actor),
        "The point is off the agenda.",
    )


@signed_in
@asked_or_sent
def meeting_open(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Open a meeting; its agenda is frozen."""
    return _do(
        request,
        meeting_id,
        lambda actor: services.meeting_open(meeting_id=meeting_id, actor=actor),
        "The meeting is open, and its agenda is frozen.",
    )


@signed_in
@asked_or_sent
def meeting_attendance(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Record who is present."""
    given = [text for text in request.POST.getlist("person")[:500] if text.isascii() and text.isdigit()]
    people = [int(text) for text in given if len(text) < 10]
    guests, version = request.POST.get("guests", "").splitlines(), request.POST.get("version")
    return _do(
        request,
        meeting_id,
        lambda actor: services.attendance_set(
            meeting_id=meeting_id, actor=actor, people=people, guests=guests, version=version
        ),
        "Who is present is recorded.",
    )


@signed_in
@asked_or_sent
def meeting_minute(request: HttpRequest, meeting_id: int, item_id: int) -> HttpResponse:
    """Write down what was said about a point."""
    get_object_or_404(AgendaItem, pk=item_id, meeting_id=meeting_id)
    given = {name: request.POST.get(name, "") for name in ("minutes", "outcome", "deferred_to")}
    version = request.POST.get("version")
    return _do(
        request,
        meeting_id,
        lambda actor: services.item_minute(item_id=item_id, actor=actor, version=version, **given),
        "The minutes are kept.",
        anchor=f"item-{item_id}",
        typed={item_id: given},
    )


@signed_in
@asked_or_sent
def meeting_cancel(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Give up a meeting that was not opened."""
    reason = request.POST.get("reason", "")
    return _do(
        request,
        meeting_id,
        lambda actor: services.meeting_cancel(meeting_id=meeting_id, actor=actor, reason=reason),
        "The meeting is canceled. It stays on record with its reason.",
    )


@require_safe
@signed_in
def meeting_pdf(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """The meeting on paper; where no PDF can be made, its page says why."""
    meeting = get_object_or_404(Meeting.objects.select_related("chair"), pk=meeting_id)
    try:
        data, name = meeting_as_pdf(meeting, viewer(request))
    except PdfError as error:
        return _page(request, meeting_id, problem=str(error))
    response = HttpResponse(data, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@signed_in
@asked_or_sent
def meeting_close(request: HttpRequest, meeting_id: int) -> HttpResponse:
    """Close a meeting for good."""
    summary = request.POST.get("summary", "")
    return _do(
        request,
        meeting_id,
        lambda actor: services.meeting_close(meeting_id=meeting_id, actor=actor, summary=summary),
        "The meeting is closed. The decisions that people took meanwhile are linked to its points.",
        summary=summary,
    )


def _do(
    request: HttpRequest,
    meeting_id: int,
    act: Callable[[Actor], object],
    said: str,
    *,
    anchor: str = "",
    typed: dict[int, dict[str, str]] | None = None,
    summary: str = "",
) -> HttpResponse:
    """Do what a button of the meeting's page asks for; a refusal is shown there, and what was typed stays."""
    here = reverse("meeting-detail", args=[meeting_id])
    if request.method != "POST":
        return redirect(here)
    refusal = attempt(lambda: act(actor_of(request)))
    if refusal:
        return _page(request, meeting_id, refusal=refusal, typed=typed, summary=summary)
    messages.success(request, said)
    return redirect(f"{here}#{anchor}" if anchor else here)


def _page(
    request: HttpRequest,
    meeting_id: int,
    *,
    refusal: Refusal | None = None,
    typed: dict[int, dict[str, str]] | None = None,
    summary: str = "",
    problem: str = "",
) -> HttpResponse:
    rows = Meeting.objects.select_related("chair", "planned_by")
    meeting = get_object_or_404(rows, pk=meeting_id)
    mask = Mask.load()
    view = meeting_view(meeting, viewer(request), mask, typed)
    point = PointForm(initial={"point": request.POST.get("point", "") if refusal else ""})
    if refusal and "point" in request.POST:
        found = [sentence for sentences in refusal.fields.values() for sentence in sentences]
        with_findings(point := PointForm(request.POST), {"point": found})
    context: dict[str, Any] = {
        "view": view,
        "meeting": meeting,
        "refusal": refusal,
        "outcomes": OUTCOMES,
        "point_form": point,
        "close_form": CloseForm(initial={"summary": summary}),
        "cancel_form": _cancel_form(request, refusal),
        "problem": problem,
        "summary": mask.prose(meeting.summary),
        "cancel_reason": mask.prose(meeting.cancel_reason),
        "no_pdf": why_no_pdf(),
        "edit_form": MeetingForm(
            initial={
                "title": meeting.title,
                "starts_at": meeting.starts_at.strftime("%Y-%m-%dT%H:%M"),
                "chair": meeting.chair.get_username(),
            }
        ),
        "printed_at": timezone.now(),
        "crumbs": [{"label": "CAB meetings", "url": reverse("meeting-list")}, {"label": str(meeting), "url": ""}],
    }
    return render(
        request, "meetings/detail.html", context, status=refusal.status if refusal else 503 if problem else 200
    )


def _cancel_form(request: HttpRequest, refusal: Refusal | None) -> CancelForm:
    if refusal is None or "reason" not in request.POST:
        return CancelForm()
    form = CancelForm(request.POST)
    with_findings(form, {"reason": refusal.fields["reason"]} if "reason" in refusal.fields else {})
    return form


def _list(request: HttpRequest, form: MeetingForm, refusal: Refusal | None) -> HttpResponse:
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, Meeting.objects.select_related("chair").order_by("-pk"), size=PAGE)
    except InvalidInputError as error:
        url = reverse("meeting-list")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="CAB meetings")
    if refusal:
        with_findings(form, refusal.fields)
    verdict = may_run_meeting(viewer(request))
    context = {
        "form": form,
        "refusal": refusal,
        "page": page,
        "rows": [
            {"meeting": row, "label": MeetingState(row.state).label, "tone": TONES[MeetingState(row.state)]}
            for row in page.rows
        ],
        "verdict": verdict,
        "crumbs": [{"label": "CAB meetings", "url": ""}],
    }
    return render(request, "meetings/list.html", context, status=refusal.status if refusal else 200)
