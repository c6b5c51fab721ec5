from collections.abc import Mapping, Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.models import ChangeQuerySet
from changes.selectors import changes_matching
from portal.forms.filters import STATE_GROUPS, ChangeFilterForm
from portal.presenters.change_rows import change_rows, listed
from portal.presenters.paging import KeyPage, older_page
from portal.views.access import signed_in, viewer
from portal.views.strictness import asked_for

PAGE = 50
FILTERS = ("q", "state", "risk", "author", "device")


@require_safe
@signed_in
def change_list(request: HttpRequest) -> HttpResponse:
    """All changes, newest first, narrowed by filters; a filter that cannot be used is answered with 400."""
    asked: dict[str, list[str]] = {}
    problem = ""
    try:
        asked = asked_for(request.GET, [*FILTERS, "before"])
        page = older_page(request, _found(asked), size=PAGE)
    except InvalidInputError as error:
        problem, page = str(error), KeyPage([])
    asked.pop("before", None)
    return render(
        request,
        "changes/list.html",
        {
            "form": ChangeFilterForm(asked or dict(request.GET.lists())),
            "problem": problem,
            "filtered": bool(asked),
            "rows": change_rows(page.rows),
            "page": page,
            "tabs": _usual(viewer(request).username, asked) if not problem else [],
            "list_url": reverse("change-list"),
            "crumbs": [{"label": "Changes", "url": ""}],
        },
        status=400 if problem else 200,
    )


def _found(asked: Mapping[str, Sequence[str]]) -> ChangeQuerySet:
    """The changes that were asked for.

    Raises:
        InvalidInputError: a value that a filter cannot have.
    """
    filters = {name: values[0] for name, values in asked.items() if name != "before"}
    if "q" in filters:
        filters["text"] = filters.pop("q")
    if filters.get("state") in STATE_GROUPS:
        _label, states = STATE_GROUPS[filters["state"]]
        filters["state"] = ",".join(sorted(states))
    return listed(changes_matching(filters))


def _usual(username: str, asked: Mapping[str, Sequence[str]]) -> list[dict[str, object]]:
    """The lists that people ask for most, as tabs."""
    usual: tuple[tuple[str, dict[str, list[str]]], ...] = (
        ("All", {}),
        ("Open", {"state": ["open"]}),
        ("Yours", {"author": [username]}),
        ("Being reviewed", {"state": ["reviewing"]}),
        ("Being executed", {"state": ["running"]}),
    )
    path = reverse("change-list")
    return [
        {"label": label, "url": f"{path}?{urlencode(query, doseq=True)}", "current": asked == query, "count": None}
        for label, query in usual
    ]
