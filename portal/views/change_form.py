"""Writing and editing a change: the form collects, the services judge, and everything typed is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from changes.domain import policy
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.states import ChangeState, ChangeType, IllegalTransitionError, check_editable
from changes.errors import ChangeNotFoundError, PolicyDeniedError, StaleEditError, UnplannableError
from changes.models import ChangeRequest
from changes.rendering import RendererUnavailableError, check_syntax
from changes.selectors import change_get
from changes.services.people import facts_of
from changes.services.planning import plan_request
from changes.services.requests import change_create, change_edit
from changes.services.template_use import newer_version, usable_version
from portal.forms.changes import ChangeInput, Problem
from portal.forms.checks import KINDS, PARSERS
from portal.forms.targets import PARAMETERS, TargetInput
from portal.preferences import preference
from portal.presenters.excerpts import TemplateProblem, template_problems
from portal.presenters.previewing import ShownPreview
from portal.presenters.target_picker import matching_ids, target_picker
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.change_origin import template_asked, version_of
from portal.views.change_preview import SEVERAL, previewed
from portal.views.rendering import wants_partial
from portal.views.strictness import asked_for

_ROW: Final = re.compile(r"(?P<do>add|remove|library)-(?P<kind>pre|post)(?:-(?P<number>\d{1,3}))?")


@dataclass(slots=True)
class _Page:
    """What a page of the form shows beside what was typed."""

    change: ChangeRequest | None
    given: ChangeInput
    status: int = 200
    refusal: str = ""
    template_problems: tuple[TemplateProblem, ...] = ()
    preview: ShownPreview | None = None


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def change_create_page(request: HttpRequest) -> HttpResponse:
    """A new change: a form, perhaps with devices that the address names already, or what came of sending it."""
    verdict = policy.may_create(viewer(request))
    if not verdict.allowed:
        return refused(request, "You cannot write changes", " ".join(denial.sentence for denial in verdict.reasons))
    if request.method == "POST":
        return _sent(request, None)
    page = _Page(None, ChangeInput.blank())
    try:
        asked_for(request.GET, [*PARAMETERS, "template"], several=SEVERAL)
        template_id = template_asked(request.GET)
        if template_id is not None:
            page.given = ChangeInput.blank(usable_version(template_id))
        page.given.targets = TargetInput.read(request.GET)
    except InvalidInputError as error:
        page.status, page.refusal = 400, str(error)
    return _page(request, page)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def change_edit_page(request: HttpRequest, change_id: int) -> HttpResponse:
    """A draft in its form, or what came of sending it. With ``?check=plan`` the form says why no plan can be built."""
    try:
        change = change_get(change_id)
    except ChangeNotFoundError as error:
        raise Http404(str(error)) from error
    url = reverse("change-detail", args=[change.pk])
    verdict = policy.may_edit(viewer(request), facts_of(change))
    if not verdict.allowed:
        sentence = " ".join(denial.sentence for denial in verdict.reasons)
        return refused(request, f"You cannot edit {change.number}", sentence, url=url, label=f"Back to {change.number}")
    if request.method == "POST":
        return _sent(request, change)
    try:
        check_editable(ChangeState(change.state))
    except IllegalTransitionError as error:
        title = f"{change.number} cannot be edited now"
        return refused(request, title, str(error), status=409, url=url, label=f"Back to {change.number}")
    page = _Page(change, ChangeInput.of(change))
    if request.GET.get("check") == "plan":
        _say_why_no_plan(change, page)
    return _page(request, page)


def _sent(request: HttpRequest, change: ChangeRequest | None) -> HttpResponse:
    version = change.template_version if change else version_of(request.POST)
    page = _Page(change, ChangeInput.read(request.POST, version))
    action = request.POST.get("action", "save")
    row = _ROW.fullmatch(action)
    if row:
        return _rows_changed(request, page, row)
    if action in {"save", "plan"}:
        return _save(request, page, then_plan=action == "plan")
    if action in {"renew", "detach"} and change and version:
        return _save(request, page, template=version.template_id if action == "renew" else None)
    if action == "preview":
        page.preview, page.status = previewed(request, page.given)
    elif action == "pick-all":
        _pick_all(page.given)
    elif action != "targets":
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


def _pick_all(given: ChangeInput) -> None:
    try:
        given.targets = given.targets.with_devices(matching_ids(given.targets))
    except InvalidInputError as error:
        given.blame(error.fields)


_AS_IT_IS: Final = object()


def _save(request: HttpRequest, page: _Page, *, then_plan: bool = False, template: object = _AS_IT_IS) -> HttpResponse:
    """Store the form; ``template`` is another one to make the change from, or None to give its template up."""
    try:
        change = _stored(request, page, template)
    except InvalidInputError as error:
        page.given.blame(error.fields)
        page.status = 422
        return _page(request, page)
    except (StaleEditError, IllegalTransitionError) as error:
        page.status, page.refusal = 409, str(error)
        return _page(request, page)
    except PolicyDeniedError as error:
        page.status, page.refusal = 403, str(error)
        return _page(request, page)
    if template is not _AS_IT_IS:
        messages.success(request, f"{change.number} is saved with what you chose. Go on here.")
        return redirect("change-edit", change.pk)
    if then_plan:
        return _plan(request, change)
    messages.success(request, f"{change.number} is saved as a draft.")
    return redirect("change-detail", change.pk)


def _stored(request: HttpRequest, page: _Page, template: object) -> ChangeRequest:
    """Hand the form to the service.

    Raises:
        ChangeError: it was refused; nothing is stored.
    """
    body = page.given.body()
    actor = actor_of(request)
    if page.change is None:
        origin = page.given.origin
        return change_create(
            data={**body, **({"template": origin.version.template_id} if origin else {})}, author=actor
        )
    if template is not _AS_IT_IS:
        body["template"] = template
        body["type"] = _type_without(body["type"]) if template is None else body["type"]
    # A form without its version is treated as an old one: it must not overwrite what somebody else wrote.
    return change_edit(change_id=page.change.pk, data=body, editor=actor, version=page.given.version or 0)


def _type_without(kind: object) -> object:
    """A standard change that gives its template up is a normal one."""
    return ChangeType.NORMAL.value if kind == ChangeType.STANDARD else kind


def _plan(request: HttpRequest, change: ChangeRequest) -> HttpResponse:
    """Ask for the plan; when there can be none, go back to the form, where everything is stored by now."""
    try:
        plan_request(change_id=change.pk, actor=actor_of(request))
    except ChangeError as error:
        # What is wrong with the content is shown beside it, with its lines.
        why = "" if isinstance(error, UnplannableError) else f" {error}"
        messages.warning(request, f"{change.number} is saved as a draft, but no plan can be built from it yet.{why}")
        return redirect(f"{reverse('change-edit', args=[change.pk])}?check=plan")
    messages.success(request, f"{change.number} is saved, and its plan is being built.")
    return redirect("change-detail", change.pk)


def _say_why_no_plan(change: ChangeRequest, page: _Page) -> None:
    try:
        errors = check_syntax(change.content, change.variables)
    except RendererUnavailableError as error:
        page.refusal = str(error)
        return
    page.template_problems = template_problems(change.content, errors)
    page.given.problems += [Problem("id_content", "Configuration", found.sentence) for found in page.template_problems]


def _page(request: HttpRequest, page: _Page) -> HttpResponse:
    change, given = page.change, page.given
    label = change.number if change else "New change"
    crumbs = [{"label": "Changes", "url": reverse("change-list")}]
    if change:
        crumbs.append({"label": change.number, "url": reverse("change-detail", args=[change.pk])})
    return render(
        request,
        "changes/form.html",
        {
            "change": change,
            "form": given.form,
            "origin": given.origin,
            "newer": newer_version(given.origin.version) if given.origin else None,
            "is_emergency": given.text("type") == ChangeType.EMERGENCY,
            "strategy_is_usual": given.strategy_is_usual,
            "problems": given.problems,
            "target_errors": given.target_errors,
            "refusal": page.refusal,
            "template_problems": page.template_problems,
            "picker": target_picker(given.targets, preview_device=request.POST.get("preview_device", "")),
            "checks": [given.checks[kind] for kind in KINDS],
            "parsers": PARSERS,
            "preview": page.preview,
            "mode": preference(request, "diff"),
            "form_url": reverse("change-edit", args=[change.pk]) if change else reverse("change-create"),
            "cancel_url": reverse("change-detail", args=[change.pk]) if change else reverse("change-list"),
            "crumbs": [*crumbs, {"label": f"Edit {label}" if change else label, "url": ""}],
        },
        status=page.status,
    )
