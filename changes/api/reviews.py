"""Post-implementation reviews: read, write, submit, return, accept; and their actions: add, end, drop, move."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.errors import BadFilterError
from changes.api.bodies import body_of, text_in, version_in
from changes.api.requests import CommentBody, ReasonBody
from changes.api.review_serializers import (
    ReviewActionBody,
    ReviewActionMoveBody,
    ReviewActionSerializer,
    ReviewBody,
    ReviewRowSerializer,
    ReviewSerializer,
)
from changes.domain.reviews.content import ACTION_FIELDS, FIELDS, ActionState, ReviewState
from changes.models import Review, ReviewAction, ReviewActionQuerySet
from changes.selectors import change_get
from changes.services import review_actions, reviews
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_REVIEW_FILTERS = {"state": f"One of: {', '.join(ReviewState)}."}
_ACTION_FILTERS = {
    "state": f"One of: {', '.join(ActionState)}.",
    "owner": "A user name.",
    "due": "`overdue`: those that are open and due before today.",
}


def _shown(change_id: int) -> dict[str, object]:
    rows = Review.objects.select_related("submitted_by", "accepted_by")
    found = rows.prefetch_related("writers", "actions__owner", "actions__created_by", "actions__ended_by")
    review = found.filter(change_id=change_id).first()
    if review is None:
        change_get(change_id)
        raise NotFound("This change has no review yet. Write it by PATCH.")
    return dict(ReviewSerializer(review).data)


def _shown_action(action_id: int) -> dict[str, object]:
    found = _actions().filter(pk=action_id).first()
    if found is None:
        raise NotFound(f"There is no action with the id {action_id}.")
    return dict(ReviewActionSerializer(found).data)


class ReviewListView(APIView):
    """Reviews of all changes."""

    @extend_schema(
        operation_id="reviews_list",
        summary="List reviews",
        parameters=list_parameters(_REVIEW_FILTERS, _NEWEST_FIRST),
        responses={200: page_of("ReviewPage", ReviewRowSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Reviews that satisfy all filters given, newest first."""
        query = ListQuery.read(request, filters=tuple(_REVIEW_FILTERS), orderings=_NEWEST_FIRST)
        asked = query.only()
        _known("state", asked.get("state", ""), list(ReviewState))
        found = page(Review.objects.filter(**asked).select_related("change"), query, _NEWEST_FIRST)
        return found.response(request, ReviewRowSerializer(found.rows, many=True).data)


