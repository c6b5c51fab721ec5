"""Answering questions about the risk of a change, and setting another level."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from changes.services.risk_decisions import risk_answer, risk_override
from portal.forms.decisions import with_findings
from portal.forms.risk import RiskForm
from portal.presenters.risk import levels_to_set, risk_of
from portal.presenters.visible import Mask
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import detail_page, look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.posting import posted
from portal.views.refusals import attempt


@signed_in
@posted("change-detail", "change_id")
def risk_answered(request: HttpRequest, change_id: int) -> HttpResponse:
    """Keep an answer, then show the risk as it is with it."""
    sent = request.POST
    refusal = attempt(
        lambda: risk_answer(
            change_id=change_id,
            actor=actor_of(request),
            fact=sent.get("fact", ""),
            answer=sent.get("answer", ""),
            plan_digest=sent.get("plan_digest", ""),
        )
    )
    if refusal is not None:
        return detail_page(request, look_at(request, change_id), refusal=refusal)
    messages.success(request, "The answer is kept, and the risk is computed with it.")
    return redirect(f"{reverse('change-detail', args=[change_id])}#risk")


@signed_in
@asked_or_sent
def risk_overridden(request: HttpRequest, change_id: int) -> HttpResponse:
    """Set another level, after a page that says what follows from it."""
    sight = look_at(request, change_id)
    risk = risk_of(sight, Mask.load())
    if risk is None:
        return redirect("change-detail", change_id)
    levels = levels_to_set(sight, risk.level)
    form = RiskForm(request.POST if request.method == "POST" else None, levels)
    refusal = None
    if request.method == "POST":
        sent = request.POST
        refusal = attempt(
            lambda: risk_override(
                change_id=change_id,
                actor=actor_of(request),
                level=sent.get("level", ""),
                reason=sent.get("reason", ""),
                plan_digest=sent.get("plan_digest", ""),
            )
        )
        if refusal is None:
            messages.success(request, "The level is set.")
            return redirect(f"{reverse('change-detail', args=[change_id])}#risk")
        with_findings(form, refusal.fields)
    context = {**page_context(sight, "", page="Risk"), "form": form, "risk": risk, "refusal": refusal}
    return render(request, "changes/risk_override.html", context, status=refusal.status if refusal else 200)
