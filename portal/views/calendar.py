"""The change calendar as month, week and list, in the person's time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from changes.domain.calendar.zones import UnknownZoneError, wall_clock, zone_named, zone_names
from changes.domain.errors import InvalidInputError
from changes.services.calendar_entries import FILTERS, CalendarFilter, calendar_contents
from portal.forms.calendar import CalendarFilterForm
from portal.preferences import MAX_AGE_S
from portal.presenters.calendar import (
    VIEWS,
    calendar_url,
    day_of,
    list_cells,
    month_cells,
    span_of,
    week_cells,
)
from portal.views.access import refused, signed_in
from portal.views.strictness import asked_for

ZONE: Final = "zone"
_CELLS: Final = {"month": month_cells, "week": week_cells, "list": list_cells}


def zone_of(request: HttpRequest) -> ZoneInfo:
    """The time zone that the person's browser chose; UTC without one."""
    try:
        return zone_named(request.COOKIES.get(ZONE, "UTC"))
    except UnknownZoneError:
        return ZoneInfo("UTC")


@require_safe
@signed_in
def calendar(request: HttpRequest) -> HttpResponse:
    """The calendar; a filter that cannot be used is answered with 400."""
    zone, now = zone_of(request), timezone.now()
    try:
        given = asked_for(request.GET, ["view", "day", *FILTERS])
        asked = {name: values[0] for name, values in given.items()}
        view, wanted = _view(asked.get("view", "month")), CalendarFilter.read(asked)
        day = day_of(asked.get("day", ""), zone, now)
        span = span_of(view, day, zone)
    except InvalidInputError as error:
        url = reverse("calendar")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Calendar")
    contents = calendar_contents(span.period, wanted)
    context = {
        "view": view,
        "span": span,
        "form": CalendarFilterForm({**given, "view": [view], "day": [day.isoformat()]}),
        "notes": contents.notes,
        "disturbed": [each for each in contents.entries if each.tone],
        "cells": _CELLS[view](day, contents.entries, zone, now),
        "hours": range(0, 24, 2),
        "zone": zone.key,
        "clock": zone,
        "zones": sorted(zone_names()),
        "here": request.get_full_path(),
        **_links(view, day, span.before, span.after, asked),
        **_today(zone, asked, view),
        "empty": not contents.entries,
        "filtered": any(asked.get(name) for name in FILTERS),
        "crumbs": [{"label": "Calendar", "url": ""}],
    }
    return render(request, "calendar/calendar.html", context)


def _view(name: str) -> str:
    if name not in VIEWS:
        raise InvalidInputError({"view": [f"“{name}” is no view. Use one of: {', '.join(VIEWS)}."]})
    return name


def _links(view: str, day: date, before: date, after: date, asked: Mapping[str, str]) -> dict[str, Any]:
    tabs = [
        {"label": name.capitalize(), "url": calendar_url(name, day, asked), "current": name == view, "count": None}
        for name in VIEWS
    ]
    return {
        "tabs": tabs,
        "before_url": calendar_url(view, before, asked),
        "after_url": calendar_url(view, after, asked),
        "reset_url": calendar_url(view, day, {}),
    }


def _today(zone: ZoneInfo, asked: Mapping[str, str], view: str) -> dict[str, Any]:
    return {"today_url": calendar_url(view, wall_clock(timezone.now(), zone).date(), asked)}


@require_POST
@signed_in
def calendar_zone(request: HttpRequest) -> HttpResponse:
    """Remember in which time zone this browser shows the calendar, and go back to it."""
    name = request.POST.get("zone", "").strip()
    try:
        zone_named(name)
    except UnknownZoneError as error:
        url = reverse("calendar")
        return refused(request, "This time zone is not known", str(error), status=422, url=url, label="Calendar")
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    response = redirect(target if safe else "calendar")
    response.set_cookie(ZONE, name, max_age=MAX_AGE_S, samesite="Lax", secure=request.is_secure())
    return response
