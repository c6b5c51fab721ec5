"""Writing and editing a template version: the form collects, the services judge, and everything typed is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from changes.domain.errors import InvalidInputError
from changes.domain.states import IllegalTransitionError
from changes.domain.templates.document import TemplateDocument
from changes.domain.templates.policy import may_write_template
from changes.domain.templates.states import TemplateState
from changes.errors import PolicyDeniedError, StaleEditError
from changes.models import TemplateVersion
from changes.services.templates import template_create, version_edit, version_propose
from portal.forms.checks import KINDS, PARSERS
from portal.forms.templates import RubricRow, TemplateInput
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.rendering import wants_partial
from portal.views.templates import version_or_404

_STEP: Final = re.compile(r"remove-step-(?P<number>\d{1,2})")
_ROW: Final = re.compile(r"(?P<do>add|remove|library)-(?P<kind>pre|post)(?:-(?P<number>\d{1,3}))?")


@dataclass(slots=True)
class _Page:
    """What a page of the form shows beside what was typed."""

    version: TemplateVersion | None
    given: TemplateInput
    status: int = 200
    refusal: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def template_create_page(request: HttpRequest) -> HttpResponse:
    """A new template: a form, or what came of sending it."""
    verdict = may_write_template(viewer(request))
    if not verdict.allowed:
        return refused(request, "You cannot write templates", verdict.reasons[0].sentence)
    if request.method == "POST":
        return _sent(request, _Page(None, TemplateInput.read(request.POST)))
    return _page(request, _Page(None, TemplateInput.of(TemplateDocument())))


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def template_edit_page(request: HttpRequest, template_id: int, number: int) -> HttpResponse:
    """A draft in its form, or what came of sending it."""
    version = version_or_404(template_id, number)
    url = reverse("template-version", args=[template_id, number])
    verdict = may_write_template(viewer(request))
    if not verdict.allowed:
        return refused(request, f"You cannot edit {version.label}", verdict.reasons[0].sentence, url=url, label="Back")
    if request.method == "POST":
        return _sent(request, _Page(version, TemplateInput.read(request.POST)))
    if version.state != TemplateState.DRAFT:
        sentence = "It is fixed since it was proposed. Make a new version to change it."
        return refused(request, f"{version.label} is no draft", sentence, status=409, url=url, label=version.label)
    document = TemplateDocument.from_bytes(version.document.encode())
    given = TemplateInput.of(document, name=version.template.name, edits=version.edits)
    return _page(request, _Page(version, given))


def _sent(request: HttpRequest, page: _Page) -> HttpResponse:
    action = request.POST.get("action", "save")
    row = _ROW.fullmatch(action)
    if row:
        return _rows_changed(request, page, row)
    if action in {"save", "propose"}:
        return _save(request, page, then_propose=action == "propose")
    if action == "add-platform":
        page.given.add_platform(request.POST.get("new-platform", ""))
    elif action == "add-question":
        page.given.rubric.append(RubricRow("", "", ready=False))
    elif action == "add-step":
        page.given.steps = page.given.steps.added()
    elif removed := _STEP.fullmatch(action):
        page.given.steps = page.given.steps.without(int(removed["number"]))
    elif action != "show-ranges":
        page.status, page.refusal = 400, "This button is not known. Reload the page and try again."
    return _page(request, page)


def _rows_changed(request: HttpRequest, page: _Page, row: re.Match[str]) -> HttpResponse:
    """Add a check's row, empty or from the library, or take one out; htmx gets that list alone."""
    checks, kind = page.given.checks, row["kind"]
    if row["do"] == "library":
        checks[kind] = checks[kind].with_library(request.POST.get(f"{kind}-library", ""))
    else:
        checks[kind] = checks[kind].added() if row["do"] == "add" else checks[kind].without(int(row["number"] or 0))
    if not wants_partial(request):
        return _page(request, page)
    context = {"rows": checks[kind], "parsers": PARSERS, "added": row["do"] != "remove"}
    return render(request, "changes/_check_rows.html", context)


def _save(request: HttpRequest, page: _Page, *, then_propose: bool) -> HttpResponse:
    actor = actor_of(request)
    saved = page.version
    try:
        saved = _stored(request, page)
        if then_propose:
            version_propose(template_id=saved.template_id, number=saved.number, author=actor)
    except InvalidInputError as error:
        if saved is not None and page.version is None:
            messages.info(request, f"{saved.label} is saved as a draft, but cannot be proposed yet.")
            messages.warning(request, str(error))
            return redirect("template-edit", saved.template_id, saved.number)
        page.given.blame(error.fields)
        page.status = 422
        _keep_count(page, saved)
        return _page(request, page)
    except (StaleEditError, IllegalTransitionError) as error:
        page.status, page.refusal = 409, str(error)
        return _page(request, page)
    except PolicyDeniedError as error:
        page.status, page.refusal = 403, str(error)
        return _page(request, page)
    said = "is proposed. People who wrote nothing of it review it now." if then_propose else "is saved as a draft."
    messages.success(request, f"{saved.label} {said}")
    return redirect("template-version", saved.template_id, saved.number)


def _stored(request: HttpRequest, page: _Page) -> TemplateVersion:
    """Hand the form to the service.

    Raises:
        ChangeError: it was refused; nothing is stored.
    """
    body, actor = page.given.body(), actor_of(request)
    if page.version is None:
        return template_create(data={**body, "name": page.given.text("name")}, author=actor)
    return version_edit(
        template_id=page.version.template_id,
        number=page.version.number,
        data=body,
        editor=actor,
        edits=page.given.edits,
    )


def _keep_count(page: _Page, saved: TemplateVersion | None) -> None:
    """A draft that was saved, but could not be proposed, counts one edit more: the form goes on from there."""
    if saved is not None:
        edits = TemplateVersion.objects.values_list("edits", flat=True).get(pk=saved.pk)
        page.given.form.data = {**page.given.form.data.dict(), "edits": str(edits)}  # type: ignore[attr-defined]  # a QueryDict


def _page(request: HttpRequest, page: _Page) -> HttpResponse:
    version, given = page.version, page.given
    crumbs = [{"label": "Templates", "url": reverse("template-list")}]
    if version:
        url = reverse("template-version", args=[version.template_id, version.number])
        crumbs.append({"label": version.label, "url": url})
    context = {
        "version": version,
        "given": given,
        "form": given.form,
        "strategy_is_usual": True,
        "checks": [given.checks[kind] for kind in KINDS],
        "parsers": PARSERS,
        "refusal": page.refusal,
        "form_url": (
            reverse("template-edit", args=[version.template_id, version.number])
            if version
            else reverse("template-create")
        ),
        "cancel_url": crumbs[-1]["url"],
        "crumbs": [*crumbs, {"label": "Edit" if version else "New template", "url": ""}],
    }
    return render(request, "templates/form.html", context, status=page.status)
