"""Requests that are refused leave an event, whoever refuses them: a service, a permission, a page or a throttle.

Services record what they refuse by a rule, with its reason. What was refused before any service was asked (a page that
is closed to a role, a form without its token, a token that nobody has, too many calls) is recorded here. Nobody fills
the log by that: ``portal.refusal_limits`` says how many are told in a minute, and who has to wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from audit.models import Event
from audit.recorder import record
from portal import refusal_limits as limits
from portal.sign_in_events import NOBODY, actor_of_request
from portal.views.access import refused

logger = logging.getLogger(__name__)

ACTIONS: Final = {401: "access.not_proved", 403: "access.refused", limits.TOO_MANY: "access.throttled"}
OPEN_TO_ALL: Final = frozenset({"sign-in", "sign-out", "healthz", "readyz"})
"""Addresses where nobody has to wait."""
METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_WHOLE: Final = 2**53
_FURTHER: Final = "Further refusals like it within the minute are counted, and the next event after it tells them."


class RefusalEventsMiddleware:
    """Write the event of a refusal that has none yet. It stands right below the one that gives requests their ids."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and remember a refusal."""
        response = self.get_response(request)
        if HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            try:
                _remember(request, response)
            except DatabaseError as error:
                # It stays refused; that it cannot be told is no reason to let the answer fail.
                logger.error("A refusal (%s) could not be recorded: %s", response.status_code, error)  # noqa: TRY400
        return response

    def process_view(
        self,
        request: HttpRequest,
        view: object,  # noqa: ARG002 - Django's signature
        args: object,  # noqa: ARG002 - the same
        kwargs: object,  # noqa: ARG002 - the same
    ) -> HttpResponse | None:
        """Have who is refused again and again wait before anything is looked at; API tokens have a throttle for it."""
        match = request.resolver_match
        if match and match.view_name in OPEN_TO_ALL:
            return None  # without a look at who it is, which would ask the database
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        by_api = request.path_info.startswith("/api/")
        if limits.refused_too_often(user.pk):
            sentence = "Too much of what you asked for was refused within a minute."
            return _wait(request, "REFUSED_TOO_OFTEN", sentence, by_api=by_api)
        if not by_api and request.method not in _SAFE and limits.sent_too_often(user.pk):
            return _wait(request, "SENT_TOO_OFTEN", "Too much was sent in your name within a minute.", by_api=False)
        return None


def _wait(request: HttpRequest, code: str, problem: str, *, by_api: bool) -> HttpResponse:
    seconds = limits.counts.left_s()
    sentence = f"{problem} Wait {seconds} seconds, then try again. Nothing was done."
    response: HttpResponse
    if by_api:
        response = JsonResponse({"code": code, "detail": sentence, "fields": {}}, status=limits.TOO_MANY)
        response.refusal_sentence = sentence  # type: ignore[attr-defined]  # for the event of the refusal
    else:
        response = refused(request, "Wait a moment", sentence, status=limits.TOO_MANY)
    response.refusal_code = code  # type: ignore[attr-defined]  # the same
    response["Retry-After"] = str(seconds)
    return response


def _remember(request: HttpRequest, response: HttpResponseBase) -> None:
    user = getattr(request, "user", None)
    user_id: int | None = user.pk if user is not None and user.is_authenticated else None
    if user_id is None and not _worth_keeping(request, response.status_code):
        return
    told = _told_by_a_service(request)
    if user_id is not None and (told or response.status_code in ACTIONS):
        limits.refusal_counted(user_id)
    if not told and response.status_code in ACTIONS:
        _tell(request, response, user_id, user.get_username() if user and user_id else NOBODY)


def _told_by_a_service(request: HttpRequest) -> bool:
    """Whether an event says already that this request was refused."""
    events = Event.objects.filter(request_id=str(getattr(request, "request_id", "-")))
    return events.filter(Q(action__endswith="refused") | Q(action="user.sign_in_failed")).exists()


def _tell(request: HttpRequest, response: HttpResponseBase, user_id: int | None, name: str) -> None:
    match = request.resolver_match
    place = (match.view_name if match else "") or "address"
    actor = actor_of_request(request, user_id, name)
    found = limits.telling(status=response.status_code, user_id=user_id, address=actor.ip, place=place)
    if not found.told:
        return
    code, sentence = _told(response)
    method = request.method if request.method in METHODS else "another method"
    with transaction.atomic():
        record(
            actor=actor,
            action=ACTIONS[response.status_code],
            object_type="product",
            object_id=place,
            # Not the path itself: the address of a calendar's feed holds its token.
            object_label=f"{method} /{match.route if match else ''}",
            code=code,
            reason=f"{sentence} {_FURTHER}".strip() if found.is_last else sentence,
            details={
                "status": response.status_code,
                **({"not_told": found.not_told} if found.not_told else {}),
                **(_numbers(match.kwargs) if match else {}),
            },
        )


def _worth_keeping(request: HttpRequest, status: int) -> bool:
    """Whether an attempt by nobody in particular is told: one with a token or a password, or one call too many.

    A locked name is told by the attempt that locked it.
    """
    if getattr(request, "axes_locked_out", False) or status not in ACTIONS:
        return False
    return status == limits.TOO_MANY or bool(request.headers.get("Authorization"))


def _told(response: HttpResponseBase) -> tuple[str, str]:
    """The code and the sentence of the answer, as the API gives them; a page says its sentence to the reader alone."""
    data = getattr(response, "data", None)
    if not isinstance(data, dict):
        return str(getattr(response, "refusal_code", "")), str(getattr(response, "refusal_sentence", ""))
    return str(data.get("code", ""))[:100], str(data.get("detail", ""))


def _numbers(given: Mapping[str, Any]) -> dict[str, int]:
    """The ids in the address."""
    return {name: value for name, value in given.items() if isinstance(value, int) and abs(value) < _WHOLE}
