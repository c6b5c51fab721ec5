"""Steps that ask once more on a page of their own: cancel, start, close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from changes.domain.run_states import RunOutcome, suggested_close_code
from changes.services import execution, requests, review
from changes.services.reviews import review_required
from portal.forms.decisions import CancelForm, CloseForm, with_findings
from portal.presenters.sight import Sight
from portal.presenters.starting import start_facts
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt


def _page(
    request: HttpRequest,
    sight: Sight,
    key: str,
    context: Mapping[str, Any],
    refusal: Refusal | None,
) -> HttpResponse:
    """Draw a confirmation; where the step is not open to this person it says why, without its button."""
    common = page_context(sight, "", page=key.capitalize())
    action = common["actions"].get(key)
    status = refusal.status if refusal else 200
    full = {**common, **context, "action": action, "refusal": refusal}
    return render(request, f"changes/{key}.html", full, status=status)


@signed_in
@asked_or_sent
def change_cancel(request: HttpRequest, change_id: int) -> HttpResponse:
    """Give a change up, after a question and with a reason."""
    form = CancelForm(request.POST if request.method == "POST" else None)
    refusal = None
    if request.method == "POST":
        comment = request.POST.get("comment", "")
        refusal = attempt(lambda: requests.change_cancel(change_id=change_id, actor=actor_of(request), comment=comment))
        if refusal is None:
            messages.success(request, "The change is canceled.")
            return redirect("change-detail", change_id)
        with_findings(form, refusal.fields)
    return _page(request, look_at(request, change_id), "cancel", {"form": form}, refusal)


@signed_in
@asked_or_sent
def change_start(request: HttpRequest, change_id: int) -> HttpResponse:
    """Start the approved plan, after a page that says what will happen."""
    refusal = None
    if request.method == "POST":
        started: list[int] = []
        refusal = attempt(
            lambda: started.append(execution.change_start(change_id=change_id, implementer=actor_of(request)).pk)
        )
        if refusal is None:
            return redirect("run-detail", change_id, started[0])
    sight = look_at(request, change_id)
    return _page(request, sight, "start", {"start": start_facts(sight)}, refusal)


@signed_in
@asked_or_sent
def change_close(request: HttpRequest, change_id: int) -> HttpResponse:
    """Close a reviewed change with a code and a note."""
    sight = look_at(request, change_id)
    form, outcome = _close_form(request, sight)
    missing = review_required(sight.change) or ""
    refusal = None
    if request.method == "POST":
        code, comment = request.POST.get("close_code", ""), request.POST.get("comment", "")
        refusal = attempt(
            lambda: review.change_close(
                change_id=change_id, manager=actor_of(request), close_code=code, comment=comment
            )
        )
        if refusal is None:
            messages.success(request, "The change is closed.")
            return redirect("change-detail", change_id)
        with_findings(form, refusal.fields)
    facts = {"form": form, "outcome": outcome, "run": sight.run, "review_missing": missing}
    return _page(request, sight, "close", facts, refusal)


def _close_form(request: HttpRequest, sight: Sight) -> tuple[CloseForm, str]:
    outcome = sight.run.outcome if sight.run else ""
    suggested = suggested_close_code(RunOutcome(outcome) if outcome else RunOutcome.UNKNOWN)
    return CloseForm(request.POST if request.method == "POST" else None, outcome=outcome, suggested=suggested), outcome
