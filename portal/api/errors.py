"""From every error to one answer: ``{"code", "detail", "fields"}``. The only place that knows HTTP statuses.

``code`` is stable, ``detail`` is a sentence for people, ``fields`` maps names in the input to their sentences. With
403, ``reasons`` holds each rule's code and sentence besides. No answer holds a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from audit.errors import (
    AuditError,
    CheckpointNotFoundError,
    ExportFormatError,
    FilterError,
    KeyFileError,
    LogClosedError,
    NotSealedError,
    SavedSearchNotFoundError,
)
from audit.redaction.errors import EventNotFoundError, RedactionNotFoundError, RedactionRefusedError
from audit.retention.errors import (
    ArchiveNotFoundError,
    EventArchivedError,
    HoldNotFoundError,
    HoldStateError,
    RetentionRefusedError,
)
from changes.domain.canonical import CanonicalError
from changes.domain.errors import ChangeError, InvalidInputError
from changes.domain.plan import PayloadError, PlanHashMismatchError
from changes.domain.states import IllegalTransitionError
from changes.errors import ChangeNotFoundError, ConflictError, PolicyDeniedError, UnplannableError
from changes.rendering import RendererUnavailableError, TemplateError
from devices.errors import (
    BadFieldsError,
    DeviceError,
    DeviceNotFoundError,
    LeaseLostError,
    NotPermittedError,
    OutdatedError,
    SyncRunningError,
    UnknownDeviceFilterError,
    UnknownSourceError,
    UnreachableError,
    WebhookRefusedError,
)
from portal.errors import PortalError, TokenLimitError, TokenMintedByTokenError, TokenNotFoundError
from portal.pdf.making import PdfError

logger = logging.getLogger(__name__)

STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (InvalidInputError, 400),
    (FilterError, 400),
    (ExportFormatError, 400),
    (LogClosedError, 403),
    (SavedSearchNotFoundError, 404),
    (CheckpointNotFoundError, 404),
    (RedactionNotFoundError, 404),
    (EventNotFoundError, 404),
    (RedactionRefusedError, 409),
    (HoldNotFoundError, 404),
    (ArchiveNotFoundError, 404),
    (EventArchivedError, 410),
    (HoldStateError, 409),
    (RetentionRefusedError, 403),
    (NotSealedError, 409),
    (KeyFileError, 409),
    (UnknownDeviceFilterError, 400),
    (BadFieldsError, 400),
    (NotPermittedError, 403),
    (WebhookRefusedError, 403),
    (UnknownSourceError, 404),
    (SyncRunningError, 409),
    (DeviceNotFoundError, 404),
    (OutdatedError, 409),
    (UnreachableError, 409),
    (PolicyDeniedError, 403),
    (TokenMintedByTokenError, 403),
    (ChangeNotFoundError, 404),
    (TokenNotFoundError, 404),
    (IllegalTransitionError, 409),
    (ConflictError, 409),
    (LeaseLostError, 409),
    (PlanHashMismatchError, 409),
    (TokenLimitError, 409),
    (UnplannableError, 422),
    (TemplateError, 422),
    (RendererUnavailableError, 503),
    (PdfError, 503),
)
"""The first class that fits gives the status. What fits none was not meant to reach the API: 500."""

# The stored plan cannot even be read: whoever edited it left no plan behind, and the code says so.
_BROKEN_PLAN = (PayloadError, CanonicalError)
_GENERIC_CODES = frozenset({"invalid", "required", "null", "blank", "max_length", "min_value", "max_value"})
_OWN_CODES = {
    "error": "internal_error",
    "parse_error": "malformed_json",
    "throttled": "throttled",
}


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to an error that a view raised. REST framework calls this; it handles every error.

    An error that nobody expected is logged with its traceback and answered with the request's id alone.
    """
    set_rollback()
    if isinstance(error, Http404):
        error = exceptions.NotFound(str(error) or "There is nothing at this address.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    elif isinstance(error, RequestDataTooBig):
        return _answer(413, "BODY_TOO_LARGE", "The body is too large. Split what you send.")
    elif isinstance(error, SuspiciousOperation | UnreadablePostError):
        error = exceptions.ParseError("The request could not be read. Send it again.")
    elif isinstance(error, DataError) and "NUL (0x00)" in str(error):
        return _answer(400, "invalid_input", "A text in the request holds a NUL character. Take it out.")
    if isinstance(error, APIException):
        return _of_framework(error, context)
    if isinstance(error, ChangeError | DeviceError | LeaseLostError | AuditError | PortalError):
        found = _of_product(error)
        if found is not None:
            return found
    return _unexpected(error, context)


def _of_product(error: ChangeError | DeviceError | LeaseLostError | AuditError | PortalError) -> Response | None:
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    if isinstance(error, _BROKEN_PLAN):
        sentence = "The stored plan cannot be read, so it is not the plan that was made. Plan the change again."
        return _answer(409, "PLAN_HASH_MISMATCH", sentence)
    if status is None:
        return None
    fields: Mapping[str, list[str]] = {}
    if isinstance(error, InvalidInputError | BadFieldsError):
        fields = error.fields
    elif isinstance(error, FilterError | RedactionRefusedError):
        fields = {error.field: [str(error)]}
    elif isinstance(error, ExportFormatError):
        fields = {"format": [str(error)]}
    answer = _answer(status, error.code, str(error), fields)
    if isinstance(error, PolicyDeniedError):
        answer.data["reasons"] = [{"code": code, "detail": sentence} for code, sentence in error.reasons]
    elif isinstance(error, NotPermittedError):
        answer.data["reasons"] = [{"code": error.code, "detail": error.detail}]
    return answer


def _of_framework(error: APIException, context: Mapping[str, Any]) -> Response:
    # The view puts auth_header on the error; only throttling knows a wait.
    known = {
        "WWW-Authenticate": getattr(error, "auth_header", None),
        "Retry-After": getattr(error, "wait", None),
    }
    headers = {name: str(value) for name, value in known.items() if value}
    fields: dict[str, list[str]] = {}
    details = list(_flat(error.detail))
    for where, detail in details:
        if where:
            fields.setdefault(where, []).append(str(detail))
    codes = {str(detail.code) for _, detail in details}
    code = codes.pop() if len(codes) == 1 else "invalid_input"
    if code in _GENERIC_CODES:
        code = "invalid_input"
    sentence = _sentence(error, context) or " ".join(str(detail) for _, detail in details)
    if sentence.startswith("CSRF Failed"):
        code = "csrf_failed"
    return _answer(error.status_code, _OWN_CODES.get(code, code), sentence, fields, headers)


def _sentence(error: APIException, context: Mapping[str, Any]) -> str:
    """A sentence that says what to do next, where the framework's own does not."""
    if isinstance(error, exceptions.NotAuthenticated):
        return "Sign in, or send the header “Authorization: Token …”. POST /api/v1/tokens/ makes a token."
    if isinstance(error, exceptions.UnsupportedMediaType):
        return "Send JSON, with the header “Content-Type: application/json”."
    if isinstance(error, exceptions.NotAcceptable):
        return "The answer is JSON. Accept “application/json”."
    if isinstance(error, exceptions.MethodNotAllowed):
        view = context.get("view")
        allowed = ", ".join(view.allowed_methods) if isinstance(view, APIView) else ""
        method = getattr(context.get("request"), "method", "this method")
        return f"This address does not take {method}. It takes: {allowed}."
    if isinstance(error, exceptions.Throttled):
        wait_s = getattr(error, "wait", None)
        when = f" in {wait_s} seconds" if wait_s else " later"
        return f"Too many attempts. Try again{when}."
    return ""


def _flat(detail: Any, where: str = "") -> Iterator[tuple[str, ErrorDetail]]:  # noqa: ANN401 - DRF nests freely
    """Each sentence with the name it stands under, such as ``targets.filter`` or ``ids[0]``."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flat(inner, f"{where}.{name}" if where else str(name))
    elif isinstance(detail, list | tuple):
        for at, inner in enumerate(detail):
            yield from _flat(inner, where if isinstance(inner, str) else f"{where}[{at}]")
    else:
        yield where, detail if isinstance(detail, ErrorDetail) else ErrorDetail(str(detail), "invalid")


def _unexpected(error: Exception, context: Mapping[str, Any]) -> Response:
    request = context.get("request")
    request_id = str(getattr(request, "request_id", ""))
    place = getattr(request, "path", "")
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database failed during %s, request %s: %s", place, request_id, error)
        return _answer(503, "database_unavailable", "The database cannot be reached at the moment. Try again shortly.")
    logger.error("An unexpected error during %s, request %s", place, request_id, exc_info=error)
    return _answer(500, "internal_error", _apology(request_id))


def _apology(request_id: str) -> str:
    return f"Something is wrong on our side. Give an administrator this request id: {request_id or 'unknown'}."


def _answer(
    status: int,
    code: str,
    sentence: str,
    fields: Mapping[str, list[str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    return Response(_body(code, sentence, fields), status=status, headers=headers)


def _body(code: str, sentence: str, fields: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    return {"code": code, "detail": sentence, "fields": dict(fields or {})}
