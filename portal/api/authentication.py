"""Who is asking: a token, a browser's session, or, to get a token, a name with its password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from axes.helpers import get_cool_off
from django.contrib.auth.models import AbstractBaseUser
from knox.auth import TokenAuthentication
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from changes.domain.input import hidden_character
from portal.api.throttles import PasswordThrottle
from portal.tokens import tokens_expire

if TYPE_CHECKING:
    # REST framework's views import this module through the settings: at run time that would be a circle.
    from rest_framework.views import APIView

    from portal.models import ApiToken

_TOKEN = re.compile(rb"[A-Za-z0-9_]{1,200}")


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox ships no types
    """``Authorization: Token …``; expired and revoked tokens are refused, and so are those of inactive accounts."""

    def authenticate_credentials(self, token: bytes) -> tuple[AbstractBaseUser, Any]:
        """The person and the token.

        Raises:
            AuthenticationFailed: no live token has this text.
        """
        if not _TOKEN.fullmatch(token):
            raise AuthenticationFailed("This is no token. Make one on your page, or with POST /api/v1/tokens/.")
        user, found = super().authenticate_credentials(token)
        return user, found

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """Whether it has expired; knox would delete it, and others of the person, without a word in the audit log."""
        return auth_token.digest in tokens_expire(auth_token.user_id)


class PasswordAuthentication(BasicAuthentication):
    """HTTP Basic, used only where a script gets its first token; guesses are slowed by address and by name."""

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[AbstractBaseUser, None]:
        """The person.

        Raises:
            Throttled: too many attempts from this address, or for this name from this address.
            AuthenticationFailed: name and password do not belong together.
        """
        if request is None:
            raise AuthenticationFailed("A password is accepted with a request only.")
        throttle = PasswordThrottle()
        if not throttle.allow_request(request, cast("APIView", None)):
            raise Throttled(throttle.wait())
        if hidden_character(userid + password):
            raise AuthenticationFailed("Name and password do not belong together.")
        try:
            user, _ = super().authenticate_credentials(userid, password, request)
        except AuthenticationFailed as refusal:
            if getattr(request, "axes_locked_out", False):
                raise Throttled(get_cool_off(request).total_seconds()) from refusal
            raise AuthenticationFailed("Name and password do not belong together.") from refusal
        return user, None
