"""Orders to a run: each asks once more on a page of its own, and works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from audit.actor import Actor
from changes.domain.orders import Order
from changes.domain.strategy import InFlight
from changes.models import DeviceRun
from changes.services import retrying, run_orders
from portal.forms.decisions import with_findings
from portal.forms.orders import OrderForm
from portal.presenters.run_orders import PAGES, order_facts, order_refusal, order_url, retryables
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt

Give = Callable[[Actor, str], object]


@signed_in
@asked_or_sent
def pause(request: HttpRequest, change_id: int) -> HttpResponse:
    """Begin nothing further."""
    return _ordered(
        request,
        change_id,
        Order.PAUSE,
        lambda actor, comment: run_orders.run_pause(change_id=change_id, actor=actor, comment=comment),
    )


@signed_in
@asked_or_sent
def resume(request: HttpRequest, change_id: int) -> HttpResponse:
    """Let it go on."""
    return _ordered(
        request,
        change_id,
        Order.RESUME,
        lambda actor, comment: run_orders.run_resume(change_id=change_id, actor=actor, comment=comment),
    )


@signed_in
@asked_or_sent
def stop_after_wave(request: HttpRequest, change_id: int) -> HttpResponse:
    """Pause before the next wave."""
    return _ordered(
        request,
        change_id,
        Order.STOP_AFTER_WAVE,
        lambda actor, comment: run_orders.run_stop_after_wave(change_id=change_id, actor=actor, comment=comment),
    )


@signed_in
@asked_or_sent
def abort(request: HttpRequest, change_id: int) -> HttpResponse:
    """End it for good; devices in flight are finished or backed out."""
    way = request.POST.get("in_flight", InFlight.FINISH.value)
    return _ordered(
        request,
        change_id,
        Order.ABORT,
        lambda actor, comment: run_orders.run_abort(change_id=change_id, actor=actor, comment=comment, in_flight=way),
    )


@signed_in
@asked_or_sent
def retry(request: HttpRequest, change_id: int) -> HttpResponse:
    """Have devices tried again."""
    given = request.POST.getlist("device")
    ids = [int(text) for text in given if text.isascii() and text.isdigit() and len(text) < 19]
    return _ordered(
        request,
        change_id,
        Order.RETRY,
        lambda actor, comment: retrying.run_retry(change_id=change_id, actor=actor, device_ids=ids, comment=comment),
    )


@signed_in
@asked_or_sent
def skip(request: HttpRequest, change_id: int, device_run_id: int) -> HttpResponse:
    """Leave one device out."""
    rows = DeviceRun.objects.select_related("device")
    row = get_object_or_404(rows, pk=device_run_id, run__change_id=change_id)
    return _ordered(
        request,
        change_id,
        Order.SKIP,
        lambda actor, comment: run_orders.device_skip(
            change_id=change_id, device_id=row.device_id, actor=actor, comment=comment
        ),
        row=row,
    )


def _ordered(
    request: HttpRequest, change_id: int, order: Order, give: Give, *, row: DeviceRun | None = None
) -> HttpResponse:
    """Ask, or give the order; afterwards the run's page shows it, and a refusal is shown with what was written."""
    refusal = None
    if request.method == "POST":
        refusal = attempt(lambda: give(actor_of(request), request.POST.get("comment", "")))
        if refusal is None:
            messages.success(request, PAGES[order].done)
            sight = look_at(request, change_id)
            return (
                redirect("run-detail", change_id, sight.run.pk) if sight.run else redirect("change-detail", change_id)
            )
    return _page(request, look_at(request, change_id), order, refusal, row)


def _page(
    request: HttpRequest, sight: Sight, order: Order, refusal: Refusal | None, row: DeviceRun | None
) -> HttpResponse:
    run, page = sight.run, PAGES[order]
    if run is None:
        raise Http404("The change was never started.")
    form = OrderForm(
        request.POST if request.method == "POST" else None,
        comment=page.comment,
        in_flight=order is Order.ABORT,
        only_back_out=bool(run.abort),
    )
    if refusal:
        with_findings(form, refusal.fields)
    code, sentence = order_refusal(sight, order)
    context = {
        **page_context(sight, "execution", page=page.label),
        "run": run,
        "order": page,
        "order_action": order_url(order, sight.change.pk, row.pk if row else None),
        "facts": order_facts(run),
        "devices": retryables(run, sight, Mask.load()) if order is Order.RETRY and not sentence else (),
        "ticked": set(request.POST.getlist("device")),
        "row": row,
        "form": form,
        "closed": sentence,
        "closed_code": code,
        "refusal": refusal,
    }
    return render(request, "changes/order.html", context, status=refusal.status if refusal else 200)
