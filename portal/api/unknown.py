from __future__ import annotations

from typing import Never

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


@extend_schema(exclude=True)
class UnknownAddressView(APIView):
    """Addresses below ``/api/`` that do not exist, answered in JSON, whoever asks."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    def initial(self, request: Request, *args: object, **kwargs: object) -> Never:  # noqa: ARG002 - DRF's signature
        """Refuse before the method is looked at.

        Raises:
            NotFound: always.
        """
        if not request.path.endswith("/"):
            raise NotFound("There is nothing at this address. Addresses here end with a slash.")
        raise NotFound("There is nothing at this address. GET /api/schema/ lists what there is.")
