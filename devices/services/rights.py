"""What people may do here, by the groups that they hold. Superusers are not exempt; auditors only read."""

from __future__ import annotations

from typing import Final

from django.contrib.auth import get_user_model

from audit.actor import Actor, Origin
from devices.errors import BadFieldsError, NotPermittedError

REQUESTER: Final = "requester"
CHANGE_MANAGER: Final = "change-manager"
IMPLEMENTER: Final = "implementer"
ADMINISTRATOR: Final = "administrator"
AUDITOR: Final = "auditor"

MAX_REASON: Final = 2000


def roles_of(actor: Actor) -> frozenset[str]:
    """The groups that the person holds now; nothing for accounts that are switched off. One query."""
    user = get_user_model().objects.filter(pk=actor.user_id, is_active=True).first() if actor.user_id else None
    return frozenset(user.groups.values_list("name", flat=True)) if user else frozenset()


def holds(roles: frozenset[str], *wanted: str) -> bool:
    """Whether one of the wanted roles is held, by somebody who may act at all."""
    return AUDITOR not in roles and not roles.isdisjoint(wanted)


def require_role(actor: Actor, what: str, *wanted: str) -> None:
    """Let the actor pass, or refuse; commands and the product itself pass.

    Raises:
        NotPermittedError: the person holds none of the roles, or is an auditor.
    """
    if actor.origin in {Origin.COMMAND, Origin.SYSTEM}:
        return
    roles = roles_of(actor)
    if holds(roles, *wanted):
        return
    if AUDITOR in roles:
        raise NotPermittedError(f"You hold the auditor role, and auditors only read: you cannot {what}.")
    named = " or ".join(role.replace("-", " ") for role in wanted)
    raise NotPermittedError(f"To {what}, hold the role {named}. Ask an administrator for it, or a colleague to do it.")


def checked_reason(reason: str, *, field: str = "comment") -> str:
    """The reason without blanks around it.

    Raises:
        BadFieldsError: it is missing, too long, or holds what cannot be stored.
    """
    said = reason.strip()
    if not said:
        raise BadFieldsError({field: ["Say why. The reason is kept with the record and in the audit log."]})
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in said):
        raise BadFieldsError({field: ["The reason holds a character that cannot be stored. Type it anew."]})
    if len(said) > MAX_REASON:
        raise BadFieldsError({field: [f"Shorten the reason to {MAX_REASON} characters."]})
    return said
