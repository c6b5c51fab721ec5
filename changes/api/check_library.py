"""The library of ready-made checks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from changes.api.requests import CheckBody
from changes.domain.check_library import When, library_checks
from changes.domain.errors import InvalidInputError
from changes.domain.input import one_of, shown, unknown_names
from devices.api.openapi import refusals

_FILTERS = frozenset({"platform"})


class LibraryCheckSerializer(serializers.Serializer[Any]):
    """One ready-made check."""

    key = serializers.CharField()
    platforms = serializers.ListField(child=serializers.CharField(), help_text="The platforms whose words it knows.")
    about = serializers.CharField()
    when = serializers.ChoiceField(
        [(when.value, when.value) for when in When], help_text="`after`: it cannot be a check before the change."
    )
    placeholder = serializers.CharField(
        allow_blank=True, help_text="What you must replace in the command; empty where nothing is."
    )
    tried = serializers.CharField(allow_blank=True, help_text="On what it was run; empty where on nothing yet.")
    check = CheckBody()


class CheckLibraryView(APIView):
    """Ready-made checks."""

    @extend_schema(
        operation_id="checks_library_list",
        summary="List ready-made checks",
        parameters=[OpenApiParameter("platform", str, description="Only those for this platform, such as `frr`.")],
        responses={200: LibraryCheckSerializer(many=True), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Every check of the library; `check` can be put into a change as it is."""
        unknown = unknown_names(request.query_params, _FILTERS, "filter")
        if unknown:
            raise InvalidInputError({name: [sentence] for name, sentence in unknown.items()})
        entries = [entry.to_json() for entry in library_checks().values()]
        wanted = request.query_params.get("platform")
        if wanted is None:
            return Response(entries)
        known = {platform for entry in library_checks().values() for platform in entry.platforms}
        if wanted not in known:
            sentence = f'The library has no checks for "{shown(wanted)}". It has some for: {one_of(known)}.'
            raise InvalidInputError({"platform": [sentence]})
        return Response([entry for entry in entries if wanted in entry["platforms"]])  # type: ignore[operator]
