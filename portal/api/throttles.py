"""How often is too often. Counts are kept per web process, so the true limits are these times the processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from portal import refusal_limits as limits
from portal.minute_counts import network_of

if TYPE_CHECKING:
    # REST framework's views import this module through the settings: at run time that would be a circle.
    from rest_framework.views import APIView


class PasswordThrottle(SimpleRateThrottle):
    """Password attempts from one address, whoever's they are; django-axes counts those for one name."""

    scope = "password"

    def get_cache_key(self, request: Request, view: APIView) -> str:  # noqa: ARG002 - DRF's signature
        """One count per address."""
        return self.cache_format % {"scope": self.scope, "ident": network_of(self.get_ident(request))}


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


class RefusalThrottle(BaseThrottle):
    """Who is refused again and again waits until the minute is over; each such attempt is an event."""

    def allow_request(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        """Whether the person may go on."""
        return not request.user.is_authenticated or not limits.refused_too_often(int(request.user.pk))

    def wait(self) -> float:
        """Seconds until then."""
        return float(limits.counts.left_s())
