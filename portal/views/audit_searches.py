"""Saved searches of the audit explorer: the page that lists them, and what a person does with their own."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from audit.errors import AuditError, SavedSearchNotFoundError
from audit.models import SavedSearch
from audit.saved_searches import saved_search_change, saved_search_create, saved_search_delete
from portal.presenters.audit_tabs import audit_tabs
from portal.views.access import audit_reader, refused
from portal.views.acting import actor_of
from portal.views.posting import posted


@require_http_methods(["GET", "HEAD", "POST"])
@audit_reader
def searches(request: HttpRequest) -> HttpResponse:
    """One's own and the shared searches; a POST keeps the filters that it carries under a name."""
    if request.method != "POST":
        return _page(request)
    given = {name: str(value) for name, value in request.POST.items() if name.startswith("filter-")}
    query = {name.removeprefix("filter-"): value for name, value in given.items()}
    try:
        search = saved_search_create(
            actor=actor_of(request), name=request.POST.get("name", ""), query=query, shared="shared" in request.POST
        )
    except AuditError as error:
        return _page(request, problem=str(error), keep=given, name=request.POST.get("name", ""))
    messages.success(request, f"The search {search.name} is saved.")
    return redirect(f"{reverse('audit-list')}?{search.query_string}")


@audit_reader
@posted("audit-searches")
def search_change(request: HttpRequest, search_id: int) -> HttpResponse:
    """Rename one's own search, or share it, or keep it to oneself."""
    try:
        search = saved_search_change(
            actor=actor_of(request),
            search_id=search_id,
            name=request.POST.get("name", ""),
            shared="shared" in request.POST,
        )
    except SavedSearchNotFoundError as error:
        return _missing(request, error)
    except AuditError as error:
        return _page(request, problem=str(error))
    messages.success(request, f"The search {search.name} is changed.")
    return redirect("audit-searches")


@audit_reader
@posted("audit-searches")
def search_delete(request: HttpRequest, search_id: int) -> HttpResponse:
    """Drop one's own search."""
    try:
        saved_search_delete(actor=actor_of(request), search_id=search_id)
    except SavedSearchNotFoundError as error:
        return _missing(request, error)
    messages.success(request, "The search is deleted.")
    return redirect("audit-searches")


def _missing(request: HttpRequest, error: SavedSearchNotFoundError) -> HttpResponse:
    url, label = reverse("audit-searches"), "Saved searches"
    return refused(request, "This search is not yours", str(error), status=HTTPStatus.NOT_FOUND, url=url, label=label)


def _page(
    request: HttpRequest, *, problem: str = "", keep: dict[str, str] | None = None, name: str = ""
) -> HttpResponse:
    found = SavedSearch.objects.open_to(request.user.pk or 0)
    rows = [
        {"search": each, "own": each.owner_id == request.user.pk, "url": f"{reverse('audit-list')}?{each.query_string}"}
        for each in found
    ]
    context = {
        "rows": rows,
        "problem": problem,
        "keep": keep or {},
        "name": name,
        "tabs": audit_tabs("audit-searches"),
        "crumbs": [{"label": "Audit", "url": reverse("audit-list")}, {"label": "Saved searches", "url": ""}],
    }
    return render(request, "audit/searches.html", context, status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK)
