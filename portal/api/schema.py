"""The OpenAPI document, and the pages that show it under the product's own content security policy."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document. It depends on the code alone, so it is made once per process (about 0.5 s)."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, as YAML or as JSON. It holds no data, so everybody may read it."""

    authentication_classes = []

    def _get_schema_response(self, request: Request) -> Response:
        form = self.perform_content_negotiation(request, force=True)[0].format
        return Response(document(), headers={"Content-Disposition": f'inline; filename="countersign-openapi.{form}"'})


class DocumentationView(SpectacularSwaggerSplitView):
    """The OpenAPI document to read and to try out; its script comes from an address of its own, as the CSP demands."""

    url_name = "api-schema"
    template_name = "api/docs.html"


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    """How the OpenAPI document speaks of tokens."""

    target_class = "portal.api.authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002 - the base's signature
        """A header, since OpenAPI's "bearer" would make clients send another word than ``Token``."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The word `Token`, a space, and the token: `Token cs_…`.",
        }


class PasswordScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """How the OpenAPI document speaks of passwords."""

    target_class = "portal.api.authentication.PasswordAuthentication"
    name = "password"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002 - the base's signature
        """HTTP Basic."""
        return {"type": "http", "scheme": "basic", "description": "Only to get a token."}
