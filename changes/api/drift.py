"""Reverting drift by a change request."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of
from changes.api.changes import change_response
from changes.api.serializers import ChangeDetailSerializer
from changes.services.drift_reverts import drift_revert
from devices.api.openapi import refusals


class DriftRevertView(APIView):
    """Revert drift."""

    @extend_schema(
        operation_id="drift_revert",
        summary="Revert drift by a change request",
        description="Writes a draft with the commands that lead back; it goes the way of every change.",
        request=None,
        responses={201: ChangeDetailSerializer, **refusals(403, 404, 409)},
    )
    def post(self, request: Request, drift_id: int) -> Response:
        """Write the draft, for requesters."""
        body_of(request, ())
        change = drift_revert(drift_id=drift_id, author=request_actor(request))
        return change_response(request, change.pk, status_code=status.HTTP_201_CREATED)
