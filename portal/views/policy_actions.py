"""Writing, proposing, activating and retiring versions of approval policies."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from changes.domain import policy_versions as rules
from changes.domain.approval_policy.reading import MAX_BYTES
from changes.domain.errors import InvalidInputError
from changes.models import ApprovalPolicyVersion
from changes.services import approval_policies as services
from changes.services.policy_activation import policy_activate, short_of_people, unknown_groups
from changes.services.rejudging import policy_forecast
from portal.forms.decisions import with_findings
from portal.forms.policies import PolicyFileForm, PolicyReasonForm
from portal.presenters.policies import difference_to_active, next_draft
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.decisions import asked_or_sent
from portal.views.policies import HOME, crumbs, detail_page, version_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for

SHOWN = 100
"""So many changes are listed on the page that asks before an activation; the rest is counted."""


@signed_in
@asked_or_sent
def policy_new(request: HttpRequest) -> HttpResponse:
    """Write a version, begin with the file of another one (``?from=``), or upload one."""
    if request.method != "POST":
        try:
            asked = asked_for(request.GET, ["from"])
            base = _base(asked["from"][0]) if "from" in asked else None
        except InvalidInputError as error:
            url = reverse("policy-new")
            return refused(request, "There is no such policy", str(error), status=404, url=url, label="New version")
        return _new_page(request, PolicyFileForm(initial={"document": next_draft(base) if base else ""}), None)
    made: list[ApprovalPolicyVersion] = []
    text = _text(request)
    refusal = attempt(lambda: made.append(services.policy_save_draft(actor=actor_of(request), text=text)))
    if refusal:
        form = PolicyFileForm({"document": text})
        return _new_page(request, with_findings(form, _findings(refusal)), refusal)
    messages.success(request, f"{made[0].label} is kept as a draft. Nothing is judged by it yet.")
    return redirect("policy-detail", made[0].pk)


@signed_in
@posted("policy-detail", "version_id")
def policy_propose(request: HttpRequest, version_id: int) -> HttpResponse:
    """Hand it in, so that another change manager activates it."""
    comment = request.POST.get("comment", "")
    refusal = attempt(lambda: services.policy_propose(version_id=version_id, actor=actor_of(request), comment=comment))
    if refusal:
        return detail_page(request, version_of(version_id), refusal)
    messages.success(request, "The version is proposed. Another change manager activates it.")
    return redirect("policy-detail", version_id)


@signed_in
@posted("policy-detail", "version_id")
def policy_retire(request: HttpRequest, version_id: int) -> HttpResponse:
    """Give up a draft or a proposal."""
    comment = request.POST.get("comment", "")
    refusal = attempt(lambda: services.policy_retire(version_id=version_id, actor=actor_of(request), comment=comment))
    if refusal:
        return detail_page(request, version_of(version_id), refusal)
    messages.success(request, "The version is retired. It can be proposed again.")
    return redirect("policy-detail", version_id)


@signed_in
@asked_or_sent
def policy_activation(request: HttpRequest, version_id: int) -> HttpResponse:
    """Show which changes it would make stale, ask once more, then activate it."""
    version = version_of(version_id)
    if request.method != "POST":
        return _activation_page(request, version, PolicyReasonForm(), None)
    comment = request.POST.get("comment", "")
    refusal = attempt(lambda: policy_activate(version_id=version_id, actor=actor_of(request), comment=comment))
    if refusal:
        return _activation_page(request, version_of(version_id), PolicyReasonForm(request.POST), refusal)
    messages.success(request, f"{version.label} judges every change from now on. Waiting changes are judged again.")
    return redirect("policy-detail", version_id)


def _base(text: str) -> ApprovalPolicyVersion:
    found = ApprovalPolicyVersion.objects.filter(pk=int(text)).first() if text.isdigit() and len(text) < 16 else None
    if found is None:
        raise InvalidInputError({"from": ["There is no policy with this id."]})
    return found


def _text(request: HttpRequest) -> str:
    """What was typed, or else the uploaded file; one byte more than allowed is enough to see that it is too long."""
    typed = request.POST.get("document", "")
    uploaded = request.FILES.get("file")
    if typed.strip() or uploaded is None:
        return typed.replace("\r\n", "\n")
    content: bytes = uploaded.read(MAX_BYTES + 1)
    return content.decode(errors="replace")


def _findings(refusal: Refusal) -> dict[str, list[str]]:
    """Each finding under the file, with its place before it."""
    return {
        "document": [
            sentence if place == "document" else f"{place}: {sentence}"
            for place, sentences in refusal.fields.items()
            for sentence in sentences
        ]
    }


def _new_page(request: HttpRequest, form: object, refusal: Refusal | None) -> HttpResponse:
    verdict = rules.may_draft_policy(viewer(request))
    context = {
        "form": form,
        "refusal": None if refusal and refusal.fields else refusal,
        "verdict": verdict,
        "rows": ApprovalPolicyVersion.objects.with_people().exclude(state="retired").order_by("-pk")[:20],
        "crumbs": [{"label": HOME, "url": reverse("policy-list")}, {"label": "New version", "url": ""}],
    }
    return render(request, "policies/new.html", context, status=refusal.status if refusal else 200)


def _activation_page(
    request: HttpRequest, version: ApprovalPolicyVersion, form: PolicyReasonForm, refusal: Refusal | None
) -> HttpResponse:
    if refusal:
        with_findings(form, refusal.fields)
    verdict = rules.may_activate_policy(viewer(request), services.version_facts(version))
    policy = services.policy_by_digest(version.digest)
    forecast = policy_forecast(policy)
    unknown = unknown_groups(policy)
    context = {
        "version": version,
        "form": form,
        "refusal": refusal,
        "verdict": verdict,
        "open": verdict.allowed and not unknown and version.state == rules.PolicyState.PROPOSED,
        "forecast": forecast,
        "unknown": unknown,
        "short": () if unknown else short_of_people(policy),
        "shown": forecast.found[:SHOWN],
        "hidden": max(0, len(forecast.found) - SHOWN),
        "difference": difference_to_active(version),
        "active": ApprovalPolicyVersion.objects.with_people().active().get(),
        "crumbs": [*crumbs(version), {"label": "Activate", "url": ""}],
    }
    return render(request, "policies/activate.html", context, status=refusal.status if refusal else 200)
