"""Rolling back, after a page that shows what would be sent to which device."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from changes.domain.errors import InvalidInputError
from changes.services.rollback import change_rollback
from changes.services.rollback_preview import rollback_preview
from portal.forms.decisions import with_findings
from portal.forms.rollback import RollbackForm, device_ids, wish_of
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import look_at, page_context
from portal.views.decisions import asked_or_sent
from portal.views.refusals import attempt


@signed_in
@asked_or_sent
def change_roll_back(request: HttpRequest, change_id: int) -> HttpResponse:
    """Show what a rollback would send, of the whole change or of some devices; then order it."""
    posted = request.method == "POST"
    form = RollbackForm(request.POST if posted else None)
    refusal = None
    if posted:
        ordered: list[int] = []
        refusal = attempt(
            lambda: ordered.append(
                change_rollback(change_id=change_id, implementer=actor_of(request), wish=wish_of(request.POST)).pk
            )
        )
        if refusal is None:
            return redirect("run-detail", change_id, ordered[0])
        with_findings(form, refusal.fields)
    sight = look_at(request, change_id)
    try:
        chosen = device_ids(request.POST if posted else request.GET)
    except InvalidInputError:
        raise Http404("There is no such device.") from None
    common = page_context(sight, "", page="Roll back")
    context = {
        **common,
        "action": common["actions"].get("rollback"),
        "refusal": refusal,
        "form": form,
        "chosen": chosen,
        "preview": rollback_preview(sight.change, chosen, after=_after(request)),
    }
    return render(request, "changes/rollback.html", context, status=refusal.status if refusal else 200)


def _after(request: HttpRequest) -> int:
    text = request.GET.get("after", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