class ReviewView(APIView):
    """The review of one change."""

    @extend_schema(
        operation_id="changes_review_retrieve",
        summary="Retrieve a review",
        responses={200: ReviewSerializer, **refusals(404)},
    )
    def get(self, request: Request, change_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """The review with its actions; 404 while nothing is written."""
        return Response(_shown(change_id))

    @extend_schema(
        operation_id="changes_review_write",
        summary="Write a review",
        request=ReviewBody,
        responses={200: ReviewSerializer, **refusals(400, 403, 404, 409)},
    )
    def patch(self, request: Request, change_id: int) -> Response:
        """Write it, or change what is written. Requesters, implementers and change managers, once the run has ended."""
        body = dict(body_of(request, FIELDS | {"version"}))
        version = version_in(body)
        body.pop("version", None)
        reviews.review_write(change_id=change_id, writer=request_actor(request), data=body, version=version)
        return Response(_shown(change_id))


class ReviewSubmitView(APIView):
    """Submit."""

    @extend_schema(
        operation_id="changes_review_submit",
        summary="Submit a review",
        request=None,
        responses={200: ReviewSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Hand it in. The timeline from the record is frozen with it; from now on the change can be closed."""
        body_of(request, frozenset())
        reviews.review_submit(change_id=change_id, writer=request_actor(request))
        return Response(_shown(change_id))


class ReviewReturnView(APIView):
    """Return."""

    @extend_schema(
        operation_id="changes_review_return",
        summary="Return a review",
        request=ReasonBody,
        responses={200: ReviewSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Give a submitted review back to its writers, with what is missing; not once the change is closed."""
        comment = text_in(body_of(request, {"comment"}), "comment")
        reviews.review_return(change_id=change_id, actor=request_actor(request), comment=comment)
        return Response(_shown(change_id))


class ReviewAcceptView(APIView):
    """Accept."""

    @extend_schema(
        operation_id="changes_review_accept",
        summary="Accept a review",
        request=CommentBody,
        responses={200: ReviewSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """As a change manager or the CAB, with no hand in the change or in the review. It never changes again."""
        comment = text_in(body_of(request, {"comment"}), "comment")
        reviews.review_accept(change_id=change_id, actor=request_actor(request), comment=comment)
        return Response(_shown(change_id))


class ReviewActionsView(APIView):
    """Actions of one review."""

    @extend_schema(
        operation_id="changes_review_actions_add",
        summary="Add an action to a review",
        request=ReviewActionBody,
        responses={201: ReviewActionSerializer, **refusals(400, 403, 404)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """An accepted review takes further actions, too. The owner is told."""
        data = body_of(request, ACTION_FIELDS)
        found = review_actions.action_add(change_id=change_id, actor=request_actor(request), data=data)
        return Response(_shown_action(found.pk), status=status.HTTP_201_CREATED)


class ActionListView(APIView):
    """Actions of all reviews."""

    @extend_schema(
        operation_id="review_actions_list",
        summary="List actions of reviews",
        parameters=list_parameters(_ACTION_FILTERS, _NEWEST_FIRST),
        responses={200: page_of("ReviewActionPage", ReviewActionSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Actions that satisfy all filters given, newest first."""
        query = ListQuery.read(request, filters=tuple(_ACTION_FILTERS), orderings=_NEWEST_FIRST)
        asked = query.only()
        _known("state", asked.get("state", ""), list(ActionState))
        _known("due", asked.get("due", ""), ["overdue"])
        rows = _actions()
        if "state" in asked:
            rows = rows.filter(state=asked["state"])
        if "owner" in asked:
            rows = rows.filter(owner__username=asked["owner"])
        if "due" in asked:
            rows = rows.filter(state=ActionState.OPEN, due_on__lt=review_actions.today())
        found = page(rows, query, _NEWEST_FIRST)
        return found.response(request, ReviewActionSerializer(found.rows, many=True).data)


class ActionDoneView(APIView):
    """Done."""

    @extend_schema(
        operation_id="review_actions_done",
        summary="End an action",
        request=CommentBody,
        responses={200: ReviewActionSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, action_id: int) -> Response:
        """Say that it is done: its owner or a change manager."""
        comment = text_in(body_of(request, {"comment"}), "comment")
        review_actions.action_done(action_id=action_id, actor=request_actor(request), comment=comment)
        return Response(_shown_action(action_id))


class ActionDropView(APIView):
    """Drop."""

    @extend_schema(
        operation_id="review_actions_drop",
        summary="Drop an action",
        request=ReasonBody,
        responses={200: ReviewActionSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, action_id: int) -> Response:
        """Give it up, with a reason: change managers."""
        comment = text_in(body_of(request, {"comment"}), "comment")
        review_actions.action_drop(action_id=action_id, actor=request_actor(request), comment=comment)
        return Response(_shown_action(action_id))


class ActionMoveView(APIView):
    """Move."""

    @extend_schema(
        operation_id="review_actions_move",
        summary="Move an action",
        request=ReviewActionMoveBody,
        responses={200: ReviewActionSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, action_id: int) -> Response:
        """Give it another owner or day, with a reason: change managers."""
        body = dict(body_of(request, {"owner", "due_on", "comment"}))
        comment = text_in(body, "comment")
        body.pop("comment", None)
        review_actions.action_move(action_id=action_id, actor=request_actor(request), data=body, comment=comment)
        return Response(_shown_action(action_id))


def _actions() -> ReviewActionQuerySet:
    return ReviewAction.objects.select_related("review", "owner", "created_by", "ended_by")


def _known(name: str, value: str, known: list[str]) -> None:
    if value and value not in known:
        raise BadFilterError(name, f"{name} takes one of: {', '.join(known)}.")
