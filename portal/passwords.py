"""Passwords: every new hash that an account gets comes with an event, which the database demands at COMMIT."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import is_password_usable, make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from audit.actor import Actor
from audit.recorder import record
from portal.sign_in_events import actor_of_request


def password_change(*, user: User, password: str, actor: Actor, reason: str = "") -> None:
    """Give an account another password, and audit that it has one; neither it nor its hash is recorded."""
    password_hash_change(user=user, hashed=make_password(password), actor=actor, reason=reason)


@transaction.atomic
def password_hash_change(*, user: User, hashed: str, actor: Actor, reason: str = "") -> None:
    """The same with a hash that was made before; slow hashing is done outside the transaction."""
    before = User.objects.select_for_update(no_key=True).get(pk=user.pk).password
    user.password = hashed
    user.save(update_fields=["password"])
    _say(user, "user.password_changed", actor, reason, before=before)


class RecordedPasswordBackend(ModelBackend):
    """Sign in by name and password. A hash that Django makes anew with the present method leaves an event."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,  # noqa: ANN401 - as Django declares it
    ) -> User | None:
        """The person whose name and password these are."""
        with transaction.atomic():
            before = User.objects.filter(username=username).values_list("password", flat=True).first()
            user = super().authenticate(request, username=username, password=password, **kwargs)
            if isinstance(user, User) and user.password != before:
                actor = actor_of_request(request, user.pk, user.username)
                _say(user, "user.password_rehashed", actor, "An old hash was made anew.", before=before or "")
        return user if isinstance(user, User) else None


def _say(user: User, action: str, actor: Actor, reason: str, *, before: str) -> None:
    """Of a hash only its method is told."""
    record(
        actor=actor,
        action=action,
        object_type="user",
        object_id=user.pk,
        object_label=user.username,
        reason=reason,
        before={"hashed_by": _method(before)},
        after={"hashed_by": _method(user.password)},
    )


def _method(hashed: str) -> str:
    return hashed.partition("$")[0] if is_password_usable(hashed) and "$" in hashed else "no password"
