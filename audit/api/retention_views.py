from collections.abc import Callable, Collection, Mapping

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.permissions import ReadsAudit
from audit.api.retention_serializers import (
    ArchiveSerializer,
    HoldReasonSerializer,
    HoldSerializer,
    NewHoldSerializer,
    PeriodChangeSerializer,
    PeriodSerializer,
    RetrievalTestSerializer,
)
from audit.models import Archive, LegalHold, RetrievalTest
from audit.retention.errors import ArchiveNotFoundError, BadRetentionError, HoldNotFoundError
from audit.retention.holds import FIELDS, hold_decline_release, hold_place, hold_propose_release, hold_release
from audit.retention.periods import period_set, periods

_LIMIT = 500
_READ = {401: OpenApiResponse(description="Nobody is signed in."), 403: OpenApiResponse(description="No such role.")}
_REFUSED = {
    400: OpenApiResponse(description="A field cannot be used; `fields` names it."),
    **_READ,
    403: OpenApiResponse(description="The person may not do this. The attempt is an event."),
}
_STEP = {
    404: OpenApiResponse(description="There is no such hold."),
    409: OpenApiResponse(description="The hold does not stand where this step begins."),
}


class _RetentionView(APIView):
    permission_classes = [IsAuthenticated, ReadsAudit]


