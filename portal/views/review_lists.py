"""Lists of reviews and of the actions that follow from them, and one action."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.actor import Actor
from changes.domain.errors import InvalidInputError
from changes.domain.reviews import rules
from changes.domain.reviews.content import ActionState, ReviewState
from changes.models import Review, ReviewAction
from changes.services import review_actions
from portal.forms.decisions import with_findings
from portal.forms.reviews import ActionMoveForm, typed
from portal.presenters.paging import older_page
from portal.presenters.report_tabs import report_tabs
from portal.presenters.reviews import action_rows
from portal.presenters.visible import Mask, visible
from portal.views.access import refused, signed_in, viewer
from portal.views.acting import actor_of
from portal.views.posting import posted
from portal.views.refusals import Refusal, attempt
from portal.views.strictness import asked_for, asked_state

PAGE = 50


@require_safe
@signed_in
def review_list(request: HttpRequest) -> HttpResponse:
    """Reviews, newest first; ``?state=`` narrows them."""
    try:
        asked = asked_for(request.GET, ["state", "before"])
        state = asked_state(asked, [*ReviewState])
        rows = Review.objects.select_related("change", "submitted_by", "accepted_by").order_by("-pk")
        page = older_page(request, rows.filter(state=state) if state else rows, size=PAGE)
    except InvalidInputError as error:
        url = reverse("review-list")
        return refused(request, "This list does not exist", str(error), status=400, url=url, label="Reviews")
    found = [
        {
            "review": row,
            "title": visible(row.change.title),
            "url": reverse("change-review", args=[row.change_id]),
            "label": ReviewState(row.state).label,
        }
        for row in page.rows
    ]
    context = {
        "rows": found,
        "page": page,
        "state": state,
        "states": _choices("review-list", "state", ["", *ReviewState], state),
        "tabs": report_tabs("review-list"),
        "crumbs": [{"label": "Reports", "url": reverse("kpi")}, {"label": "Reviews", "url": ""}],
    }
    return render(request, "reviews/list.html", context)


@require_safe
@signed_in
def action_list(request: HttpRequest) -> HttpResponse:
    """Actions; ``?state=`` is a state or ``overdue``, ``?owner=`` a user name. Without a state those that are open."""
    try:
        asked = asked_for(request.GET, ["state", "owner", "before"])
        [state] = asked.get("state", [ActionState.OPEN.value])
        page = older_page(request, _narrowed(state, asked.get("owner", [""])[0]), size=PAGE)
    except InvalidInputError as error:
        url = reverse("review-actions")
        return refused(request, "This list does not exist", str(error), status=400, url=url, label="Actions")
    context = {
        "rows": action_rows(page.rows, Mask.load()),
        "page": page,
        "states": _choices("review-actions", "state", [*ActionState, "overdue", "all"], state),
        "tabs": report_tabs("review-actions"),
        "crumbs": [{"label": "Reports", "url": reverse("kpi")}, {"label": "Actions", "url": ""}],
    }
    return render(request, "reviews/actions.html", context)


def _narrowed(state: str, owner: str) -> QuerySet[ReviewAction]:
    rows = ReviewAction.objects.select_related("review__change", "owner", "ended_by").order_by("-pk")
    if state == "overdue":
        rows = rows.overdue(review_actions.today())
    elif state in set(ActionState):
        rows = rows.filter(state=state)
    elif state != "all":
        raise InvalidInputError({"state": [f"“{state}” is no state. Use one of: open, done, dropped, overdue, all."]})
    return rows.filter(owner__username=owner) if owner else rows


def _choices(name: str, key: str, values: list[str], current: str) -> list[dict[str, object]]:
    path = reverse(name)
    return [
        {
            "label": value.replace("_", " ").capitalize() or "All",
            "url": f"{path}?{key}={value}" if value else path,
            "current": value == current,
        }
        for value in values
    ]


@require_safe
@signed_in
def action_detail(request: HttpRequest, action_id: int) -> HttpResponse:
    """One action, and what this person may do with it."""
    return _page(request, action_id)


@signed_in
@posted("review-action", "action_id")
def action_done(request: HttpRequest, action_id: int) -> HttpResponse:
    """Say that it is done."""
    comment = request.POST.get("comment", "")
    return _done(
        request, action_id, lambda a: review_actions.action_done(action_id=action_id, actor=a, comment=comment), "Done."
    )


@signed_in
@posted("review-action", "action_id")
def action_drop(request: HttpRequest, action_id: int) -> HttpResponse:
    """Give it up."""
    comment = request.POST.get("comment", "")
    return _done(
        request,
        action_id,
        lambda a: review_actions.action_drop(action_id=action_id, actor=a, comment=comment),
        "The action is dropped.",
    )


@signed_in
@posted("review-action", "action_id")
def action_move(request: HttpRequest, action_id: int) -> HttpResponse:
    """Give it another owner or day."""
    data = typed(request.POST, ActionMoveForm)
    comment = data.pop("comment", "")
    return _done(
        request,
        action_id,
        lambda a: review_actions.action_move(action_id=action_id, actor=a, data=data, comment=comment),
        "The action is moved, and its owner is told.",
        ActionMoveForm(request.POST),
    )


def _done(
    request: HttpRequest,
    action_id: int,
    act: Callable[[Actor], object],
    said: str,
    form: ActionMoveForm | None = None,
) -> HttpResponse:
    refusal = attempt(lambda: act(actor_of(request)))
    if refusal:
        return _page(request, action_id, refusal, form)
    messages.success(request, said)
    return redirect("review-action", action_id)


def _page(
    request: HttpRequest, action_id: int, refusal: Refusal | None = None, form: ActionMoveForm | None = None
) -> HttpResponse:
    rows = ReviewAction.objects.select_related("review__change", "owner", "created_by", "ended_by")
    action = get_object_or_404(rows, pk=action_id)
    person = viewer(request)
    if refusal and form:
        with_findings(form, refusal.fields)
    is_open = action.state == ActionState.OPEN
    context = {
        "row": action_rows([action], Mask.load())[0],
        "action": action,
        "title": visible(action.review.change.title),
        "may_end": is_open and rules.may_end_action(person, action.owner_id).allowed,
        "may_manage": is_open and rules.may_manage_action(person).allowed,
        "form": form or ActionMoveForm(initial={"owner": action.owner.get_username(), "due_on": action.due_on}),
        "refusal": refusal,
        "crumbs": [
            {"label": "Reports", "url": reverse("kpi")},
            {"label": "Actions", "url": reverse("review-actions")},
            {"label": action.number, "url": ""},
        ],
    }
    return render(request, "reviews/action.html", context, status=refusal.status if refusal else 200)
