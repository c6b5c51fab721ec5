from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string

REQUEST_ID_HEADER = "X-Request-ID"


class RequestIdMiddleware:
    """Give every request an id of its own, for the audit log and for the answer's header.

    An id that the client sends is not taken over: it would let him write into other people's traces.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the id in ``X-Request-ID``."""
        request.request_id = uuid4().hex  # type: ignore[attr-defined]  # declared nowhere in Django
        response = self.get_response(request)
        response[REQUEST_ID_HEADER] = request.request_id  # type: ignore[attr-defined]  # as above
        return response


class UnkeptAnswersMiddleware:
    """Have no browser and no proxy keep an answer of the API: it would show a text after its redaction.

    Pages say so by themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with ``Cache-Control: no-store`` where the view has not said otherwise."""
        response = self.get_response(request)
        if request.path_info.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class BodyLimitMiddleware:
    """Refuse a body over ``DATA_UPLOAD_MAX_MEMORY_SIZE`` before anything reads it.

    Django applies that setting to forms only; REST framework's parsers read the stream past it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 413 by what the request announces; a body without a length is empty to Django."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.META.get("CONTENT_LENGTH") or "0"
        if limit is None or not length.isdecimal() or int(length) <= limit:
            return self.get_response(request)
        sentence = (
            f"The request is {int(length) / 1024 / 1024:.1f} MiB; at most {limit / 1024 / 1024:.0f} MiB are "
            "accepted. Split the change into smaller ones, or shorten the content. Nothing was saved."
        )
        if request.path_info.startswith("/api/"):
            return JsonResponse({"code": "BODY_TOO_LARGE", "detail": sentence, "fields": {}}, status=413)
        # Without the request: nobody is signed in yet here, and nothing may read the body.
        return HttpResponse(render_to_string("413.html", {"sentence": sentence}), status=413)
