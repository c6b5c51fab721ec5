"""Watching a run, and reading what it left of each device."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers

from changes.domain.orders import Order
from changes.domain.run_states import DEVICE_TO_ROLL_BACK, DeviceRunState, RunState
from changes.models import DeviceRun, Run
from portal.presenters.rollback import rollback_button
from portal.presenters.run_device import record_of, record_version
from portal.presenters.run_orders import order_buttons, order_refusal, order_url
from portal.presenters.run_page import RunFigures, figures_of, seen_of
from portal.presenters.run_rows import ROWS_PER_PAGE, Light, light_rows, page_of, run_rows, touched_since
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.presenters.wave_gate import gate_of
from portal.presenters.waves import waves_of
from portal.views.access import signed_in
from portal.views.change import look_at, page_context
from portal.views.rendering import STOP_POLLING, wants_partial


@signed_in
def run_detail(request: HttpRequest, change_id: int, run_id: int) -> HttpResponse:
    """A run as it stands; for its own poll nothing, or what moved, and at its end 286."""
    run = get_object_or_404(
        Run.objects.select_related("started_by", "revision", "change"), pk=run_id, change_id=change_id
    )
    light = light_rows(run)
    if wants_partial(request) and request.GET.get("seen") == seen_of(run, light) and run.state != RunState.ENDED:
        return HttpResponse(status=204)
    sight, now, mask = look_at(request, change_id), _database_time(), Mask.load()
    page = _page_number(request, len(light))
    common = page_context(sight, "execution", page=f"Run {run.pk}")
    figures = figures_of(run, light, now, common["actions"], mask)
    context = {
        **common,
        "run": run,
        "figures": figures,
        "orders": (
            *order_buttons(sight, run, {row.state for row in light}),
            *rollback_button(common["actions"], light),
        ),
        "run_detail": mask.prose(run.detail),
        "page": page,
        "pages": -(-len(light) // ROWS_PER_PAGE),
        "since": f"{now.timestamp():.3f}",
    }
    if wants_partial(request):
        return _moved(request, run, light, now, context)
    rows = run_rows(run, page_of(light, page), mask, now)
    context["waves"] = waves_of(run, rows)
    context["gate"] = gate_of(sight, mask)
    return render(request, "changes/run.html", context)


def _moved(
    request: HttpRequest,
    run: Run,
    light: tuple[Light, ...],
    now: datetime,
    context: dict[str, Any],
) -> HttpResponse:
    """The answer to a poll: the figures, and the rows that moved since the last one."""
    figures: RunFigures = context["figures"]
    on_page = page_of(light, context["page"])
    since = _moment(request.GET.get("since", ""))
    moved = set(on_page) if since is None else touched_since(run, since) & set(on_page)
    context["rows"] = run_rows(run, moved, Mask.load(), now)
    context["waves"] = waves_of(run, ())
    response = render(request, "changes/_run_moved.html", context, status=200 if figures.live else STOP_POLLING)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _database_time() -> datetime:
    """The clock that the run's times come from; a page server's own may differ."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _page_number(request: HttpRequest, devices: int) -> int:
    text = request.GET.get("page", "1")
    last = max(1, -(-devices // ROWS_PER_PAGE))
    return min(max(1, int(text)), last) if text.isascii() and text.isdigit() and len(text) < 6 else 1


@signed_in
def run_device(request: HttpRequest, change_id: int, run_id: int, device_run_id: int) -> HttpResponse:
    """One device of a run: steps, session, lines and diff; as a page, or as the part that a row unfolds."""
    rows = DeviceRun.objects.select_related("device", "device_plan", "run", "before__blob", "after__blob")
    row = get_object_or_404(rows.prefetch_related("steps"), pk=device_run_id, run_id=run_id, run__change_id=change_id)
    partial = wants_partial(request)
    if partial and request.GET.get("seen") == record_version(row, len(row.steps.all())):
        return HttpResponse(status=204)
    record = record_of(row, Mask.load())
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
