"""Watching a run, and reading what it left of each device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.orders import Order
from changes.domain.run_filter import ATTENTION
from changes.domain.run_states import DEVICE_TO_ROLL_BACK, DeviceRunState, RunState
from changes.domain.watermark import Watermark
from changes.models import DeviceRun, Run
from changes.services.run_watching import (
    Figures,
    Glance,
    Stretch,
    figures,
    glance,
    is_from_elsewhere,
    matching,
    moved_rows,
    run_sites,
    troubles,
    wave_devices,
)
from portal.presenters.actions import Actions
from portal.presenters.rollback import rollback_button
from portal.presenters.run_device import record_of, record_version, session_of
from portal.presenters.run_orders import order_buttons, order_refusal, order_url
from portal.presenters.run_page import RunFigures, advice_of, chips_of, figures_of
from portal.presenters.run_query import RunQuery, live_url, read_shown, run_url
from portal.presenters.run_rows import run_rows
from portal.presenters.run_tree import branch_of, site_heads, tree_of, wave_heads
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.presenters.wave_gate import gate_of
from portal.views.access import signed_in
from portal.views.change import look_at, page_context
from portal.views.rendering import STOP_POLLING, wants_partial

STALE_S = 10
"""A page on which nothing moves is told its pace and its time left again after so many seconds."""
SHOWN_MOST = 500
HAVE_MOST = 2_000
_POLLED = ("since", "told", "decided", "shown", "divided", "have")


# ---- the page


@require_safe
@signed_in
def run_detail(request: HttpRequest, change_id: int, run_id: int) -> HttpResponse:
    """A run as it stands: figures, what needs attention, and its devices as a tree."""
    seen = _glance(change_id, run_id, None)
    problem, status = "", 200
    try:
        query = RunQuery.read(request.GET)
    except InvalidInputError as error:
        query, problem, status = RunQuery(), " ".join(s for found in error.fields.values() for s in found), 400
    sight, mask = look_at(request, change_id), Mask.load()
    found = figures(seen.run, query.chosen)
    context = {
        **page_context(sight, "execution", page=f"Run {seen.run.pk}"),
        **_moving(seen, found, query, mask),
        "problem": problem,
        "tree": tree_of(seen.run, found, query, mask, seen.now) if not problem else None,
        "sites": run_sites(seen.run),
        "reset_url": run_url(seen.run),
    }
    context |= _decisions(sight, seen.run, found, context["figures"], mask, context["actions"])
    return render(request, "changes/run.html", context, status=status)


def _glance(change_id: int, run_id: int, since: Watermark | None) -> Glance:
    seen = glance(run_id, since, change_id=change_id)
    if seen is None:
        raise Http404(f"There is no run {run_id} of this change.")
    return seen


def _moving(seen: Glance, found: Figures, query: RunQuery, mask: Mask) -> dict[str, Any]:
    """What every answer prints: the figures, the states to narrow by, and what the next poll names."""
    return {
        "run": seen.run,
        "query": query,
        "figures": figures_of(seen.run, found, seen.now, mask),
        "found": found,
        "chips": chips_of(seen.run, found, query),
        "watermark": seen.watermark,
        "told": f"{seen.now.timestamp():.1f}",
        "live_url": live_url(seen.run, query),
    }


def _decisions(
    sight: Sight, run: Run, found: Figures, shown: RunFigures, mask: Mask, actions: Actions
) -> dict[str, Any]:
    """What this person can do, and what somebody has to."""
    states = {state for state, count in found.states.items() if count}
    return {
        "orders": (*order_buttons(sight, run, states), *rollback_button(actions, states)),
        "run_detail": mask.prose(run.detail),
        "gate": gate_of(sight, mask),
        "advice": advice_of(run, shown, troubles(run) if found.attention else [], actions, mask),
    }


# ---- what moved


@dataclass(frozen=True, slots=True)
class _Poll:
    """What a page that polls has seen, and what it has in view; ``have``: the rows of a page that is filtered."""

    query: RunQuery
    since: Watermark | None
    told: float
    decided: float
    shown: Sequence[Stretch]
    divided: Sequence[int]
    have: Sequence[int]

    @classmethod
    def read(cls, request: HttpRequest) -> _Poll:
        given = request.GET.copy()
        given.update(request.POST)
        shown = [read_shown(text) for text in given.getlist("shown")[:SHOWN_MOST]]
        divided = [text for text in given.getlist("divided")[:SHOWN_MOST] if text.isascii() and text.isdecimal()]
        return cls(
            query=RunQuery.read(given, besides=_POLLED),
            since=Watermark.parse(given.get("since", "")),
            told=_moment(given.get("told", "")),
            decided=_moment(given.get("decided", "")),
            shown=[stretch for stretch in shown if stretch is not None],
            divided=[int(text) for text in divided if len(text) < 6],
            have=[int(text) for text in given.get("have", "").split(".")[:HAVE_MOST] if _is_id(text)],
        )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _moment(text: str) -> float:
    return float(text) if text.isascii() and text.replace(".", "", 1).isdecimal() and len(text) < 20 else 0.0


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def run_live(request: HttpRequest, change_id: int, run_id: int) -> HttpResponse:
    """What of a run's page moved since its last answer; 204 where nothing did, and 286 with the last answer.

    Nothing is changed. A page posts what it has in view, because an address could not hold all of it; so no token is
    asked for, and a page outlives a sign-in in another window.

    Three queries where nothing moved. Otherwise their number depends on what moved, not on how many devices.
    """
    try:
        poll = _Poll.read(request)
    except InvalidInputError:
        return HttpResponse("Load this page again.", status=400, content_type="text/plain; charset=utf-8")
    seen = _glance(change_id, run_id, poll.since)
    live = seen.run.state != RunState.ENDED
    if poll.since is None or is_from_elsewhere(poll.since, seen.watermark):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    if live and not seen.moved and seen.now.timestamp() - poll.told < STALE_S:
        return HttpResponse(status=204)
    response = render(
        request, "changes/_run_parts.html", _parts(request, poll, seen), status=200 if live else STOP_POLLING
    )
    patch_vary_headers(response, ("HX-Request",))
    return response


def _parts(request: HttpRequest, poll: _Poll, seen: Glance) -> dict[str, Any]:
    """The parts of the page that moved; what did not is left out."""
    run, query, mask = seen.run, poll.query, Mask.load()
    found = figures(run, query.chosen, poll.since)
    context = {**_moving(seen, found, query, mask), "decided": f"{poll.decided:.1f}"}
    moved = [each for each in found.waves if each.moved]
    context["waves"] = wave_heads(run, moved, query)
    divided = [each.wave.number for each in moved if each.wave.number in poll.divided]
    context["heads"] = [head for heads in site_heads(run, divided, query).values() for head in heads] if divided else []
    filtered = not query.chosen.is_empty
    only = matching(query.chosen) | Q(pk__in=poll.have) if filtered else None
    ids, context["too_many"] = moved_rows(run, poll.shown, poll.since, only) if seen.moved else ([], False)
    let_through = _let_through(run, ids, query) if filtered and ids else None
    context["rows"] = run_rows(run, ids, mask, seen.now, matching=let_through)
    # Whoever needs attention, or no longer does, has moved in one of these states; a retry moves the run or a wave.
    due = seen.now.timestamp() - poll.decided >= STALE_S
    if due or seen.run_moved or seen.waves_moved or found.moved & ATTENTION or run.state == RunState.ENDED:
        sight = look_at(request, run.change_id)
        common = page_context(sight, "execution", page=f"Run {run.pk}")
        context |= {**common, **_decisions(sight, run, found, context["figures"], mask, common["actions"])}
        context |= {"decisions": True, "decided": context["told"]}
    return context


def _let_through(run: Run, ids: Sequence[int], query: RunQuery) -> set[int]:
    rows = wave_devices(run, None, query.chosen)
    return set(rows.filter(pk__in=ids).values_list("pk", flat=True))


@require_safe
@signed_in
def run_branch(request: HttpRequest, change_id: int, run_id: int) -> HttpResponse:
    """What stands below one wave or site of the tree, as a part of the page; without a script the page itself."""
    try:
        query = RunQuery.read(request.GET)
    except InvalidInputError:
        return HttpResponse("Load this page again.", status=400, content_type="text/plain; charset=utf-8")
    if not wants_partial(request):
        return redirect(reverse("run-detail", args=[change_id, run_id]) + query.address())
    seen = _glance(change_id, run_id, None)
    context = {"run": seen.run, "query": query, "branch": branch_of(seen.run, query, Mask.load(), seen.now)}
    response = render(request, "changes/_branch.html", context)
    patch_vary_headers(response, ("HX-Request",))
    return response


# ---- one device


@require_safe
@signed_in
def run_device(request: HttpRequest, change_id: int, run_id: int, device_run_id: int) -> HttpResponse:
    """One device of a run: steps, session, lines and diff; as a page, or as the part that a row unfolds."""
    rows = DeviceRun.objects.select_related(
        "device", "device_plan", "run", "wave", "health_check", "before__blob", "after__blob"
    )
    row = get_object_or_404(rows.prefetch_related("steps"), pk=device_run_id, run_id=run_id, run__change_id=change_id)
    partial = wants_partial(request)
    if partial and request.GET.get("seen") == record_version(row, row.steps.all()):
        return HttpResponse(status=204)
    record = record_of(row, Mask.load(), _database_time())
    if partial:
        # A row that is unfolded after its end has no poll to stop; the status only ends one that runs.
        polled = "seen" in request.GET and not record.live
        context: dict[str, Any] = {"record": record}
        response = render(request, "changes/_record.html", context, status=STOP_POLLING if polled else 200)
        patch_vary_headers(response, ("HX-Request",))
        return response
    sight: Sight = look_at(request, change_id)
    common = page_context(sight, "execution", page=record.name)
    skips = row.state == DeviceRunState.PENDING and not order_refusal(sight, Order.SKIP)[1]
    context = {**common, "run": row.run, "record": record}
    rollback = common["actions"].get("rollback")
    rolls = row.state in DEVICE_TO_ROLL_BACK and rollback is not None and rollback.allowed
    context["rollback_url"] = f"{rollback.url}?device={row.device_id}" if rolls else ""
    context["skip_url"] = order_url(Order.SKIP, change_id, row.pk) if skips else ""
    return render(request, "changes/run_device.html", context)


@require_safe
@signed_in
def run_session(_request: HttpRequest, change_id: int, run_id: int, device_run_id: int) -> HttpResponse:
    """Every session with one device in a run as one text file, redacted as on its page."""
    rows = DeviceRun.objects.select_related("device", "run__change", "health_check").prefetch_related("steps")
    row = get_object_or_404(rows, pk=device_run_id, run_id=run_id, run__change_id=change_id)
    response = HttpResponse(session_of(row, Mask.load()), content_type="text/plain; charset=utf-8")
    name = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in row.device.name)
    response["Content-Disposition"] = f'attachment; filename="run-{run_id}-{name}.txt"'
    return response


def _database_time() -> datetime:
    """The clock that the run's times come from; a page server's own may differ."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
