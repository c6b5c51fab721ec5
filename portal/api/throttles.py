"""How often is too often. Counts are kept per web process, so the true limits are these times the processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    # REST framework's views import this module through the settings: at run time that would be a circle.
    from rest_framework.views import APIView


class PasswordThrottle(SimpleRateThrottle):
    """Password attempts from one address, whoever's they are; django-axes counts those for one name."""

    scope = "password"

    def get_cache_key(self, request: Request, view: APIView) -> str:  # noqa: ARG002 - DRF's signature
        """One count per address."""
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class TokenThrottle(SimpleRateThrottle):
    """Tokens made by one person."""

    scope = "tokens"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002 - DRF's signature
        """One count per person; listing and revoking are free."""
        if request.method != "POST":
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk}


class PersonThrottle(SimpleRateThrottle):
    """All calls of one person, so that a script in a loop cannot take the whole server."""

    scope = "person"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002 - DRF's signature
        """One count per person; who is not signed in is refused before."""
        if not request.user.is_authenticated:
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk}
