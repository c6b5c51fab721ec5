from collections.abc import Mapping

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.negotiation import FirstRenderer
from audit.api.permissions import ReadsAudit
from audit.api.serializers import CheckpointSerializer, ComparisonSerializer, KeptCheckpointSerializer
from audit.errors import NotSealedError, UnreadableCheckpointError
from audit.sealing.comparing import checkpoint_compare, checkpoint_download
from audit.sealing.overview import log_overview

_REFUSED = {
    401: OpenApiResponse(description="Nobody is signed in."),
    403: OpenApiResponse(description="The person holds no role that reads the log."),
}
_UNSEALED = {409: OpenApiResponse(description="Nothing is sealed yet, or no known key has signed it.")}


class NewestCheckpointView(APIView):
    """The head of the sealed log."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_checkpoints_newest",
        summary="Retrieve the newest checkpoint and the public keys",
        responses={200: CheckpointSerializer, **_REFUSED, **_UNSEALED},
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """The newest signed head of the tree, the keys that are believed here, and how far sealing is behind."""
        found = log_overview()
        if found.head is None:
            raise NotSealedError(found.problem)
        return Response(CheckpointSerializer(found).data)


class CheckpointFileView(APIView):
    """One checkpoint."""

    http_method_names = ["get", "options"]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = FirstRenderer
    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_checkpoints_download",
        summary="Download a checkpoint",
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            **_REFUSED,
            404: OpenApiResponse(description="No checkpoint has this size."),
            **_UNSEALED,
        },
    )
    def get(self, request: Request, size: int) -> HttpResponse:
        """The signed note over so many entries. Taking it is an event, and later evidence packs continue it."""
        head = checkpoint_download(actor=request_actor(request), size=size)
        headers = {"Content-Disposition": f'attachment; filename="checkpoint-{head.size}.txt"'}
        return HttpResponse(head.note, content_type="text/plain; charset=utf-8", headers=headers)


class CheckpointCompareView(APIView):
    """A checkpoint that somebody kept."""

    permission_classes = [IsAuthenticated, ReadsAudit]

    @extend_schema(
        operation_id="audit_checkpoints_compare",
        summary="Compare a checkpoint that was kept",
        request=KeptCheckpointSerializer,
        responses={
            200: ComparisonSerializer,
            400: OpenApiResponse(description="The text is no checkpoint."),
            **_REFUSED,
            **_UNSEALED,
        },
    )
    def post(self, request: Request) -> Response:
        """Whether the log continues it, by a consistency proof against the newest checkpoint. This is an event."""
        compared = checkpoint_compare(actor=request_actor(request), note=_note(request.data))
        return Response(ComparisonSerializer(compared).data)


def _note(data: object) -> str:
    given = data if isinstance(data, Mapping) else {}
    if set(given) != {"checkpoint"} or not isinstance(given["checkpoint"], str):
        raise UnreadableCheckpointError('The body is {"checkpoint": "…"} and nothing else.')
    return str(given["checkpoint"])
