"""Orders to a run: each asks once more on a page of its own, and works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render

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

Service = Callable[..., object]
View = Callable[..., HttpResponseBase]
Asked = Callable[[HttpRequest], dict[str, object]]


def _order(order: Order, give: Service, more: Asked = lambda _request: {}) -> View:
    """The page of an order: it asks, or gives the order by its service; ``more`` reads what else its form asks for."""

    @signed_in
    @asked_or_sent
    def page(request: HttpRequest, change_id: int) -> HttpResponse:
        return _ordered(request, change_id, order, lambda: give(**_given(request, change_id), **more(request)))

    return page


def _in_flight(request: HttpRequest) -> dict[str, object]:
    return {"in_flight": request.POST.get("in_flight", InFlight.FINISH.value)}


def _ticked(request: HttpRequest) -> dict[str, object]:
    given = request.POST.getlist("device")
    return {"device_ids": [int(text) for text in given if text.isascii() and text.isdigit() and len(text) < 19]}


pause: Final = _order(Order.PAUSE, run_orders.run_pause)
resume: Final = _order(Order.RESUME, run_orders.run_resume)
stop_after_wave: Final = _order(Order.STOP_AFTER_WAVE, run_orders.run_stop_after_wave)
abort: Final = _order(Order.ABORT, run_orders.run_abort, _in_flight)
retry: Final = _order(Order.RETRY, retrying.run_retry, _ticked)


@signed_in
@asked_or_sent
def skip(request: HttpRequest, change_id: int, device_run_id: int) -> HttpResponse:
    """Leave one device out."""
    row = get_object_or_404(DeviceRun.objects.select_related("device"), pk=device_run_id, run__change_id=change_id)
    return _ordered(
        request,
        change_id,
        Order.SKIP,
        lambda: run_orders.device_skip(**_given(request, change_id), device_id=row.device_id),
        row=row,
    )


def _given(request: HttpRequest, change_id: int) -> dict[str, Any]:
    return {"change_id": change_id, "actor": actor_of(request), "comment": request.POST.get("comment", "")}


def _ordered(
    request: HttpRequest, change_id: int, order: Order, give: Callable[[], object], *, row: DeviceRun | None = None
) -> HttpResponse:
    """Ask, or give the order; afterwards the run's page shows it, and a refusal is shown with what was written."""
    refusal = None
    if request.method == "POST":
        refusal = attempt(give)
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
