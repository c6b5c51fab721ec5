"""The exact bytes of a plan, device by device, for those who may read the audit log."""

from __future__ import annotations

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from audit.errors import FilterError, UnknownFilterError
from audit.filters import only_value, whole_number
from changes.domain.errors import ChangeError
from changes.errors import ChangeNotFoundError
from changes.services.plan_bytes import plan_bytes_take, signed_devices
from portal.presenters.links import page_url
from portal.views.access import audit_reader, refused, signed_in
from portal.views.acting import actor_of
from portal.views.refusals import refusal_of

CURSOR = "after"


@require_safe
@audit_reader
def audit_plan(request: HttpRequest, change_id: int, number: int) -> HttpResponse:
    """The devices of one revision with the digest of each, and where their bytes are."""
    here = reverse("audit-plan", args=[change_id, number])
    try:
        after = _after(request)
        page = signed_devices(change_id=change_id, number=number, after=after)
    except FilterError as error:
        title = "This page does not exist"
        return refused(request, title, str(error), status=HTTPStatus.BAD_REQUEST, url=here, label="The first devices")
    except ChangeNotFoundError as error:
        raise Http404(str(error)) from None
    change = page.revision.change
    trail_url = reverse("audit-trail", args=[change_id])
    return render(
        request,
        "audit/plan.html",
        {
            "change": change,
            "revision": page.revision,
            "devices": [
                {"plan": each, "url": reverse("audit-plan-bytes", args=[change_id, number, each.position])}
                for each in page.devices
            ],
            "plan_url": page_url("change-plan", change_id, revision=number),
            "trail_url": trail_url,
            "next_url": f"{here}?{CURSOR}={page.next_after}" if page.next_after is not None else "",
            "first_url": here if after is not None else "",
            "crumbs": [
                {"label": "Audit", "url": reverse("audit-list")},
                {"label": change.number, "url": trail_url},
                {"label": f"Plan, revision {number}", "url": ""},
            ],
        },
    )


def _after(request: HttpRequest) -> int | None:
    for name in request.GET:
        if name != CURSOR:
            raise UnknownFilterError(name, [CURSOR])
    text = only_value(CURSOR, request.GET)
    return whole_number(CURSOR, text) if text else None


@require_GET
@signed_in
def audit_plan_bytes(request: HttpRequest, change_id: int, number: int, position: int) -> HttpResponse:
    """The bytes of one device's plan as a file; taking them is an event, and so is a refusal."""
    try:
        taken = plan_bytes_take(actor=actor_of(request), change_id=change_id, number=number, position=position)
    except ChangeNotFoundError as error:
        raise Http404(str(error)) from None
    except ChangeError as error:
        refusal = refusal_of(error)
        url = page_url("change-detail", change_id)
        sentence = " ".join(refusal.sentences)
        return refused(request, refusal.title, sentence, status=refusal.status, url=url, label="The change")
    headers = {
        "Content-Disposition": f'attachment; filename="{taken.filename}"',
        "X-Plan-Digest": taken.digest,
        "X-Audit-Event": str(taken.event_id),
    }
    return HttpResponse(taken.content, content_type="application/json", headers=headers)
