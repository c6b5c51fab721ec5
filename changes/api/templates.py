"""Change templates: the library, versions, reviews, deprecation, and giving a pre-approval back."""

from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.filters import only_value
from changes.api.bodies import body_object, body_of, text_in
from changes.api.requests import CommentBody, ReasonBody
from changes.api.template_serializers import (
    TemplateCreateBody,
    TemplateDeprecationBody,
    TemplateDetailSerializer,
    TemplateDiffSerializer,
    TemplateEditBody,
    TemplateReturnBody,
    TemplateReviewBody,
    TemplateSerializer,
    TemplateVersionDetailSerializer,
    TemplateVersionEditBody,
)
from changes.domain.errors import InvalidInputError
from changes.domain.templates.comparing import compared
from changes.models import Template
from changes.services import template_reviews, templates
from changes.services.template_history import template_histories
from changes.services.template_library import (
    TEMPLATE_FILTERS,
    lost_pre_approvals,
    shown_versions,
    template_get,
    templates_matching,
    version_get,
)
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_OLDEST_FIRST = {"id": Ordering((("id", WHOLE),))}
_FILTERS = {
    "text": "In name or purpose, or the template's number.",
    "state": "`approved`, `proposed`, `draft` or `deprecated`.",
    "platform": "With content for this platform.",
    "owner": "The owner's user name.",
    "pre_approved": "`yes` or `no`: with an envelope.",
}


def _context(rows: Sequence[Template]) -> dict[str, object]:
    ids = [template.pk for template in rows]
    return {
        "versions": shown_versions(rows),
        "histories": template_histories(ids),
        "lost": lost_pre_approvals(ids),
    }


def _template_response(template_id: int, *, status_code: int = status.HTTP_200_OK) -> Response:
    template = template_get(template_id)
    return Response(TemplateDetailSerializer(template, context=_context([template])).data, status=status_code)


