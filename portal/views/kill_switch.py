"""The kill switch: its page, where it is engaged and released, and who did so before."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from changes.domain import policy
from changes.domain.errors import InvalidInputError
from changes.models import KillSwitch
from changes.services import kill_switch as services
from portal.forms.decisions import with_findings
from portal.forms.orders import KillSwitchForm
from portal.presenters.paging import older_page
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.decisions import asked_or_sent
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE = 50


@require_safe
@signed_in
def kill_switch(request: HttpRequest) -> HttpResponse:
    """Whether it is engaged, and every time that it was, newest first."""
    return _page(request)


@signed_in
@asked_or_sent
def kill_switch_engage(request: HttpRequest) -> HttpResponse:
    """Stop every first write."""
    comment = request.POST.get("comment", "")
    return _moved(
        request,
        lambda: services.kill_switch_engage(actor=actor_of(request), reason=comment),
        "The kill switch is engaged. Nothing begins to write to any device.",
    )


@signed_in
@asked_or_sent
def kill_switch_release(request: HttpRequest) -> HttpResponse:
    """Let changes write again."""
    comment = request.POST.get("comment", "")
    return _moved(
        request,
        lambda: services.kill_switch_release(actor=actor_of(request), reason=comment),
        "The kill switch is released. Runs that it paused wait until somebody resumes them.",
    )


def _moved(request: HttpRequest, act: Callable[[], object], said: str) -> HttpResponse:
    if request.method != "POST":
        return redirect("kill-switch")
    refusal = attempt(act)
    if refusal:
        return _page(request, refusal)
    messages.success(request, said)
    return redirect("kill-switch")


def _page(request: HttpRequest, refusal: Refusal | None = None) -> HttpResponse:
    rows = KillSwitch.objects.select_related("engaged_by", "released_by").order_by("-pk")
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, rows, size=PAGE)
    except InvalidInputError as error:
        return refused(
            request, "This page does not exist", str(error), status=400, url=request.path, label="Kill switch"
        )
    engaged = services.kill_switch_engaged()
    person = viewer(request)
    if engaged is None:
        verdict = policy.may_engage_kill_switch(person)
    else:
        verdict = policy.may_release_kill_switch(person, engaged_by_id=engaged.engaged_by_id)
    form = KillSwitchForm(request.POST if request.method == "POST" else None)
    if refusal:
        with_findings(form, refusal.fields)
    context = {
        "engaged": engaged,
        "page": page,
        "verdict": verdict,
        "why": " ".join(denial.sentence for denial in verdict.reasons),
        "form": form,
        "refusal": refusal,
        "crumbs": [{"label": "Kill switch", "url": ""}],
    }
    return render(request, "control/kill_switch.html", context, status=refusal.status if refusal else 200)
