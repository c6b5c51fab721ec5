"""Drift: the review queue, one record, and what people decide about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.actor import Actor
from changes.domain.errors import InvalidInputError
from changes.domain.policy import Role
from changes.services.drift_reverts import drift_revert
from devices.domain.drift_review import DriftState
from devices.errors import BadFieldsError
from devices.models import DriftRecord
from devices.services import drift_decisions
from devices.services.drift_queue import DRIFT_FILTERS, drift_trend, drifts_matching
from portal.forms.configs import OPEN, DriftFilterForm
from portal.preferences import preference
from portal.presenters.drift_pages import config_tabs, drift_page, drift_rows, trend_bars
from portal.presenters.paging import KeyPage, older_page
from portal.views.access import signed_in, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE = 50


@require_safe
@signed_in
def drift_list(request: HttpRequest) -> HttpResponse:
    """The review queue, newest first; without a filter all that is open. A bad filter is answered with 400."""
    asked: dict[str, list[str]] = {}
    problem = ""
    page: KeyPage[DriftRecord]
    try:
        asked = asked_for(request.GET, [*DRIFT_FILTERS, "before"])
        asked.pop("before", None)
        filters = {name: values[0] for name, values in (asked or {"state": [OPEN]}).items()}
        page = older_page(request, drifts_matching(filters), size=PAGE)
    except (InvalidInputError, BadFieldsError) as error:
        problem, page = str(error), KeyPage([])
    return render(
        request,
        "drift/list.html",
        {
            "form": DriftFilterForm(asked or {"state": [OPEN]}),
            "problem": problem,
            "filtered": bool(asked),
            "rows": drift_rows(page.rows),
            "page": page,
            "list_url": reverse("drift-list"),
            "bars": trend_bars(drift_trend()),
            "tabs": config_tabs("drift-list"),
            "crumbs": [{"label": "Drift", "url": ""}],
        },
        status=400 if problem else 200,
    )


@require_safe
@signed_in
def drift_detail(request: HttpRequest, drift_id: int) -> HttpResponse:
    """One record: what differs, why it is classed so, and what was decided."""
    return _page(request, drift_id)


def _page(request: HttpRequest, drift_id: int, refusal: Refusal | None = None) -> HttpResponse:
    rows = DriftRecord.objects.select_related("device", "owner", "baseline__blob", "found__blob")
    record = get_object_or_404(rows, pk=drift_id)
    person = viewer(request)
    return render(
        request,
        "drift/detail.html",
        {
            "drift": record,
            "state_label": DriftState(record.state).label,
            "page": drift_page(record, person),
            "mode": preference(request, "diff"),
            "refusal": refusal,
            "typed": request.POST,
            "reads_only": Role.AUDITOR in person.roles,
            "crumbs": [{"label": "Drift", "url": reverse("drift-list")}, {"label": record.number, "url": ""}],
        },
        status=refusal.status if refusal else 200,
    )


def _decide(request: HttpRequest, drift_id: int, act: Callable[[Actor], object], said: str) -> HttpResponse:
    refusal = attempt(lambda: act(actor_of(request)))
    if refusal:
        return _page(request, drift_id, refusal)
    messages.success(request, said)
    return redirect("drift-detail", drift_id)


@signed_in
@posted("drift-detail", "drift_id")
def drift_accept(request: HttpRequest, drift_id: int) -> HttpResponse:
    """Make what was found the expected configuration."""
    comment, seen = request.POST.get("comment", ""), request.POST.get("found_sha256", "")
    return _decide(
        request,
        drift_id,
        lambda actor: drift_decisions.drift_accept(drift_id=drift_id, found_sha256=seen, reason=comment, actor=actor),
        "Accepted: this is the expected configuration from now on.",
    )


@signed_in
@posted("drift-detail", "drift_id")
def drift_defer(request: HttpRequest, drift_id: int) -> HttpResponse:
    """Put a record off until a day."""

    def act(actor: Actor) -> object:
        try:
            until = date.fromisoformat(request.POST.get("until", ""))
        except ValueError:
            raise BadFieldsError({"until": ["Write the day as 2026-12-31."]}) from None
        comment = request.POST.get("comment", "")
        return drift_decisions.drift_defer(drift_id=drift_id, until=until, reason=comment, actor=actor)

    return _decide(request, drift_id, act, "Deferred. It comes back to the queue on that day.")


@signed_in
@posted("drift-detail", "drift_id")
def drift_reopen(request: HttpRequest, drift_id: int) -> HttpResponse:
    """Bring a record back to review."""
    comment = request.POST.get("comment", "")
    return _decide(
        request,
        drift_id,
        lambda actor: drift_decisions.drift_reopen(drift_id=drift_id, reason=comment, actor=actor),
        "It is in the queue again.",
    )


@signed_in
@posted("drift-detail", "drift_id")
def drift_take(request: HttpRequest, drift_id: int) -> HttpResponse:
    """Become the owner."""
    return _decide(
        request,
        drift_id,
        lambda actor: drift_decisions.drift_take(drift_id=drift_id, actor=actor),
        "You are its owner now.",
    )


@signed_in
@posted("drift-detail", "drift_id")
def drift_revert_page(request: HttpRequest, drift_id: int) -> HttpResponse:
    """Write a draft change request that takes the drift back, and go there."""
    made: list[int] = []
    refusal = attempt(lambda: made.append(drift_revert(drift_id=drift_id, author=actor_of(request)).pk))
    if refusal:
        return _page(request, drift_id, refusal)
    messages.success(request, "The draft is written. Read its content, then build the plan.")
    return redirect("change-detail", made[0])