def _version_response(template_id: int, number: int, *, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(TemplateVersionDetailSerializer(version_get(template_id, number)).data, status=status_code)


class TemplateListView(APIView):
    """The library."""

    @extend_schema(
        operation_id="templates_list",
        summary="List templates",
        parameters=list_parameters(_FILTERS, _OLDEST_FIRST),
        responses={200: page_of("TemplatePage", TemplateSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Templates that satisfy all filters given, oldest first."""
        query = ListQuery.read(request, filters=TEMPLATE_FILTERS, orderings=_OLDEST_FIRST)
        found = page(templates_matching(query.only()), query, _OLDEST_FIRST)
        rows = TemplateSerializer(found.rows, many=True, context=_context(found.rows)).data
        return found.response(request, rows)

    @extend_schema(
        operation_id="templates_create",
        summary="Write a template",
        request=TemplateCreateBody,
        responses={201: TemplateVersionDetailSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Write a template with its first version, a draft."""
        version = templates.template_create(data=body_object(request), author=request_actor(request))
        return _version_response(version.template_id, version.number, status_code=status.HTTP_201_CREATED)


class TemplateDetailView(APIView):
    """One template."""

    @extend_schema(
        operation_id="templates_retrieve",
        summary="Retrieve a template",
        responses={200: TemplateDetailSerializer, **refusals(404)},
    )
    def get(self, request: Request, template_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One template with its versions and its history."""
        return _template_response(template_id)

    @extend_schema(
        operation_id="templates_edit",
        summary="Rename a template or hand it on",
        request=TemplateEditBody,
        responses={200: TemplateDetailSerializer, **refusals(400, 403, 404)},
    )
    def patch(self, request: Request, template_id: int) -> Response:
        """Change name or owner; what its versions say stays. For its owner and change managers."""
        data = body_of(request, {"name", "owner"})
        templates.template_edit(template_id=template_id, data=data, actor=request_actor(request))
        return _template_response(template_id)


class TemplateVersionListView(APIView):
    """The next version."""

    @extend_schema(
        operation_id="templates_revise",
        summary="Begin the next version",
        request=None,
        responses={201: TemplateVersionDetailSerializer, **refusals(403, 404, 409)},
    )
    def post(self, request: Request, template_id: int) -> Response:
        """A draft that says what the newest version says."""
        version = templates.version_create(template_id=template_id, author=request_actor(request))
        return _version_response(template_id, version.number, status_code=status.HTTP_201_CREATED)


class TemplateVersionView(APIView):
    """One version."""

    @extend_schema(
        operation_id="templates_version_retrieve",
        summary="Retrieve a version",
        responses={200: TemplateVersionDetailSerializer, **refusals(404)},
    )
    def get(self, request: Request, template_id: int, number: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One version with everything that it says, who wrote it and who reviewed it."""
        return _version_response(template_id, number)

    @extend_schema(
        operation_id="templates_version_edit",
        summary="Edit a draft",
        request=TemplateVersionEditBody,
        responses={200: TemplateVersionDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def patch(self, request: Request, template_id: int, number: int) -> Response:
        """Change the fields given; the others stay. Whoever edits cannot review it."""
        data = dict(body_object(request))
        edits = data.pop("edits", None)
        if edits is not None and (not isinstance(edits, int) or isinstance(edits, bool)):
            raise InvalidInputError({"edits": ["Give the count that you read, a whole number, or leave it out."]})
        templates.version_edit(
            template_id=template_id, number=number, data=data, editor=request_actor(request), edits=edits
        )
        return _version_response(template_id, number)


class TemplateProposeView(APIView):
    """Propose."""

    @extend_schema(
        operation_id="templates_propose",
        summary="Propose a draft",
        request=None,
        responses={200: TemplateVersionDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, template_id: int, number: int) -> Response:
        """Hand a complete draft in for review; what it says is fixed from now on."""
        templates.version_propose(template_id=template_id, number=number, author=request_actor(request))
        return _version_response(template_id, number)


class TemplateWithdrawView(APIView):
    """Withdraw."""

    @extend_schema(
        operation_id="templates_withdraw",
        summary="Take a proposed version back",
        request=CommentBody,
        responses={200: TemplateVersionDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, template_id: int, number: int) -> Response:
        """It is a draft again; reviews given so far are void."""
        comment = text_in(body_of(request, {"comment"}), "comment")
        templates.version_withdraw(
            template_id=template_id, number=number, author=request_actor(request), comment=comment
        )
        return _version_response(template_id, number)


class TemplateApproveView(APIView):
    """Approve."""

    @extend_schema(
        operation_id="templates_approve",
        summary="Approve a proposed version",
        request=TemplateReviewBody,
        responses={200: TemplateVersionDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, template_id: int, number: int) -> Response:
        """A peer who wrote nothing of it; with an envelope a member of the CAB besides. The last review approves it."""
        body = body_of(request, {"digest", "comment"})
        template_reviews.version_approve(
            template_id=template_id,
            number=number,
            reviewer=request_actor(request),
            digest=text_in(body, "digest"),
            comment=text_in(body, "comment"),
        )
        return _version_response(template_id, number)


class TemplateReturnView(APIView):
    """Return."""

    @extend_schema(
        operation_id="templates_return",
        summary="Send a proposed version back",
        request=TemplateReturnBody,
        responses={200: TemplateVersionDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, template_id: int, number: int) -> Response:
        """It is a draft again, with a comment for its authors."""
        body = body_of(request, {"digest", "comment"})
        template_reviews.version_return(
            template_id=template_id,
            number=number,
            reviewer=request_actor(request),
            digest=text_in(body, "digest"),
            comment=text_in(body, "comment"),
        )
        return _version_response(template_id, number)


class TemplateDiffView(APIView):
    """Compare."""

    @extend_schema(
        operation_id="templates_diff",
        summary="Compare two versions",
        parameters=[OpenApiParameter("against", int, description="The other version's number; the one before.")],
        responses={200: TemplateDiffSerializer, **refusals(400, 404)},
    )
    def get(self, request: Request, template_id: int, number: int) -> Response:
        """A unified diff from the version named by `against` to this one; empty where they say the same."""
        given = only_value("against", request.query_params) or str(max(1, number - 1))
        if not given.isascii() or not given.isdigit() or len(given) > 9:
            raise InvalidInputError({"against": ["Give the number of the version to compare with."]})
        old, new = version_get(template_id, int(given)), version_get(template_id, number)
        return Response({"diff": compared(old.said, new.said, names=(old.label, new.label))})


class TemplateDeprecateView(APIView):
    """Deprecate."""

    @extend_schema(
        operation_id="templates_deprecate",
        summary="Deprecate a template",
        request=TemplateDeprecationBody,
        responses={200: TemplateDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, template_id: int) -> Response:
        """No new change is made from it. For its owner and change managers."""
        body = body_of(request, {"comment", "successor"})
        successor = body.get("successor")
        if successor is not None and (not isinstance(successor, int) or isinstance(successor, bool)):
            raise InvalidInputError({"successor": ["Give the id of another template, or leave it out."]})
        templates.template_deprecate(
            template_id=template_id,
            actor=request_actor(request),
            comment=text_in(body, "comment"),
            successor_id=successor,
        )
        return _template_response(template_id)


class PreApprovalRestoreView(APIView):
    """Give the pre-approval back."""

    @extend_schema(
        operation_id="templates_restore",
        summary="Give a template its pre-approval back",
        request=ReasonBody,
        responses={200: TemplateDetailSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, template_id: int) -> Response:
        """After a failure, with a reason. For change managers with no hand in the template or the failed changes."""
        comment = text_in(body_of(request, {"comment"}), "comment")
        template_reviews.pre_approval_restore(template_id=template_id, manager=request_actor(request), comment=comment)
        return _template_response(template_id)
