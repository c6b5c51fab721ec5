"""The library of change templates, the page of a version, and the comparison of two."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.templates.comparing import compared
from changes.domain.templates.policy import may_write_template
from changes.errors import ChangeNotFoundError
from changes.models import TemplateVersion
from changes.services.template_library import template_get, templates_matching, version_get
from portal.forms.template_filters import TemplateFilterForm
from portal.forms.templates import SettingsForm
from portal.preferences import preference
from portal.presenters.diffs import diff_blocks
from portal.presenters.paging import KeyPage, older_page
from portal.presenters.templates import runbook_of, template_rows, version_page
from portal.presenters.visible import Mask
from portal.views.access import refused, signed_in, viewer
from portal.views.refusals import Refusal
from portal.views.strictness import asked_for

PAGE = 50
FILTERS = ("q", "state", "platform", "owner", "pre_approved")


@require_safe
@signed_in
def template_list(request: HttpRequest) -> HttpResponse:
    """All templates, newest first, narrowed by filters; a filter that cannot be used is answered with 400."""
    asked: dict[str, list[str]] = {}
    problem = ""
    try:
        asked = asked_for(request.GET, [*FILTERS, "before"])
        filters = {name: values[0] for name, values in asked.items() if name != "before"}
        if "q" in filters:
            filters["text"] = filters.pop("q")
        page = older_page(request, templates_matching(filters).order_by("-pk"), size=PAGE)
    except InvalidInputError as error:
        problem, page = str(error), KeyPage([])
    asked.pop("before", None)
    context = {
        "form": TemplateFilterForm(asked or dict(request.GET.lists())),
        "problem": problem,
        "filtered": bool(asked),
        "rows": template_rows(page.rows),
        "page": page,
        "may_write_template": may_write_template(viewer(request)).allowed,
        "list_url": reverse("template-list"),
        "crumbs": [{"label": "Templates", "url": ""}],
    }
    return render(request, "templates/list.html", context, status=400 if problem else 200)


@require_safe
@signed_in
def template_detail(request: HttpRequest, template_id: int) -> HttpResponse:
    """A template by its approved version, or by its newest."""
    try:
        template = template_get(template_id)
    except ChangeNotFoundError as error:
        raise Http404(str(error)) from error
    number = TemplateVersion.objects.values_list("number", flat=True).get(pk=template.shown_id)  # type: ignore[attr-defined]
    return version_answer(request, template_id, number)


@require_safe
@signed_in
def template_version(request: HttpRequest, template_id: int, number: int) -> HttpResponse:
    """One version: the runbook, its reviews, its history, and what can be done with it."""
    return version_answer(request, template_id, number)


def version_answer(
    request: HttpRequest,
    template_id: int,
    number: int,
    *,
    refusal: Refusal | None = None,
    settings: SettingsForm | None = None,
) -> HttpResponse:
    """Draw the page of a version, under the alert of a refusal if there is one, and with its status."""
    version = version_or_404(template_id, number)
    page = version_page(version, viewer(request))
    template = page.template
    initial = {"name": template.name, "owner": template.owner.get_username()}
    context = {
        "page": page,
        "template": template,
        "version": version,
        "book": runbook_of(version, Mask.load()),
        "refusal": refusal,
        "comment": request.POST.get("comment", ""),
        "settings_form": settings or SettingsForm(initial=initial),
        "settings_open": settings is not None,
        "crumbs": [
            {"label": "Templates", "url": reverse("template-list")},
            {"label": version.label, "url": ""},
        ],
    }
    return render(request, "templates/version.html", context, status=refusal.status if refusal else 200)


@require_safe
@signed_in
def template_compare(request: HttpRequest, template_id: int, number: int) -> HttpResponse:
    """What this version changes against another one, line by line."""
    new = version_or_404(template_id, number)
    try:
        other = _against(request, number)
    except InvalidInputError as error:
        url = reverse("template-version", args=[template_id, number])
        return refused(request, "There is nothing to compare", str(error), status=400, url=url, label=new.label)
    old = version_or_404(template_id, other)
    diff = compared(old.said, new.said, names=(old.label, new.label))
    context = {
        "new": new,
        "old": old,
        "blocks": diff_blocks(diff, Mask.load()),
        "mode": preference(request, "diff"),
        "others": [other for other in new.template.versions.defer("document") if other.number != new.number],
        "crumbs": [
            {"label": "Templates", "url": reverse("template-list")},
            {"label": new.label, "url": reverse("template-version", args=[template_id, number])},
            {"label": "Compare", "url": ""},
        ],
    }
    return render(request, "templates/compare.html", context)


def _against(request: HttpRequest, number: int) -> int:
    """The number of the version to compare with; the one before where none is named.

    Raises:
        InvalidInputError: it is no number, or another parameter is given.
    """
    asked = asked_for(request.GET, ["against"])
    given = (asked.get("against") or [str(max(1, number - 1))])[0]
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise InvalidInputError({"against": ["Name the version to compare with by its number."]})
    return int(given)


def version_or_404(template_id: int, number: int) -> TemplateVersion:
    """The version.

    Raises:
        Http404: there is none.
    """
    try:
        return version_get(template_id, number)
    except ChangeNotFoundError as error:
        raise Http404(str(error)) from error
