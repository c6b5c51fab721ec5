"""Approval policies: all versions, one of them, its file, and what it would ask of a change."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from changes.domain import policy_versions as rules
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.errors import InvalidInputError
from changes.models import ApprovalPolicyVersion, ChangeRequest
from changes.services.approval_policies import policy_by_digest, version_facts
from changes.services.demanding import facts_known
from portal.forms.decisions import with_findings
from portal.forms.policies import FactsForm
from portal.presenters.paging import older_page
from portal.presenters.policies import answer, difference_to_before, policy_page, policy_row
from portal.presenters.policy_facts import SINGLE, typed_facts
from portal.views.access import refused, signed_in, viewer
from portal.views.strictness import asked_for

PAGE: Final = 50
HOME: Final = "Policies"
_NUMBER: Final = re.compile(r"(?:CHG-)?0*(\d{1,15})", re.IGNORECASE)


@require_safe
@signed_in
def policy_list(request: HttpRequest) -> HttpResponse:
    """Every version, newest first."""
    try:
        asked_for(request.GET, ["before"])
        page = older_page(request, ApprovalPolicyVersion.objects.with_people().order_by("-pk"), size=PAGE)
    except InvalidInputError as error:
        url = reverse("policy-list")
        return refused(request, "This page does not exist", str(error), status=400, url=url, label="Policies")
    active = ApprovalPolicyVersion.objects.with_people().active().get()
    context = {
        "page": page,
        "rows": [policy_row(row) for row in page.rows],
        "active": active,
        "may_draft": rules.may_draft_policy(viewer(request)).allowed,
        "crumbs": [{"label": HOME, "url": ""}],
    }
    return render(request, "policies/list.html", context)


@require_safe
@signed_in
def policy_detail(request: HttpRequest, version_id: int) -> HttpResponse:
    """One version: its stages and rules in sentences, and what changed since the one before."""
    return detail_page(request, version_of(version_id))


@require_safe
@signed_in
def policy_export(request: HttpRequest, version_id: int, form: str) -> HttpResponse:  # noqa: ARG001 - Django's call
    """The file, as YAML or JSON; reading it gives the same policy and the same digest."""
    version = version_of(version_id)
    policy = policy_by_digest(version.digest)
    kind, text = ("application/yaml", policy.to_yaml()) if form == "yaml" else ("application/json", policy.to_json())
    disposition = f'attachment; filename="{version.label}.{form}"'
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", headers={"Content-Disposition": disposition})


@require_safe
@signed_in
def policy_ask(request: HttpRequest, version_id: int) -> HttpResponse:
    """What would this policy ask of that change, or of facts that are made up?"""
    version = version_of(version_id)
    form, answered, change, status = FactsForm({}), None, None, 200
    if request.GET:
        try:
            known = ["change", "within_envelope", "content", *SINGLE]
            asked = asked_for(request.GET, known, several=["content"])
            form = FactsForm(asked)
            change = _change(asked["change"][0]) if "change" in asked else None
            answered = answer(policy_by_digest(version.digest), _facts(change) if change else typed_facts(asked))
        except InvalidInputError as error:
            form, status = FactsForm({name: request.GET.getlist(name) for name in request.GET}), 400
            form.is_bound, form.data = True, request.GET
            with_findings(form, error.fields)
    context = {
        "version": version,
        "form": form,
        "answer": answered,
        "change": change,
        "crumbs": [*crumbs(version), {"label": "What would it ask?", "url": ""}],
    }
    return render(request, "policies/ask.html", context, status=status)


def version_of(version_id: int) -> ApprovalPolicyVersion:
    """The version with its people, or the page that says that there is none."""
    return get_object_or_404(ApprovalPolicyVersion.objects.with_people(), pk=version_id)


def crumbs(version: ApprovalPolicyVersion) -> list[dict[str, str]]:
    """The way to a version's page."""
    return [
        {"label": HOME, "url": reverse("policy-list")},
        {"label": version.label, "url": reverse("policy-detail", args=[version.pk])},
    ]


def detail_page(request: HttpRequest, version: ApprovalPolicyVersion, refusal: object = None) -> HttpResponse:
    """The page of a version, with what this person may do with it."""
    person = viewer(request)
    state = rules.PolicyState(version.state)
    possible = {event for known, event in rules.STEPS if known is state}
    may = {
        "propose": rules.PolicyEvent.PROPOSE in possible and rules.may_propose_policy(person).allowed,
        "retire": rules.PolicyEvent.RETIRE in possible and rules.may_retire_policy(person).allowed,
        "draft": rules.may_draft_policy(person).allowed,
    }
    activation = rules.may_activate_policy(person, version_facts(version)) if state is _PROPOSED else None
    context = {
        "version": version,
        "shown": policy_page(version),
        "difference": difference_to_before(version),
        "may": may,
        "activation": activation,
        "refusal": refusal,
        "crumbs": [*crumbs(version)[:-1], {"label": version.label, "url": ""}],
    }
    return render(request, "policies/detail.html", context, status=getattr(refusal, "status", 200))


_PROPOSED: Final = rules.PolicyState.PROPOSED


def _change(text: str) -> ChangeRequest:
    found = _NUMBER.fullmatch(text)
    row = ChangeRequest.objects.select_related("revision").filter(pk=int(found[1])).first() if found else None
    if row is None:
        raise InvalidInputError({"change": ["There is no such change. Write its number, such as CHG-00042."]})
    return row


def _facts(change: ChangeRequest) -> PlanFacts:
    return facts_known(change)
