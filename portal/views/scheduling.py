"""The window of a change: setting it, finding a free one, letting conflicts stand, and starting by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode

from changes.domain.calendar.telling import told_in
from changes.domain.errors import InvalidInputError
from changes.domain.windows import Period, parse_window
from changes.services import conflicts, scheduled_starts, scheduling
from changes.services.windows import window_of
from portal.forms.calendar import WaiverForm
from portal.forms.decisions import WindowForm, with_findings
from portal.presenters.scheduling import (
    may_order_start,
    problem_of,
    self_start_of,
    standing_of,
    waivers_of,
)
from portal.presenters.sight import Sight
from portal.views.access import refused, signed_in
from portal.views.acting import actor_of
from portal.views.calendar import zone_of
from portal.views.change import detail_page, look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

_TIMES: Final = ("window_start", "window_end")
_USUAL_MINUTES: Final = 60
_FORM: Final = "%Y-%m-%dT%H:%M"


@signed_in
@asked_or_sent
def change_schedule(request: HttpRequest, change_id: int) -> HttpResponse:
    """Set the window of an approved change, or move it; a GET may name a window to be judged, or ask for a free one."""
    sight = look_at(request, change_id)
    if request.method != "POST":
        return _asked(request, sight)
    form = WindowForm(request.POST)
    data: dict[str, object] = {name: request.POST.get(name, "") for name in _TIMES}
    data["start_by_itself"] = bool(request.POST.get("start_by_itself"))
    refusal = attempt(lambda: scheduling.change_schedule(change_id=change_id, actor=actor_of(request), data=data))
    if refusal is None:
        messages.success(request, "The maintenance window is set.")
        return redirect("change-detail", change_id)
    with_findings(form, refusal.fields)
    return _page(request, sight, form, refusal=refusal, period=_period(data))


@signed_in
@asked_or_sent
def conflicts_waive(request: HttpRequest, change_id: int) -> HttpResponse:
    """Let the conflicts of a window stand, with a reason; then lead back to the window."""
    times = {name: request.POST.get(name, "") for name in _TIMES}
    if request.method != "POST":
        return redirect("change-schedule", change_id)
    data = {**times, "seen": request.POST.get("seen", ""), "comment": request.POST.get("comment", "")}
    refusal = attempt(lambda: conflicts.conflicts_waive(change_id=change_id, actor=actor_of(request), data=data))
    if refusal is None:
        messages.success(request, "The conflicts are waived for this window and these plans. Set the window now.")
        return redirect(f"{request.path.removesuffix('waive/')}schedule/?{urlencode(times)}")
    sight, form = look_at(request, change_id), WaiverForm(request.POST)
    with_findings(form, refusal.fields)
    return _page(request, sight, WindowForm(initial=times), refusal=refusal, period=_period(times), waiver=form)


@signed_in
@asked_or_sent
def start_ask(request: HttpRequest, change_id: int) -> HttpResponse:
    """Have a scheduled change start by itself."""
    said = "The change starts by itself when its window opens."
    return _on_detail(request, change_id, scheduled_starts.start_ask, said)


@signed_in
@asked_or_sent
def start_call_off(request: HttpRequest, change_id: int) -> HttpResponse:
    """Have it not start by itself."""
    return _on_detail(request, change_id, scheduled_starts.start_call_off, "The change does not start by itself.")


def _on_detail(request: HttpRequest, change_id: int, act: Any, said: str) -> HttpResponse:  # noqa: ANN401 - a service
    if request.method != "POST":
        return redirect("change-detail", change_id)
    refusal = attempt(lambda: act(change_id=change_id, actor=actor_of(request)))
    if refusal:
        return detail_page(request, look_at(request, change_id), refusal=refusal)
    messages.success(request, said)
    return redirect("change-detail", change_id)


def _asked(request: HttpRequest, sight: Sight) -> HttpResponse:
    """The page as its address asks for it: with the change's window, with another one, or with the next free one."""
    try:
        asked = {name: values[0] for name, values in asked_for(request.GET, [*_TIMES, "minutes", "after"]).items()}
        if "minutes" in asked:
            return _free(request, sight, asked)
        period = parse_window({name: asked.get(name) for name in _TIMES}, now=timezone.now()) if asked else None
    except InvalidInputError as error:
        back = f"/changes/{sight.change.pk}/schedule/"
        return refused(request, "This cannot be judged", str(error), status=400, url=back, label="The window")
    window = period or window_of(sight.change)
    return _page(request, sight, WindowForm(initial=_initial(window)), period=window)


def _free(request: HttpRequest, sight: Sight, asked: Mapping[str, str]) -> HttpResponse:
    text = asked["minutes"]
    minutes = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
    after = _moment(asked["after"]) if "after" in asked else None
    found = scheduling.slot_next(sight.change, minutes=minutes, after=after)
    form = WindowForm(initial=_initial(found.period or window_of(sight.change)))
    return _page(request, sight, form, period=found.period, slot=found, minutes=minutes)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError({"after": ["Give a time such as 2026-11-21T22:00."]}) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _initial(window: Period | None) -> dict[str, str]:
    return {"window_start": f"{window.start:{_FORM}}", "window_end": f"{window.end:{_FORM}}"} if window else {}


def _period(data: Mapping[str, object]) -> Period | None:
    try:
        return parse_window({name: data.get(name) for name in _TIMES}, now=timezone.now())
    except InvalidInputError:
        return None


def _page(
    request: HttpRequest,
    sight: Sight,
    form: WindowForm,
    *,
    refusal: Refusal | None = None,
    period: Period | None = None,
    waiver: WaiverForm | None = None,
    slot: object = None,
    minutes: int = 0,
) -> HttpResponse:
    common = page_context(sight, "", page="Schedule")
    if not may_order_start(sight):
        del form.fields["start_by_itself"]
    standing = standing_of(sight, period) if period and sight.plan_ready else None
    initial = {**_initial(period), "seen": standing.seen if standing else ""}
    length = int((period.end - period.start).total_seconds()) // 60 if period else 0
    zone = zone_of(request)
    if refusal:
        told = tuple(told_in(each, zone, beside_utc=True) for each in refusal.sentences)
        refusal = replace(refusal, sentences=told)
    context = {
        **common,
        "action": common["actions"].get("schedule"),
        "form": form,
        "window": window_of(sight.change),
        "standing": standing,
        "waiver": waiver or WaiverForm(initial=initial),
        "waivers": waivers_of(sight.change),
        "problem": problem_of(sight.change),
        "self_start": self_start_of(sight),
        "slot": slot,
        "minutes": minutes or length or _USUAL_MINUTES,
        "clock": zone,
        "refusal": refusal,
    }
    return render(request, "changes/schedule.html", context, status=refusal.status if refusal else 200)