class HoldListView(_RetentionView):
    """Legal holds."""

    @extend_schema(
        operation_id="audit_holds_list",
        summary="List legal holds",
        responses={200: HoldSerializer(many=True), **_READ},
    )
    def get(self, _request: Request) -> Response:
        """The newest 500 holds, those that were released included."""
        return Response(HoldSerializer(LegalHold.objects.order_by("-pk")[:_LIMIT], many=True).data)

    @extend_schema(
        operation_id="audit_holds_create",
        summary="Place a legal hold",
        request=NewHoldSerializer,
        responses={201: HoldSerializer, **_REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Keep the events of a change or of a time range out of archives. Auditors and administrators may."""
        hold = hold_place(actor=request_actor(request), given=_texts(request, FIELDS))
        return Response(HoldSerializer(hold).data, status=201)


class HoldDetailView(_RetentionView):
    """One legal hold."""

    @extend_schema(
        operation_id="audit_holds_retrieve",
        summary="Retrieve a legal hold",
        responses={200: HoldSerializer, **_READ, 404: _STEP[404]},
    )
    def get(self, _request: Request, hold_id: int) -> Response:
        """One hold, with who placed it, proposed its release and released it."""
        hold = LegalHold.objects.filter(pk=hold_id).first()
        if hold is None:
            raise HoldNotFoundError(hold_id)
        return Response(HoldSerializer(hold).data)


class HoldProposeReleaseView(_RetentionView):
    """The first half of a release."""

    @extend_schema(
        operation_id="audit_holds_propose_release",
        summary="Propose the release of a hold",
        request=HoldReasonSerializer,
        responses={200: HoldSerializer, **_REFUSED, **_STEP},
    )
    def post(self, request: Request, hold_id: int) -> Response:
        """Propose that a hold ends. It holds on until somebody else agrees."""
        return _with_reason(request, hold_id, hold_propose_release)


class HoldDeclineReleaseView(_RetentionView):
    """The end of a proposal."""

    @extend_schema(
        operation_id="audit_holds_decline_release",
        summary="Decline a proposed release",
        request=HoldReasonSerializer,
        responses={200: HoldSerializer, **_REFUSED, **_STEP},
    )
    def post(self, request: Request, hold_id: int) -> Response:
        """Decline a proposed release, or take one's own back."""
        return _with_reason(request, hold_id, hold_decline_release)


class HoldReleaseView(_RetentionView):
    """The second half of a release."""

    @extend_schema(
        operation_id="audit_holds_release",
        summary="Agree to a proposed release",
        request=None,
        responses={200: HoldSerializer, **_REFUSED, **_STEP},
    )
    def post(self, request: Request, hold_id: int) -> Response:
        """Release a hold; only somebody else than who proposed it may."""
        _texts(request, ())
        return Response(HoldSerializer(hold_release(actor=request_actor(request), hold_id=hold_id)).data)


class PeriodListView(_RetentionView):
    """How long events stay."""

    @extend_schema(
        operation_id="audit_retention_list",
        summary="List retention periods",
        responses={200: PeriodSerializer(many=True), **_READ},
    )
    def get(self, _request: Request) -> Response:
        """For how many days events stay after their change's end, by class of change."""
        return Response(PeriodSerializer(periods(), many=True).data)


class PeriodDetailView(_RetentionView):
    """One period."""

    @extend_schema(
        operation_id="audit_retention_update",
        summary="Set a retention period",
        request=PeriodChangeSerializer,
        responses={200: PeriodSerializer, **_REFUSED},
    )
    def put(self, request: Request, retention_class: str) -> Response:
        """Say for how many days events of a class stay; null: for ever. Administrators may."""
        body = _body(request, ("days", "reason"))
        days, reason = body.get("days"), body.get("reason", "")
        if (days is not None and (isinstance(days, bool) or not isinstance(days, int))) or not isinstance(reason, str):
            raise BadRetentionError("days", "days is a whole number or null, reason a text.")
        text = "" if days is None else str(days)
        period = period_set(actor=request_actor(request), retention_class=retention_class, days=text, reason=reason)
        return Response(PeriodSerializer(period).data)


class ArchiveListView(_RetentionView):
    """Where older events went."""

    @extend_schema(
        operation_id="audit_archives_list",
        summary="List archives",
        responses={200: ArchiveSerializer(many=True), **_READ},
    )
    def get(self, _request: Request) -> Response:
        """The newest 500 archives that events went to, with their files' digests."""
        return Response(ArchiveSerializer(Archive.objects.order_by("-pk")[:_LIMIT], many=True).data)


class RetrievalTestListView(_RetentionView):
    """Retrieval tests that were made."""

    @extend_schema(
        operation_id="audit_retrieval_tests_list",
        summary="List retrieval tests",
        responses={200: RetrievalTestSerializer(many=True), **_READ},
    )
    def get(self, _request: Request) -> Response:
        """The newest 500 retrieval tests with their results."""
        return Response(RetrievalTestSerializer(RetrievalTest.objects.order_by("-pk")[:_LIMIT], many=True).data)


class RetrievalTestDetailView(_RetentionView):
    """One retrieval test."""

    @extend_schema(
        operation_id="audit_retrieval_tests_retrieve",
        summary="Retrieve a retrieval test",
        responses={200: RetrievalTestSerializer, **_READ, 404: OpenApiResponse(description="There is no such test.")},
    )
    def get(self, _request: Request, test_id: int) -> Response:
        """What was taken, and what came of it."""
        test = RetrievalTest.objects.filter(pk=test_id).first()
        if test is None:
            raise ArchiveNotFoundError(f"There is no retrieval test {test_id}.")
        return Response(RetrievalTestSerializer(test).data)


def _with_reason(request: Request, hold_id: int, step: Callable[..., LegalHold]) -> Response:
    reason = _texts(request, ("reason",)).get("reason", "")
    return Response(HoldSerializer(step(actor=request_actor(request), hold_id=hold_id, reason=reason)).data)


def _texts(request: Request, allowed: Collection[str]) -> dict[str, str]:
    found = {}
    for name, value in _body(request, allowed).items():
        number = name == "change_id" and isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not number and not isinstance(value, str):
            raise BadRetentionError(name, f"{name} is a text.")
        found[name] = "" if value is None else str(value)
    return found


def _body(request: Request, allowed: Collection[str]) -> Mapping[str, object]:
    data = request.data
    if not isinstance(data, Mapping):
        raise BadRetentionError("body", 'The body must be a JSON object, such as {"reason": "…"}.')
    for name in data:
        if name not in allowed:
            use = f" Use {', '.join(allowed)}." if allowed else ""
            raise BadRetentionError(str(name)[:60], f"There is no such field.{use}")
    return data
