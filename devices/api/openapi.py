"""How the OpenAPI document speaks of lists and refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from devices.api.listing import DEFAULT_LIMIT, MAX_LIMIT, Orderings


class ReasonSerializer(serializers.Serializer[Any]):
    """One rule that forbids it."""

    code = serializers.CharField(help_text="Stable, for example `GATE_SELF_APPROVAL`.")
    detail = serializers.CharField(help_text="A sentence that says what to do instead.")


class ErrorSerializer(serializers.Serializer[Any]):
    """Every refusal has this shape."""

    code = serializers.CharField(help_text="Stable and meant for programs.")
    detail = serializers.CharField(help_text="A sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]  # the contract's name is that of a DRF property
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Names in the input, each with its sentences.",
    )
    reasons = ReasonSerializer(many=True, required=False, help_text="With 403: every rule that forbids it.")


_SAID = {
    400: "The input cannot be used; `fields` says where and why. Nothing was changed.",
    401: "Nobody is signed in, or the token is not valid any more.",
    403: "A rule forbids it to this person; `reasons` holds every one.",
    404: "There is no such thing.",
    409: "It does not fit the present state, or names an old plan digest. Nothing was changed.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A plan cannot be made from this; `detail` names the line.",
    429: "Too many attempts; `Retry-After` says how many seconds to wait.",
    503: "Not possible just now, or not on this machine; `detail` says why.",
}


def refusals(*statuses: int) -> dict[int, OpenApiResponse]:
    """The responses of an operation that can be refused with these statuses, and with 401."""
    return {status: OpenApiResponse(ErrorSerializer, _SAID[status]) for status in (401, *statuses)}


def page_of(
    name: str,
    results: type[serializers.BaseSerializer[Any]],
    *,
    besides: Mapping[str, serializers.Field[Any, Any, Any, Any]] | None = None,
) -> serializers.BaseSerializer[Any]:
    """The shape of a page of a list; ``besides`` are fields that stand beside the rows."""
    page: serializers.BaseSerializer[Any] = inline_serializer(
        name,
        fields={
            **(besides or {}),
            "next": serializers.URLField(allow_null=True, help_text="The page that follows; null on the last one."),
            "results": results(many=True),
        },
    )
    return page


def list_parameters(
    filters: Mapping[str, str], orderings: Orderings, *, repeatable: bool = False
) -> list[OpenApiParameter]:
    """The query parameters of a list; ``filters`` maps names to descriptions."""
    again = " Give it several times for alternatives." if repeatable else ""
    parameters = [
        OpenApiParameter(name, str, many=repeatable, explode=repeatable or None, description=f"{description}{again}")
        for name, description in filters.items()
    ]
    return [*parameters, *_paging(orderings)]


def _paging(orderings: Iterable[str]) -> list[OpenApiParameter]:
    names = list(orderings)
    paging = [
        OpenApiParameter("limit", int, description=f"Rows per page, 1 to {MAX_LIMIT}.", default=DEFAULT_LIMIT),
        OpenApiParameter("cursor", str, description="Where the page begins; follow `next` instead of making one."),
    ]
    if len(names) > 1:
        paging.append(OpenApiParameter("ordering", str, enum=names, default=names[0], description="The order."))
    return paging
