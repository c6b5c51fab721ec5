"""What people do to a template: each is one POST, answered by a redirect, or by its page with the reason why not."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from changes.domain.templates.policy import may_maintain, may_restore
from changes.errors import ChangeNotFoundError
from changes.models import Template, TemplateVersion
from changes.services import template_reviews
from changes.services import templates as services
from changes.services.template_library import lost_pre_approvals, template_get
from portal.forms.decisions import with_findings
from portal.forms.templates import DeprecationForm, ReasonForm, SettingsForm
from portal.views.access import signed_in, viewer
from portal.views.acting import actor_of
from portal.views.decisions import asked_or_sent
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.templates import version_answer


@signed_in
@posted("template-version", "template_id", "number")
def template_propose(request: HttpRequest, template_id: int, number: int) -> HttpResponse:
    """Hand a draft in for review."""
    return _on_version(
        request,
        template_id,
        number,
        lambda: services.version_propose(template_id=template_id, number=number, author=actor_of(request)),
        "It is proposed. People who wrote nothing of it review it now.",
    )


@signed_in
@posted("template-version", "template_id", "number")
def template_withdraw(request: HttpRequest, template_id: int, number: int) -> HttpResponse:
    """Take a proposed version back."""
    comment = request.POST.get("comment", "")
    return _on_version(
        request,
        template_id,
        number,
        lambda: services.version_withdraw(
            template_id=template_id, number=number, author=actor_of(request), comment=comment
        ),
        "It is a draft again. Reviews that were given are void.",
    )


@signed_in
@posted("template-version", "template_id", "number")
def template_review(request: HttpRequest, template_id: int, number: int) -> HttpResponse:
    """Approve a proposed version, or send it back."""
    comment, digest = request.POST.get("comment", ""), request.POST.get("digest", "")
    returned = request.POST.get("decision") == "return"
    decide = template_reviews.version_return if returned else template_reviews.version_approve
    return _on_version(
        request,
        template_id,
        number,
        lambda: decide(
            template_id=template_id, number=number, reviewer=actor_of(request), digest=digest, comment=comment
        ),
        "It is sent back to its authors." if returned else "Your review is kept.",
    )


@signed_in
@posted("template-detail", "template_id")
def template_revise(request: HttpRequest, template_id: int) -> HttpResponse:
    """Begin the next version."""
    made: list[TemplateVersion] = []
    refusal = attempt(lambda: made.append(services.version_create(template_id=template_id, author=actor_of(request))))
    if refusal:
        return version_answer(request, template_id, _shown_number(template_id), refusal=refusal)
    messages.success(request, f"{made[0].label} is a draft that says what the version before says. Change it here.")
    return redirect("template-edit", template_id, made[0].number)


@signed_in
@posted("template-detail", "template_id")
def template_settings(request: HttpRequest, template_id: int) -> HttpResponse:
    """Rename it, or hand it on."""
    form = SettingsForm(request.POST)
    data = {name: request.POST.get(name, "") for name in form.fields}
    refusal = attempt(lambda: services.template_edit(template_id=template_id, data=data, actor=actor_of(request)))
    if refusal:
        with_findings(form, refusal.fields)
        return version_answer(request, template_id, _shown_number(template_id), refusal=refusal, settings=form)
    messages.success(request, "Name and owner are saved.")
    return redirect("template-detail", template_id)


@signed_in
@asked_or_sent
def template_deprecate(request: HttpRequest, template_id: int) -> HttpResponse:
    """Ask for the reason and the successor, then deprecate it."""
    template = _template(template_id)
    usable = Template.objects.filter(versions__state="approved").exclude(pk=template_id).order_by("name")
    successors = [(str(other.pk), str(other)) for other in usable]
    if request.method != "POST":
        return _deprecation(request, template, DeprecationForm(None, successors), None)
    given = request.POST.get("successor", "")
    successor = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None
    refusal = attempt(
        lambda: services.template_deprecate(
            template_id=template_id,
            actor=actor_of(request),
            comment=request.POST.get("comment", ""),
            successor_id=successor,
        )
    )
    if refusal:
        return _deprecation(request, template, DeprecationForm(request.POST, successors), refusal)
    messages.success(request, f"{template.number} is deprecated. No new change is made from it.")
    return redirect("template-detail", template_id)


@signed_in
@asked_or_sent
def template_restore(request: HttpRequest, template_id: int) -> HttpResponse:
    """Show what failed, ask for the reason, then give the pre-approval back."""
    template = _template(template_id)
    if request.method != "POST":
        return _restoration(request, template, ReasonForm(), None)
    comment = request.POST.get("comment", "")
    refusal = attempt(
        lambda: template_reviews.pre_approval_restore(
            template_id=template_id, manager=actor_of(request), comment=comment
        )
    )
    if refusal:
        return _restoration(request, template, ReasonForm(request.POST), refusal)
    messages.success(request, f"{template.number} has its pre-approval back.")
    return redirect("template-detail", template_id)


def _on_version(
    request: HttpRequest, template_id: int, number: int, act: Callable[[], object], said: str
) -> HttpResponse:
    refusal = attempt(act)
    if refusal:
        return version_answer(request, template_id, number, refusal=refusal)
    messages.success(request, said)
    return redirect("template-version", template_id, number)


def _deprecation(
    request: HttpRequest, template: Template, form: DeprecationForm, refusal: Refusal | None
) -> HttpResponse:
    if refusal:
        with_findings(form, refusal.fields)
    verdict = may_maintain(viewer(request), owner_id=template.owner_id)
    return _asked(
        request, "templates/deprecate.html", template, "Deprecate", form=form, refusal=refusal, verdict=verdict
    )


def _restoration(request: HttpRequest, template: Template, form: ReasonForm, refusal: Refusal | None) -> HttpResponse:
    if refusal:
        with_findings(form, refusal.fields)
    lost = lost_pre_approvals([template.pk]).get(template.pk, [])
    return _asked(
        request,
        "templates/restore.html",
        template,
        "Give the pre-approval back",
        form=form,
        refusal=refusal,
        verdict=may_restore(viewer(request), involved_ids=()),
        failed=[{"id": pk, "number": f"CHG-{pk:05d}"} for pk in lost[:50]],
    )


def _asked(
    request: HttpRequest, page: str, template: Template, label: str, *, refusal: Refusal | None, **more: object
) -> HttpResponse:
    crumbs = [
        {"label": "Templates", "url": reverse("template-list")},
        {"label": template.number, "url": reverse("template-detail", args=[template.pk])},
        {"label": label, "url": ""},
    ]
    context = {"template": template, "refusal": refusal, "crumbs": crumbs, **more}
    return render(request, page, context, status=refusal.status if refusal else 200)


def _template(template_id: int) -> Template:
    try:
        return template_get(template_id)
    except ChangeNotFoundError as error:
        raise Http404(str(error)) from error


def _shown_number(template_id: int) -> int:
    shown: int = _template(template_id).shown_id  # type: ignore[attr-defined]
    return TemplateVersion.objects.values_list("number", flat=True).get(pk=shown)
