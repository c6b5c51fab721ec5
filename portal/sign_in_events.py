"""Signing in and out leaves events in the audit log, whichever door it was: pages, API or admin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from audit.actor import Actor, Origin
from audit.recorder import record
from portal.refusal_limits import unknown_name_told

NOBODY = "nobody"
"""The name under which a failed attempt is recorded: who tried has not been proved."""
UNKNOWN_ACCOUNT = "unknown"
NAME_LIMIT = 150


def connect_sign_in_events() -> None:
    """Listen to Django's signals from now on; calling it again changes nothing."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit-signed-in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit-signed-out")
    user_login_failed.connect(_sign_in_failed, dispatch_uid="audit-sign-in-failed")


def _signed_in(*, request: HttpRequest | None = None, user: AbstractBaseUser, **_: Any) -> None:  # noqa: ANN401
    _record_of(user, "user.signed_in", request)


def _signed_out(*, request: HttpRequest | None = None, user: AbstractBaseUser | None = None, **_: Any) -> None:  # noqa: ANN401
    if user is not None and user.pk:
        _record_of(user, "user.signed_out", request)


def _sign_in_failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:  # noqa: ANN401
    """Record the attempt, but not those that were refused unread because of too many before: they would fill the log.

    A name that no account has is not kept: it is a password, typed one field too early, more often than a name. Of
    attempts with such names, a web process tells sixty in a minute: whoever tries them has names without end.
    """
    locked = bool(getattr(request, "axes_locked_out", False))
    counted = getattr(request, "axes_failures_since_start", None)
    if locked and counted is None:
        return
    model = get_user_model()
    user = model._default_manager.filter(**{model.USERNAME_FIELD: _name(credentials)}).first()
    if user is None and not unknown_name_told():
        return
    with transaction.atomic():
        record(
            actor=actor_of_request(request, None, NOBODY),
            action="user.sign_in_failed",
            object_type="user",
            object_id=user.pk if user else UNKNOWN_ACCOUNT,
            object_label=user.get_username() if user else "a name that no account has",
            code="ACCOUNT_LOCKED" if locked else "",
            reason="Too many failed attempts: this name is refused from this address for a while." if locked else "",
        )


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The name under which django-axes counts attempts; its column cannot hold whatever somebody sends."""
    return _name(credentials if credentials is not None else request.POST)


def _name(credentials: Mapping[str, Any]) -> str:
    typed = str(credentials.get(get_user_model().USERNAME_FIELD) or "")
    return typed.replace("\0", "")[:NAME_LIMIT]


def _record_of(user: AbstractBaseUser, action: str, request: HttpRequest | None) -> None:
    with transaction.atomic():
        record(
            actor=actor_of_request(request, user.pk, user.get_username()),
            action=action,
            object_type="user",
            object_id=user.pk,
            object_label=user.get_username(),
        )


def actor_of_request(request: HttpRequest | None, user_id: int | None, username: str) -> Actor:
    """Who stands behind a request of a page or the API; ``username`` is never empty."""
    meta = request.META if request else {}
    path = request.path_info if request else ""
    return Actor(
        user_id=user_id,
        username=username,
        origin=Origin.API if path.startswith("/api/") else Origin.WEB,
        request_id=str(getattr(request, "request_id", "")),
        ip=str(meta.get("REMOTE_ADDR") or ""),
    )
