"""Taking one's own decision back, and a stale change up again: one POST each."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from changes.services.decisions import decision_withdraw as service_withdraw
from changes.services.revising import change_revise as service_revise
from portal.views.access import signed_in
from portal.views.decisions import asked_or_sent, on_detail


@signed_in
@asked_or_sent
def decision_withdraw(request: HttpRequest, change_id: int) -> HttpResponse:
    """Take back one's own approval or abstention."""
    comment = request.POST.get("comment", "")
    return on_detail(
        request,
        change_id,
        lambda actor: service_withdraw(change_id=change_id, actor=actor, comment=comment),
        said="Your decision is withdrawn and no longer counts.",
        then="change-approvals",
    )


@signed_in
@asked_or_sent
def change_revise(request: HttpRequest, change_id: int) -> HttpResponse:
    """Make a stale change a draft again."""
    return on_detail(
        request,
        change_id,
        lambda actor: service_revise(change_id=change_id, requester=actor),
        said="The change is a draft again. Build its plan anew, read it, then submit it.",
    )
