from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from devices.services.breakers import breakers_holding_count
from devices.services.credential_overview import credential_overview, credential_uses_of
from portal.presenters.credential_pages import credential_rows, use_rows
from portal.presenters.paging import older_page
from portal.views.access import credential_reader, refused
from portal.views.strictness import asked_for

USES = 50


@require_safe
@credential_reader
def credential_list(request: HttpRequest) -> HttpResponse:
    """Every credential by name: where it may be used, when it was, and how old it is."""
    try:
        asked_for(request.GET, [])
    except InvalidInputError as error:
        return refused(request, "This list cannot be shown", str(error), status=400, url=request.path, label="Show all")
    overview = credential_overview()
    rows = credential_rows(overview.credentials)
    return render(
        request,
        "credentials/list.html",
        {
            "rows": rows,
            "overdue_count": sum(row.overdue is True for row in rows),
            "problem": overview.problem,
            "has_rules": overview.has_rules,
            "held_back": breakers_holding_count(),
            "crumbs": [{"label": "Devices", "url": reverse("device-list")}, {"label": "Credentials", "url": ""}],
        },
    )


@require_safe
@credential_reader
def credential_detail(request: HttpRequest, name: str) -> HttpResponse:
    """One credential and the record of its uses."""
    found = next((view for view in credential_overview().credentials if view.name == name), None)
    back = reverse("credential-list")
    if found is None:
        sentence = f"Neither the rules nor the inventory nor a use names a credential “{name}”."
        return refused(request, "There is no such credential", sentence, status=404, url=back, label="All credentials")
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, credential_uses_of(name), size=USES)
    except InvalidInputError as error:
        return refused(request, "This page does not exist", str(error), status=400, url=request.path, label=name)
    [row] = credential_rows([found])
    return render(
        request,
        "credentials/detail.html",
        {
            "row": row,
            "uses": use_rows(page.rows),
            "page": page,
            "crumbs": [
                {"label": "Devices", "url": reverse("device-list")},
                {"label": "Credentials", "url": back},
                {"label": name, "url": ""},
            ],
        },
    )
