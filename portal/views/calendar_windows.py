"""Recurring maintenance windows: which there are, and the pages to declare, edit and lift one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from changes.domain.calendar.rights import may_set_windows
from changes.domain.calendar.rules import RuleError
from changes.domain.calendar.zones import wall_clock, zone_names
from changes.domain.errors import InvalidInputError
from changes.models import MaintenanceWindow, ScheduleProblem
from changes.services import maintenance_windows as services
from changes.services.calendar import recurring
from portal.forms.calendar import RecurringWindowForm, under_fields, window_data, window_initial
from portal.forms.decisions import with_findings
from portal.forms.freezes import LiftForm
from portal.presenters.paging import older_page
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE: Final = 50
_COMING: Final = timedelta(days=400)
_SHOWN: Final = 6


@require_safe
@signed_in
def windows(request: HttpRequest) -> HttpResponse:
    """Every recurring window, newest first, and the form for another one."""
    return _list_page(request, RecurringWindowForm(), None)


@signed_in
@asked_or_sent
def window_declare(request: HttpRequest) -> HttpResponse:
    """Declare one."""
    if request.method != "POST":
        return redirect("calendar-windows")
    refusal = attempt(lambda: services.window_declare(actor=actor_of(request), data=window_data(request.POST)))
    return _done(request, refusal, "The window is declared.", lambda: _list_page(
        request, RecurringWindowForm(request.POST), refusal))  # fmt: skip


@signed_in
@asked_or_sent
def window(request: HttpRequest, window_id: int) -> HttpResponse:
    """One window: when it comes next, and the form to edit it."""
    row = _row(window_id)
    if request.method != "POST":
        return _page(request, row, RecurringWindowForm(initial=window_initial(row)), LiftForm(), None)
    refusal = attempt(
        lambda: services.window_edit(window_id=window_id, actor=actor_of(request), data=window_data(request.POST))
    )
    return _done(request, refusal, "The window is changed.", lambda: _page(
        request, row, RecurringWindowForm(request.POST), LiftForm(), refusal))  # fmt: skip


@signed_in
@asked_or_sent
def window_lift(request: HttpRequest, window_id: int) -> HttpResponse:
    """Lift it."""
    row = _row(window_id)
    if request.method != "POST":
        return redirect("calendar-window", window_id)
    comment = request.POST.get("comment", "")
    refusal = attempt(lambda: services.window_lift(window_id=window_id, actor=actor_of(request), comment=comment))
    form = RecurringWindowForm(initial=window_initial(row))
    return _done(request, refusal, "The window is lifted. Its devices are bound to it no more.", lambda: _page(
        request, row, form, LiftForm(request.POST), refusal))  # fmt: skip


def _row(window_id: int) -> MaintenanceWindow:
    rows = MaintenanceWindow.objects.select_related("owner", "declared_by", "lifted_by")
    return get_object_or_404(rows, pk=window_id)


def _done(request: HttpRequest, refusal: Refusal | None, said: str, shown: Callable[[], HttpResponse]) -> HttpResponse:
    if refusal:
        return shown()
    messages.success(request, said)
    hit = ScheduleProblem.objects.filter(code="PRECHECK_WINDOW_CLOSED", change__window_end__gt=timezone.now())
    if count := hit.count():
        messages.warning(
            request,
            f"{count} scheduled change{'s lie' if count > 1 else ' lies'} outside the windows of their devices."
            " They are marked in the calendar, and their people were told.",
        )
    return redirect("calendar-windows")


def _list_page(request: HttpRequest, form: RecurringWindowForm, refusal: Refusal | None) -> HttpResponse:
    rows = MaintenanceWindow.objects.select_related("owner", "lifted_by").order_by("-pk")
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, rows, size=PAGE)
    except InvalidInputError as error:
        url = reverse("calendar-windows")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Windows")
    context = {
        "page": page,
        "rows": [_shown(row) for row in page.rows],
        "crumbs": [_calendar_crumb(), {"label": "Maintenance windows", "url": ""}],
        **_common(request, form, refusal),
    }
    return render(request, "calendar/windows.html", context, status=refusal.status if refusal else 200)


def _page(
    request: HttpRequest, row: MaintenanceWindow, form: RecurringWindowForm, lift: LiftForm, refusal: Refusal | None
) -> HttpResponse:
    common = _common(request, form, refusal)
    if refusal and lift.is_bound:
        with_findings(lift, refusal.fields)
    context = {
        "shown": _shown(row),
        "window": row,
        "lift": lift,
        "open": common["verdict"].allowed and row.lifted_at is None,
        "crumbs": [
            _calendar_crumb(),
            {"label": "Maintenance windows", "url": reverse("calendar-windows")},
            {"label": row.name, "url": ""},
        ],
        **common,
    }
    return render(request, "calendar/window.html", context, status=refusal.status if refusal else 200)


def _calendar_crumb() -> dict[str, str]:
    return {"label": "Calendar", "url": reverse("calendar")}


def _common(request: HttpRequest, form: RecurringWindowForm, refusal: Refusal | None) -> dict[str, Any]:
    if refusal and form.is_bound:
        with_findings(form, under_fields(refusal.fields))
    verdict = may_set_windows(viewer(request))
    return {"form": form, "refusal": refusal, "verdict": verdict, "zones": sorted(zone_names())}


def _shown(row: MaintenanceWindow) -> Mapping[str, object]:
    """A window with its scope in words and its next occurrences by its own clock."""
    found = recurring(row)
    now = timezone.now()
    coming: list[str] = []
    problem = ""
    try:
        for each in found.periods(now, now + _COMING):
            start, end = wall_clock(each.start, found.zone), wall_clock(each.end, found.zone)
            coming.append(f"{start:%a %d %b %Y %H:%M} to {end:%a %H:%M}")
            if len(coming) == _SHOWN:
                break
    except RuleError as error:
        problem = str(error)
    return {"row": row, "scope": found.scope.words, "coming": coming, "next": coming[:1], "problem": problem,
            "hours": f"{row.minutes // 60} h {row.minutes % 60:02} min"}  # fmt: skip
