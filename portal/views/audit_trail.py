"""The audit trail of one change, for those who may read the log."""

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.errors import FilterError, UnknownFilterError
from audit.filters import only_value, whole_number
from audit.retention.whereabouts import where_change_went
from changes.trail import trail_page
from portal.presenters.audit_trail import trail_moments
from portal.presenters.links import audit_url, page_url
from portal.views.access import audit_reader, refused

CURSOR = "after_id"


@require_safe
@audit_reader
def audit_trail(request: HttpRequest, change_id: int) -> HttpResponse:
    """The events of a change from its beginning, with links to what each is about."""
    here = reverse("audit-trail", args=[change_id])
    try:
        after = _after(request)
    except FilterError as error:
        title = "This page does not exist"
        return refused(request, title, str(error), status=HTTPStatus.BAD_REQUEST, url=here, label="From the beginning")
    page = trail_page(change_id, after_id=after)
    went = "" if after else where_change_went(change_id)
    if not page.rows and went:
        title, back = "The events of this change went to an archive", reverse("retention")
        return refused(request, title, went, status=HTTPStatus.GONE, url=back, label="Retention")
    if not page.rows and not after:
        raise Http404(f"The log holds no event of change {change_id}.")
    number = f"CHG-{change_id:05d}"
    return render(
        request,
        "audit/trail.html",
        {
            "number": number,
            "went": went,
            "moments": trail_moments(change_id, page),
            "next_url": f"{here}?{CURSOR}={page.next_after_id}" if page.next_after_id else "",
            "first_url": here if after else "",
            "change_url": page_url("change-detail", change_id),
            "explorer_url": audit_url(change_id=change_id),
            "crumbs": [{"label": "Audit", "url": reverse("audit-list")}, {"label": number, "url": ""}],
        },
    )


def _after(request: HttpRequest) -> int:
    for name in request.GET:
        if name != CURSOR:
            raise UnknownFilterError(name, [CURSOR])
    text = only_value(CURSOR, request.GET)
    return whole_number(CURSOR, text) if text else 0
