"""Reviews after implementation: the page of one change's review, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from audit.actor import Actor
from changes.domain.input import shown
from changes.services import review_actions, reviews
from portal.forms.decisions import with_findings
from portal.forms.reviews import ReviewActionForm, ReviewForm, typed
from portal.presenters.reviews import first_words, review_of, review_page
from portal.presenters.visible import Mask
from portal.views.access import signed_in
from portal.views.acting import actor_of
from portal.views.change import look_at, page_context
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt


@require_safe
@signed_in
def change_review(request: HttpRequest, change_id: int) -> HttpResponse:
    """The review of a change: the form while it is a draft, the text afterwards, and the actions."""
    return _page(request, change_id)


@signed_in
@posted("change-review", "change_id")
def review_write(request: HttpRequest, change_id: int) -> HttpResponse:
    """Keep what was written; with the second button submit it at once."""
    data: dict[str, Any] = typed(request.POST, ReviewForm)
    version = data.pop("version", "")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else None

    def act(actor: Actor) -> None:
        reviews.review_write(change_id=change_id, writer=actor, data=data, version=number)
        if request.POST.get("then") == "submit":
            reviews.review_submit(change_id=change_id, writer=actor)

    submits = request.POST.get("then") == "submit"
    said = "The review is submitted." if submits else "Kept. Submit it when it is whole."
    return _done(request, change_id, act, said, form=ReviewForm(request.POST))


@signed_in
@posted("change-review", "change_id")
def review_return(request: HttpRequest, change_id: int) -> HttpResponse:
    """Give it back to its writers."""
    comment = request.POST.get("comment", "")
    return _done(
        request,
        change_id,
        lambda actor: reviews.review_return(change_id=change_id, actor=actor, comment=comment),
        "The review is a draft again.",
    )


@signed_in
@posted("change-review", "change_id")
def review_accept(request: HttpRequest, change_id: int) -> HttpResponse:
    """Accept it for good."""
    comment = request.POST.get("comment", "")
    return _done(
        request,
        change_id,
        lambda actor: reviews.review_accept(change_id=change_id, actor=actor, comment=comment),
        "The review is accepted. It stays as it is.",
    )


@signed_in
@posted("change-review", "change_id")
def review_action_add(request: HttpRequest, change_id: int) -> HttpResponse:
    """Add an action."""
    data = typed(request.POST, ReviewActionForm)
    return _done(
        request,
        change_id,
        lambda actor: review_actions.action_add(change_id=change_id, actor=actor, data=data),
        "The action is added, and its owner is told.",
        action_form=ReviewActionForm(request.POST),
    )


def _done(
    request: HttpRequest,
    change_id: int,
    act: Callable[[Actor], object],
    said: str,
    *,
    form: forms.Form | None = None,
    action_form: forms.Form | None = None,
) -> HttpResponse:
    refusal = attempt(lambda: act(actor_of(request)))
    if refusal:
        return _page(request, change_id, refusal, form=form, action_form=action_form)
    messages.success(request, said)
    return redirect("change-review", change_id)


def _page(
    request: HttpRequest,
    change_id: int,
    refusal: Refusal | None = None,
    *,
    form: forms.Form | None = None,
    action_form: forms.Form | None = None,
) -> HttpResponse:
    sight, mask = look_at(request, change_id), Mask.load()
    review = review_of(change_id)
    if refusal:
        for sent in (form, action_form):
            if sent is not None:
                with_findings(sent, {shown(name): list(text) for name, text in refusal.fields.items()})
    context = {
        **page_context(sight, "review", page="Review"),
        "review": review,
        "page": review_page(sight, review, mask),
        "form": form or ReviewForm(initial=first_words(sight, review, mask)),
        "action_form": action_form or ReviewActionForm(),
        "refusal": refusal,
    }
    return render(request, "reviews/review.html", context, status=refusal.status if refusal else 200)
