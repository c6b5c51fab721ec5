"""Requests that are refused leave an event, whoever refuses them: a service, a permission, a page or a throttle.

Services record what they refuse by a rule, with its reason. What was refused before any service was asked (a page that
is closed to a role, a form without its token, a token that nobody has, too many calls) is recorded here. Of people who
have not signed in, one event is kept for each address and kind of refusal in a minute, so that nobody fills the log
from outside; counts are kept per web process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from audit.models import Event
from audit.recorder import record
from portal.sign_in_events import NOBODY, actor_of_request

TOO_MANY: Final = 429
ACTIONS: Final = {401: "access.not_proved", 403: "access.refused", TOO_MANY: "access.throttled"}
ONE_IN_S: Final = 60
_WHOLE: Final = 2**53


class RefusalEventsMiddleware:
    """Write the event of a refusal that has none yet. It stands right below the one that gives requests their ids."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and remember a refusal."""
        response = self.get_response(request)
        if response.status_code in ACTIONS:
            _remember(request, response)
        return response


def _remember(request: HttpRequest, response: HttpResponseBase) -> None:
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    if not signed_in and not _worth_keeping(request, response.status_code):
        return
    if Event.objects.filter(request_id=str(getattr(request, "request_id", "-"))).exists():
        return
    match = request.resolver_match
    code, sentence = _told(response)
    with transaction.atomic():
        record(
            actor=actor_of_request(
                request, user.pk if user and signed_in else None, user.get_username() if user and signed_in else NOBODY
            ),
            action=ACTIONS[response.status_code],
            object_type="product",
            object_id=(match.view_name if match else "") or "address",
            # Not the path itself: the address of a calendar's feed holds its token.
            object_label=f"{request.method} /{match.route if match else ''}",
            code=code,
            reason=sentence,
            details={"status": response.status_code, **(_numbers(match.kwargs) if match else {})},
        )


def _worth_keeping(request: HttpRequest, status: int) -> bool:
    """Whether an attempt by nobody in particular is told: one with a token or a password, or one call too many.

    A locked name is told by the attempt that locked it.
    """
    if getattr(request, "axes_locked_out", False):
        return False
    if status != TOO_MANY and not request.headers.get("Authorization"):
        return False
    key = f"refused:{status}:{request.META.get('REMOTE_ADDR', '')}"
    return bool(cache.add(key, 1, ONE_IN_S))


def _told(response: HttpResponseBase) -> tuple[str, str]:
    """The code and the sentence of the answer, as the API gives them; a page says its sentence to the reader alone."""
    data = getattr(response, "data", None)
    if not isinstance(data, dict):
        return "", str(getattr(response, "refusal_sentence", ""))
    return str(data.get("code", ""))[:100], str(data.get("detail", ""))


def _numbers(given: Mapping[str, Any]) -> dict[str, int]:
    """The ids in the address."""
    return {name: value for name, value in given.items() if isinstance(value, int) and abs(value) < _WHOLE}
