"""Evidence packs: asking for one, how far it is, and its archive."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from audit.api.permissions import ReadsAudit
from changes.api.bodies import body_of
from changes.domain.errors import InvalidInputError
from changes.domain.evidence import PackScope, PackState
from changes.errors import ChangeNotFoundError
from changes.models import EvidencePack
from changes.services.evidence.asking import pack_ask
from changes.services.evidence.downloading import link_token, pack_parts
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_FIELDS = {"scope", "change_id", "filters", "held_sizes"}


class EvidencePackSerializer(serializers.ModelSerializer[EvidencePack]):
    """A pack and how far it is; ``download_url`` holds for 15 minutes, for who asked, while the pack is ready."""

    scope = serializers.ChoiceField(PackScope.choices())
    state = serializers.ChoiceField(PackState.choices())
    change_id = serializers.IntegerField(allow_null=True)
    download_url = serializers.SerializerMethodField()

    class Meta:
        model = EvidencePack
        fields = [
            "id", "scope", "change_id", "filters", "held_sizes", "state", "code", "detail", "asked_name", "asked_at",
            "events_total", "events_done", "tree_size", "size", "sha256", "manifest_sha256", "expires_at",
            "download_url",
        ]  # fmt: skip
        read_only_fields = fields

    def get_download_url(self, pack: EvidencePack) -> str:
        """Where the archive is; empty while there is none."""
        person = self.context.get("person_id")
        if pack.state != PackState.READY or person is None:
            return ""
        token = link_token(pack=pack, person_id=person)
        return f"{reverse('api-evidence-download', args=[pack.pk])}?{urlencode({'link': token})}"


_BODY = inline_serializer(
    "EvidencePackRequest",
    fields={
        "scope": serializers.ChoiceField(PackScope.choices()),
        "change_id": serializers.IntegerField(required=False, help_text="With the scope change."),
        "filters": serializers.DictField(
            child=serializers.CharField(), required=False, help_text="With the scope filter: those of audit events."
        ),
        "held_sizes": serializers.ListField(
            child=serializers.IntegerField(), required=False, help_text="Sizes of tree heads that you hold."
        ),
    },
)


class EvidenceView(APIView):
    """For those who read the audit log."""

    permission_classes = (IsAuthenticated, ReadsAudit)

    def answer(self, request: Request, pack: EvidencePack, code: int = status.HTTP_200_OK) -> Response:
        """One pack, with a link for this person."""
        return Response(EvidencePackSerializer(pack, context={"person_id": request.user.pk}).data, status=code)


class EvidenceListView(EvidenceView):
    """Packs."""

    @extend_schema(
        operation_id="evidence_packs_list",
        summary="List evidence packs",
        parameters=list_parameters({}, _NEWEST_FIRST),
        responses={200: page_of("EvidencePackPage", EvidencePackSerializer), **refusals(400, 403)},
    )
    def get(self, request: Request) -> Response:
        """Every pack, newest first."""
        query = ListQuery.read(request, filters=(), orderings=_NEWEST_FIRST)
        found = page(EvidencePack.objects.all(), query, _NEWEST_FIRST)
        context = {"person_id": request.user.pk}
        return found.response(request, EvidencePackSerializer(found.rows, many=True, context=context).data)

    @extend_schema(
        operation_id="evidence_packs_make",
        summary="Have an evidence pack made",
        request=_BODY,
        responses={201: EvidencePackSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request) -> Response:
        """Ask for a pack; a worker makes it. Look at it again until its state is `ready` or `failed`."""
        body = body_of(request, _FIELDS)
        scope = body.get("scope")
        if scope not in set(PackScope):
            raise InvalidInputError({"scope": [f"Give one of: {', '.join(PackScope)}."]})
        pack = pack_ask(
            actor=request_actor(request),
            scope=PackScope(str(scope)),
            change_id=_whole(body, "change_id"),
            filters=_filters(body),
            held_sizes=_sizes(body),
        )
        return self.answer(request, pack, status.HTTP_201_CREATED)


class EvidenceDetailView(EvidenceView):
    """One pack."""

    @extend_schema(
        operation_id="evidence_packs_retrieve",
        summary="Retrieve an evidence pack",
        responses={200: EvidencePackSerializer, **refusals(403, 404)},
    )
    def get(self, request: Request, pack_id: int) -> Response:
        """How far it is, and where it is downloaded."""
        pack = EvidencePack.objects.filter(pk=pack_id).first()
        if pack is None:
            raise ChangeNotFoundError(f"There is no evidence pack {pack_id}.")
        return self.answer(request, pack)


class EvidenceDownloadView(EvidenceView):
    """The archive."""

    @extend_schema(
        operation_id="evidence_packs_download",
        summary="Download an evidence pack",
        parameters=[OpenApiParameter("link", OpenApiTypes.STR, description="As `download_url` has it.")],
        responses={(200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY), **refusals(403, 404, 409)},
    )
    def get(self, request: Request, pack_id: int) -> StreamingHttpResponse:
        """The zip file, streamed. The download is an event of the audit log."""
        token = request.query_params.get("link", "")
        download = pack_parts(pack_id=pack_id, actor=request_actor(request), token=token)
        headers = {
            "Content-Disposition": f'attachment; filename="{download.filename}"',
            "Content-Length": str(download.size),
            "X-Audit-Event": str(download.event_id),
        }
        return StreamingHttpResponse(download.chunks, content_type="application/zip", headers=headers)


def _whole(body: Any, name: str) -> int | None:  # noqa: ANN401 - parsed JSON
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63):
        raise InvalidInputError({name: [f"{name} is a whole number from 1 up."]})
    return value


def _filters(body: Any) -> dict[str, str]:  # noqa: ANN401 - parsed JSON
    value = body.get("filters") or {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise InvalidInputError({"filters": ['Give an object of texts, such as {"actor": "ana"}.']})
    return value


def _sizes(body: Any) -> list[int]:  # noqa: ANN401 - parsed JSON
    value = body.get("held_sizes") or []
    if not isinstance(value, list) or not all(
        isinstance(item, int) and not isinstance(item, bool) and 0 < item < 2**63 for item in value
    ):
        raise InvalidInputError({"held_sizes": ["Give a list of whole numbers from 1 up."]})
    return value
