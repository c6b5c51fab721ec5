"""A change's own pages but for its plan and its runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from audit.retention.whereabouts import where_change_went
from portal.presenters.actions import actions_of
from portal.presenters.approvals import ladder_of
from portal.presenters.because import asked_of
from portal.presenters.building import failures_of, progress_of
from portal.presenters.decision_steps import steps_of
from portal.presenters.discussions import change_talk
from portal.presenters.gates import gates_of
from portal.presenters.header import header_of
from portal.presenters.origin import origin_of
from portal.presenters.reviews import review_note
from portal.presenters.risk import risk_of
from portal.presenters.scheduling import calendar_note_of
from portal.presenters.sealing import seal_note_of
from portal.presenters.sight import Sight, change_or_404, sight_of
from portal.presenters.summary import plan_counts, summary_of
from portal.presenters.timeline import timeline_of
from portal.presenters.visible import Mask
from portal.presenters.wave_gate import gate_of
from portal.views.access import reads_audit, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.calendar import zone_of
from portal.views.refusals import Refusal
from portal.views.rendering import STOP_POLLING, wants_partial


def look_at(request: HttpRequest, change_id: int) -> Sight:
    """The change as the signed-in person sees it.

    Raises:
        Http404: there is none with this id.
    """
    return sight_of(change_or_404(change_id), actor_of(request), viewer(request))


def page_context(sight: Sight, current: str, *, page: str = "") -> dict[str, Any]:
    """What every page about a change prints: its head, and what the person can do."""
    actions = actions_of(sight)
    head = header_of(sight, actions, current=current, page=page)
    return {
        "head": head,
        "crumbs": head.crumbs,
        "tabs": head.tabs,
        "actions": actions,
        "steps": steps_of(sight),
        "seal_note": seal_note_of(sight),
    }


def progress_answer(request: HttpRequest, sight: Sight) -> HttpResponse | None:
    """What a page that shows a plan being built answers to its own poll; None where the whole page is wanted.

    204 while nothing moved. The last answer has to be the whole page: see :func:`last_answer`.
    """
    if not wants_partial(request) or not sight.plan_building:
        return None
    progress = progress_of(sight)
    if request.GET.get("seen") == progress.seen:
        return HttpResponse(status=204)
    context = {"progress": progress, "failures": failures_of(sight, Mask.load())}
    response = render(request, "changes/_progress.html", context)
    patch_vary_headers(response, ("HX-Request",))
    return response


def last_answer(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Turn a whole page into the answer that ends a poll: it takes the place of the page's body."""
    patch_vary_headers(response, ("HX-Request",))
    if wants_partial(request):
        response.status_code = STOP_POLLING
        response["HX-Retarget"] = response["HX-Reselect"] = "#main"
        response["HX-Reswap"] = "outerHTML show:none"
    return response


@require_safe
@signed_in
def change_detail(request: HttpRequest, change_id: int) -> HttpResponse:
    """The summary of a change; while its plan is being built, the part that polls."""
    sight = look_at(request, change_id)
    return progress_answer(request, sight) or last_answer(request, detail_page(request, sight))


def detail_page(request: HttpRequest, sight: Sight, *, refusal: Refusal | None = None) -> HttpResponse:
    """Draw the summary, under the alert of a refusal if there is one, and with its status."""
    mask = Mask.load()
    common = page_context(sight, "summary")
    context = {
        **common,
        "gates": gates_of(sight, common["seal_note"]),
        "gate": gate_of(sight, mask),
        "calendar_note": calendar_note_of(sight),
        "clock": zone_of(request),
        "summary": summary_of(sight, mask),
        "counts": plan_counts(sight),
        "origin": origin_of(sight),
        "progress": progress_of(sight) if sight.plan_building else None,
        "failures": failures_of(sight, mask),
        "discussion": change_talk(sight, mask, source="discussion"),
        "risk": risk_of(sight, mask),
        "review_note": review_note(sight),
        "refusal": refusal,
    }
    return render(request, "changes/detail.html", context, status=refusal.status if refusal else 200)


@require_safe
@signed_in
def change_approvals(request: HttpRequest, change_id: int) -> HttpResponse:
    """Who decided what, stage by stage."""
    sight = look_at(request, change_id)
    common = page_context(sight, "approvals", page="Approvals")
    context = {**common, "ladder": ladder_of(sight, Mask.load()), "asked": asked_of(sight)}
    return render(request, "changes/approvals.html", context)


@require_safe
@signed_in
def change_execution(request: HttpRequest, change_id: int) -> HttpResponse:
    """The runs of a change."""
    sight = look_at(request, change_id)
    context = {
        **page_context(sight, "execution", page="Execution"),
        "runs": sight.runs,
        "gate": gate_of(sight, Mask.load()),
    }
    return render(request, "changes/execution.html", context)


@require_safe
@signed_in
def change_timeline(request: HttpRequest, change_id: int) -> HttpResponse:
    """The audit events of a change, newest first."""
    sight = look_at(request, change_id)
    before = request.GET.get("before", "")
    timeline = timeline_of(
        change_id,
        Mask.load(),
        before_id=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
        steps=request.GET.get("steps") == "1",
        links=reads_audit(viewer(request)),
    )
    context = {"timeline": timeline, "archived": "" if timeline.older_url else where_change_went(change_id)}
    return render(request, "changes/timeline.html", {**page_context(sight, "timeline", page="Timeline"), **context})
