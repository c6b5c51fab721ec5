"""Delegations: who acts for whom, and the form to let somebody act for oneself."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain.errors import InvalidInputError
from changes.domain.policy import Role
from changes.services import delegations as services
from portal.forms.decisions import with_findings
from portal.forms.delegations import DelegationForm, delegation_data
from portal.presenters.delegations import delegation_rows
from portal.presenters.paging import older_page
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

PAGE = 50


@require_safe
@signed_in
def delegations(request: HttpRequest) -> HttpResponse:
    """One's own delegations, given and held; change managers and auditors see all."""
    return _page(request, _form(request), None)


@signed_in
@posted("delegations")
def delegation_create(request: HttpRequest) -> HttpResponse:
    """Let somebody act for oneself, or say that one is out of office."""
    data = delegation_data(request.POST)
    refusal = attempt(lambda: services.delegation_create(actor=actor_of(request), data=data))
    if refusal:
        form = DelegationForm(request.POST, groups=viewer(request).roles)
        return _page(request, form, refusal)
    messages.success(request, "It is on record. You can revoke it at any moment.")
    return redirect("delegations")


@signed_in
@posted("delegations")
def delegation_revoke(request: HttpRequest, delegation_id: int) -> HttpResponse:
    """End a delegation at once."""
    refusal = attempt(lambda: services.delegation_revoke(delegation_id=delegation_id, actor=actor_of(request)))
    if refusal:
        return _page(request, _form(request), refusal)
    messages.success(request, "The delegation has ended. What was decided by it stays.")
    return redirect("delegations")


def _form(request: HttpRequest) -> DelegationForm:
    return DelegationForm(groups=viewer(request).roles)


def _page(request: HttpRequest, form: DelegationForm, refusal: Refusal | None) -> HttpResponse:
    person = viewer(request)
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, services.delegations_seen_by(person), size=PAGE)
    except InvalidInputError as error:
        url = reverse("delegations")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Delegations")
    if refusal and form.is_bound:
        with_findings(form, refusal.fields)
    context = {
        "rows": delegation_rows(page.rows, person),
        "page": page,
        "form": form,
        "refusal": refusal,
        "sees_all": bool(person.roles & {Role.CHANGE_MANAGER, Role.AUDITOR}),
        "may_delegate": Role.AUDITOR not in person.roles,
        "crumbs": [{"label": "Your account", "url": reverse("account")}, {"label": "Delegations", "url": ""}],
    }
    return render(request, "delegations/delegations.html", context, status=refusal.status if refusal else 200)
