"""Accounts and what they may do: every change of it is written through here, together with its event.

The database refuses any other way: at COMMIT it compares the event with its own tables.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction

from audit.actor import Actor
from audit.recorder import INSERT_SELECT, ObjectType, event_values, record
from changes.domain.errors import InvalidInputError
from changes.domain.policy import Role

ROLES = tuple(role.value for role in Role)


def access_of(kind: str, pk: int) -> dict[str, Any] | None:
    """What an account (``user``) or a ``group`` gives leave to do, as the database sees it; ``None``: it is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT portal_access_of(%s, %s)::text", [kind, pk])
        (found,) = cursor.fetchone()
    return json.loads(found) if found else None


@contextmanager
def access_changing(*, user: User, actor: Actor, reason: str = "") -> Iterator[None]:
    """Whatever the block changes of an account's flags, groups or permissions is one event, in one transaction.

    The account is locked first, so that two changes cannot both begin with the same access. A block that changes
    nothing leaves no event.
    """
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        before = access_of("user", user.pk)
        yield
        after = access_of("user", user.pk)
        if before != after:
            record(
                actor=actor,
                action="user.access_changed",
                object_type="user",
                object_id=user.pk,
                object_label=user.username,
                reason=reason,
                before={"access": before},
                after={"access": after},
            )


def access_created(*users: User, actor: Actor, reason: str = "") -> None:
    """Write the events of accounts that the caller's transaction has made, when their flags and groups are set."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, portal_access_of('user', id)::text FROM auth_user WHERE id = ANY(%s)",
            [[user.pk for user in users]],
        )
        found = {pk: json.loads(access) for pk, access in cursor.fetchall()}
        events = (
            event_values(
                actor=actor,
                action="user.created",
                object_type=ObjectType.USER,
                object_id=user.pk,
                object_label=user.username,
                reason=reason,
                before={"access": None},
                after={"access": found[user.pk]},
            )
            for user in users
        )
        cursor.executemany(INSERT_SELECT, list(events))


@transaction.atomic
def person_create(
    *, username: str, actor: Actor, roles: Collection[str] = (), email: str = "", reason: str = ""
) -> User:
    """Make an account without a password, in the groups of these roles, and audit it.

    Raises:
        InvalidInputError: the name is taken or no name, or a role does not exist.
    """
    fields: dict[str, list[str]] = {}
    if not username.strip() or username != username.strip():
        fields["username"] = ["Give the name to sign in with, without spaces around it."]
    elif User.objects.filter(username=username).exists():
        fields["username"] = ["An account of this name exists already. Leave --create out to change it."]
    if fields:
        raise InvalidInputError(fields)
    groups = _groups(roles, "add")
    user = User.objects.create_user(username, email)
    user.groups.set(groups)
    access_created(user, actor=actor, reason=reason)
    return user


def person_access_change(
    *,
    user: User,
    actor: Actor,
    add: Collection[str] = (),
    remove: Collection[str] = (),
    active: bool | None = None,
    reason: str = "",
) -> None:
    """Put an account into groups, take it out of others, or switch it on or off, and audit it.

    Raises:
        InvalidInputError: a role does not exist.
    """
    more, fewer = _groups(add, "add"), _groups(remove, "remove")
    with access_changing(user=user, actor=actor, reason=reason):
        user.groups.add(*more)
        user.groups.remove(*fewer)
        if active is not None:
            user.is_active = active
            user.save(update_fields=["is_active"])


@transaction.atomic
def person_identity_change(
    *, user: User, actor: Actor, username: str | None = None, email: str | None = None, reason: str = ""
) -> None:
    """Give an account another name or e-mail address, and audit it; ``None`` leaves one as it is.

    What the account did before stays under its former name in the log. Without a difference nothing is written.

    Raises:
        InvalidInputError: the name is taken or no name, or the address is none.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    wanted = {"username": username, "email": email}
    changes = {name: value for name, value in wanted.items() if value is not None and value != getattr(user, name)}
    if not changes:
        return
    fields = _identity_problems(changes)
    if fields:
        raise InvalidInputError(fields)
    before = {name: getattr(user, name) for name in ("username", *changes)}
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=list(changes))
    record(
        actor=actor,
        action="user.identity_changed",
        object_type="user",
        object_id=user.pk,
        object_label=user.username,
        reason=reason,
        before=before,
        after={name: getattr(user, name) for name in before},
        details={"changed": sorted(changes)},
    )


def _identity_problems(changes: Mapping[str, str]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    if "username" in changes:
        try:
            User.username_validator(changes["username"])
        except ValidationError:
            fields["username"] = ["Give a name of letters, digits and @ . + - _ only."]
        else:
            if User.objects.filter(username__iexact=changes["username"]).exists():
                fields["username"] = ["An account of this name exists already. Choose another name."]
    if changes.get("email"):
        try:
            validate_email(changes["email"])
        except ValidationError:
            fields["email"] = ["This is no e-mail address. Give one such as olivia@example.net, or nothing."]
    return fields


def _groups(roles: Collection[str], field: str) -> list[Group]:
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise InvalidInputError({field: [f"There is no role {unknown[0]!r}. The roles are: {', '.join(ROLES)}."]})
    return list(Group.objects.filter(name__in=roles))
