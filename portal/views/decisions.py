"""What people do to a change: each is one POST, answered by a redirect, or by its page with the reason why not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from audit.actor import Actor
from changes.domain.roles import Role
from changes.models import Approval, ChangeRequest
from changes.services import approvals, planning, requests
from changes.services.decisions import change_abstain as change_abstains
from portal.presenters.selection import Selection
from portal.presenters.words import group_label
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import detail_page, look_at
from portal.views.plan import plan_page
from portal.views.refusals import attempt

asked_or_sent = require_http_methods(["GET", "HEAD", "POST"])
"""A GET leads back to the page with the button: who signs in on the way to a POST comes back with a GET."""


@signed_in
@asked_or_sent
def plan_build(request: HttpRequest, change_id: int) -> HttpResponse:
    """Ask the workers for a new plan of a draft, then show how far they are."""
    return on_detail(
        request,
        change_id,
        lambda actor: planning.plan_request(change_id=change_id, actor=actor),
        said="The plan is being built. Nothing is changed on any device.",
        then="change-plan",
    )


@signed_in
@asked_or_sent
def change_submit(request: HttpRequest, change_id: int) -> HttpResponse:
    """Hand a planned draft in for assessment."""
    return on_detail(
        request,
        change_id,
        lambda actor: requests.change_submit(change_id=change_id, requester=actor),
        said="The change is submitted. Its page shows who is asked next.",
    )


@signed_in
@asked_or_sent
def change_withdraw(request: HttpRequest, change_id: int) -> HttpResponse:
    """Take a change back from review."""
    comment = request.POST.get("comment", "")
    return on_detail(
        request,
        change_id,
        lambda actor: requests.change_withdraw(change_id=change_id, requester=actor, comment=comment),
        said="The change is a draft again. Approvals given so far are void.",
    )


def on_detail(
    request: HttpRequest,
    change_id: int,
    act: Callable[[Actor], object],
    *,
    said: str,
    then: str = "change-detail",
) -> HttpResponse:
    """Do what a button of the change's page asks for; a refusal is shown there."""
    if request.method != "POST":
        return redirect("change-detail", change_id)
    refusal = attempt(lambda: act(actor_of(request)))
    if refusal:
        return detail_page(request, look_at(request, change_id), refusal=refusal)
    messages.success(request, said)
    return redirect(then, change_id)


@signed_in
@asked_or_sent
def change_assess(request: HttpRequest, change_id: int) -> HttpResponse:
    """Approve, as a technical peer, the plan whose digest the form names."""
    decide = _for_whom(request, approvals.change_assess)
    return _on_plan(request, change_id, decide, "You approved revision {revision} as {group}{absent}. {next}")


@signed_in
@asked_or_sent
def change_approve(request: HttpRequest, change_id: int) -> HttpResponse:
    """Approve, as the change authority, the plan whose digest the form names."""
    decide = _for_whom(request, approvals.change_approve)
    return _on_plan(request, change_id, decide, "You approved revision {revision}{absent}. {next}")


@signed_in
@asked_or_sent
def change_abstain(request: HttpRequest, change_id: int) -> HttpResponse:
    """Say openly that one does not decide about a plan."""
    return _on_plan(request, change_id, change_abstains, "You abstained from revision {revision}. {next}")


@signed_in
@asked_or_sent
def change_reject(request: HttpRequest, change_id: int) -> HttpResponse:
    """End a change in review for good."""
    return _on_plan(request, change_id, approvals.change_reject, "You rejected revision {revision}. {next}")


@signed_in
@asked_or_sent
def change_request_changes(request: HttpRequest, change_id: int) -> HttpResponse:
    """Send a change in review back to its author."""
    return _on_plan(request, change_id, approvals.change_request_changes, "You asked for changes. {next}")


def _for_whom(request: HttpRequest, decide: Callable[..., Approval]) -> Callable[..., Approval]:
    """The service for the absent member whom the form names, or for the person who asks."""
    absent = request.POST.get("on_behalf_of", "")
    if not absent:
        return decide
    # What is no id names nobody, and is refused as such: a decision for somebody never becomes one's own.
    named = int(absent) if absent.isascii() and absent.isdigit() and len(absent) < 19 else 0
    return partial(decide, on_behalf_of=named)


def _absent(approval: Approval) -> str:
    """For whom it was given, if not for the person who asks."""
    return f" on behalf of {approval.on_behalf_of.get_username()}" if approval.on_behalf_of else ""


def _group(name: str) -> str:
    """A group as it stands in a sentence."""
    return name if name == Role.PEER else group_label(name)


_NEXT = {
    "draft": "It is a draft again, and its author has your comment.",
    "assessment": "A technical peer assesses it next.",
    "authorization": "The change authority decides next.",
    "approved": "An implementer can start it now.",
    "rejected": "The change has ended.",
}


def _on_plan(request: HttpRequest, change_id: int, decide: Callable[..., Approval], said: str) -> HttpResponse:
    """Take a reviewer's decision on the digest that their page showed; a refusal is shown beside the plan."""
    if request.method != "POST":
        return redirect(Selection(change_id).url())
    comment = request.POST.get("comment", "")
    digest = request.POST.get("plan_digest", "")
    taken: list[Approval] = []
    refusal = attempt(
        lambda: taken.append(
            decide(change_id=change_id, approver=actor_of(request), plan_digest=digest, comment=comment)
        )
    )
    if refusal:
        return plan_page(request, look_at(request, change_id), refusal=refusal, comment=comment)
    now = ChangeRequest.objects.values_list("state", flat=True).get(pk=change_id)
    words = {"group": _group(taken[0].group), "absent": _absent(taken[0]), "next": _NEXT.get(now, "")}
    messages.success(request, said.format(revision=taken[0].revision.number, **words))
    return redirect(reverse("change-detail", args=[change_id]))
