"""Breakers: what is held back because of a common cause, and closing one by hand."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.policy import Role
from devices.services.breakers import breaker_reset, breakers_troubled
from portal.presenters.breaker_pages import breaker_rows
from portal.views.access import credential_reader, refused, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for


@require_safe
@credential_reader
def breaker_list(request: HttpRequest) -> HttpResponse:
    """Every breaker that is not closed, or has failures counted against it."""
    try:
        asked_for(request.GET, [])
    except InvalidInputError as error:
        return refused(request, "This list cannot be shown", str(error), status=400, url=request.path, label="Show all")
    return _page(request)


def _page(request: HttpRequest, refusal: Refusal | None = None, breaker_id: int = 0) -> HttpResponse:
    return render(
        request,
        "credentials/breakers.html",
        {
            "rows": breaker_rows(breakers_troubled()),
            "may_reset": Role.ADMINISTRATOR in viewer(request).roles and Role.AUDITOR not in viewer(request).roles,
            "refusal": refusal,
            "typed_id": breaker_id,
            "typed": request.POST,
            "crumbs": [
                {"label": "Devices", "url": reverse("device-list")},
                {"label": "Credentials", "url": reverse("credential-list")},
                {"label": "Circuit breakers", "url": ""},
            ],
        },
        status=refusal.status if refusal else 200,
    )


@credential_reader
@posted("breaker-list")
def breaker_reset_view(request: HttpRequest, breaker_id: int) -> HttpResponse:
    """Close a breaker by hand."""
    said = request.POST.get("comment", "")
    refusal = attempt(lambda: breaker_reset(breaker_id=breaker_id, reason=said, actor=actor_of(request)))
    if refusal:
        return _page(request, refusal, breaker_id)
    messages.success(request, "Closed. The next attempts show whether the cause is repaired.")
    return redirect("breaker-list")
