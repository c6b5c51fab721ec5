from collections.abc import Collection, Mapping

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.permissions import ReadsAudit
from audit.api.serializers import NewSavedSearchSerializer, SavedSearchChangeSerializer, SavedSearchSerializer
from audit.errors import BadSavedSearchError, SavedSearchNotFoundError
from audit.models import SavedSearch
from audit.saved_searches import saved_search_change, saved_search_create, saved_search_delete

_REFUSED = {
    400: OpenApiResponse(description="A field or a filter cannot be used; `fields` names it."),
    401: OpenApiResponse(description="Nobody is signed in."),
    403: OpenApiResponse(description="The person holds no role that reads the log."),
}
_MISSING = {404: OpenApiResponse(description="The person has no such search; only its owner changes one.")}


class SavedSearchListView(APIView):
    """Searches that are kept."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_searches_list",
        summary="List saved searches",
        responses={200: SavedSearchSerializer(many=True), **_REFUSED},
    )
    def get(self, request: Request) -> Response:
        """One's own searches and those that others share, by name."""
        found = SavedSearch.objects.open_to(request.user.pk or 0)
        return Response(SavedSearchSerializer(found, many=True).data)

    @extend_schema(
        operation_id="audit_searches_create",
        summary="Save a search",
        request=NewSavedSearchSerializer,
        responses={201: SavedSearchSerializer, **_REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Keep filters under a name. This is an event of the log."""
        body = _body(request, ("name", "query", "shared"))
        name, shared = _text(body, "name"), _flag(body, "shared")
        search = saved_search_create(
            actor=request_actor(request), name=name or "", query=_filters(body), shared=shared or False
        )
        return Response(SavedSearchSerializer(search).data, status=201)


class SavedSearchDetailView(APIView):
    """One search that is kept."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_searches_retrieve",
        summary="Retrieve a saved search",
        responses={200: SavedSearchSerializer, **_REFUSED, **_MISSING},
    )
    def get(self, request: Request, search_id: int) -> Response:
        """One of one's own searches, or one that is shared."""
        found = SavedSearch.objects.open_to(request.user.pk or 0).filter(pk=search_id).first()
        if found is None:
            raise SavedSearchNotFoundError(search_id)
        return Response(SavedSearchSerializer(found).data)

    @extend_schema(
        operation_id="audit_searches_partial_update",
        summary="Rename or share a saved search",
        request=SavedSearchChangeSerializer,
        responses={200: SavedSearchSerializer, **_REFUSED, **_MISSING},
    )
    def patch(self, request: Request, search_id: int) -> Response:
        """Rename one's own search, or say whether others can use it. This is an event of the log."""
        body = _body(request, ("name", "shared"))
        search = saved_search_change(
            actor=request_actor(request), search_id=search_id, name=_text(body, "name"), shared=_flag(body, "shared")
        )
        return Response(SavedSearchSerializer(search).data)

    @extend_schema(
        operation_id="audit_searches_destroy",
        summary="Delete a saved search",
        responses={204: None, **_REFUSED, **_MISSING},
    )
    def delete(self, request: Request, search_id: int) -> Response:
        """Delete one's own search. This is an event of the log."""
        saved_search_delete(actor=request_actor(request), search_id=search_id)
        return Response(status=204)


def _body(request: Request, allowed: Collection[str]) -> Mapping[str, object]:
    data = request.data
    if not isinstance(data, Mapping):
        raise BadSavedSearchError("body", 'The body must be a JSON object, such as {"name": "…"}.')
    for name in data:
        if name not in allowed:
            raise BadSavedSearchError(str(name)[:60], f"There is no such field. Use {', '.join(allowed)}.")
    return data


def _text(body: Mapping[str, object], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadSavedSearchError(name, f"{name} is a text.")
    return value


def _flag(body: Mapping[str, object], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadSavedSearchError(name, f"{name} is true or false.")
    return value


def _filters(body: Mapping[str, object]) -> dict[str, str]:
    query = body.get("query")
    if not isinstance(query, Mapping) or not all(isinstance(value, str) for value in query.values()):
        raise BadSavedSearchError("query", 'query maps filters to texts, such as {"code": "PLAN_STALE"}.')
    return {str(name): str(value) for name, value in query.items()}
