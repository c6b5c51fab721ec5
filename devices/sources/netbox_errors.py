"""What went wrong with a NetBox, as a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests
from pynetbox.core.query import AllocationError, ContentError, ParameterValidationError, RequestError
from urllib3.exceptions import ReadTimeoutError

from devices.errors import InventoryError, SourceDeniedError, SourceRefusesError

_REFUSALS: Final = (
    ("Invalid authorization header", "The token in NETBOX_TOKEN is malformed: copy the whole of it again."),
    ("Invalid v1 token", "NetBox does not know this token: it is mistyped, was deleted, or is of another NetBox."),
    ("Invalid v2 token", "NetBox does not know this token: it is mistyped, was deleted, or is of another NetBox."),
    ("Invalid token", "NetBox does not know this token: it is mistyped, was deleted, or is of another NetBox."),
    ("Token expired", "The token has expired: make a new one in NetBox, or move its expiry."),
    ("Token disabled", "The token is disabled: enable it in NetBox, or make a new one."),
    ("User inactive", "The account that the token belongs to is inactive: activate it, or use another's token."),
    ("Source IP", "NetBox does not accept this token from this machine's address: see the token's allowed addresses."),
    ("Client IP address could not", "NetBox cannot tell this machine's address, and the token is limited to some."),
    ("Authentication credentials were not provided", "NetBox got no token: set NETBOX_TOKEN."),
)
"""Every refusal is 403 (NetBox 4.7, netbox/api/authentication.py); only its ``detail`` tells them apart."""

NETBOX_FAILURES: Final = (
    RequestError,
    ContentError,
    AllocationError,
    ParameterValidationError,
    requests.RequestException,
    # What pynetbox raises for answers that are JSON of another shape.
    ValueError,
    AttributeError,
    KeyError,
    TypeError,
)


@contextmanager
def netbox_failures(*, what: str, permission: str, host: str) -> Iterator[None]:
    """Turn whatever pynetbox and requests raise into one error of ours; ``what`` is what was being done.

    Raises:
        SourceDeniedError: NetBox refuses the token, or the token's user lacks ``permission``.
        SourceRefusesError: NetBox does not accept this one request.
        InventoryError: anything else.
    """
    try:
        yield
    except NETBOX_FAILURES as error:
        raise _translated(error, what=what, permission=permission, host=host) from error


def _translated(error: Exception, *, what: str, permission: str, host: str) -> InventoryError:
    if isinstance(error, RequestError):
        status = int(error.req.status_code)
        if status in {401, 403}:
            return SourceDeniedError(_refusal(_detail(error), what=what, permission=permission))
        kind = SourceRefusesError if status == 400 else InventoryError
        return kind(_answered(status, _detail(error), what=what, host=host))
    if isinstance(error, ContentError | requests.exceptions.JSONDecodeError):
        return InventoryError(f"{host} answers with a page instead of JSON, so NETBOX_URL names no NetBox.")
    if isinstance(error, requests.RequestException):
        return InventoryError(_unreached(error, host=host))
    return InventoryError(f"{host} gave an answer that is not NetBox's while {what}. Check NETBOX_URL.")


def _refusal(detail: str, *, what: str, permission: str) -> str:
    for start, sentence in _REFUSALS:
        if detail.startswith(start):
            return sentence
    if "permission" in detail.lower():
        return f"The token's user may not do this ({what}): give it the permission {permission} in NetBox."
    return f"NetBox refuses the token (403) while {what}: {detail or 'without a reason'}"


def _answered(status: int, detail: str, *, what: str, host: str) -> str:
    if status == 404:
        return f"{host} has no NetBox interface at this address: check the path in NETBOX_URL."
    if status == 400:
        return f"NetBox does not accept the request while {what}: {detail or 'without a reason'}"
    if status == 429:
        return f"{host} asks for fewer requests (429). Try again later."
    return f"{host} answered with an error ({status}) while {what}. Look into NetBox's log."


def _unreached(error: requests.RequestException, *, host: str) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return f"The certificate of {host} is not trusted here, or the address speaks no TLS."
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"{host} did not take the connection in time. Check the address and the way to it."
    if isinstance(error, requests.exceptions.Timeout) or _was_slow(error):
        return f"{host} took the request and did not answer in time. NetBox may be overloaded."
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return f"{host} sends from one address to the next without end. Check NETBOX_URL."
    if isinstance(error, requests.exceptions.ConnectionError):
        return f"{host} cannot be reached: the name is not found, the port is closed, or the connection broke."
    return f"The answer of {host} could not be read to its end."


def _was_slow(error: requests.RequestException) -> bool:
    """Whether the last of several attempts ran out of time, which requests tells as a failed connection."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), ReadTimeoutError)


def _detail(error: RequestError) -> str:
    try:
        told = error.req.json()
    except ValueError:
        return ""
    if isinstance(told, dict) and "detail" in told:
        return str(told["detail"])[:300]
    return str(told)[:300]
