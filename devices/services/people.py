"""Who may decide about sources, trust and host keys, and what they must say."""

from __future__ import annotations

from typing import Final

from django.contrib.auth import get_user_model

from audit.actor import Actor
from devices.errors import BadFieldsError, NotPermittedError

ADMINISTRATOR: Final = "administrator"
AUDITOR: Final = "auditor"
MAX_REASON: Final = 2_000


def require_administrator(actor: Actor, what: str) -> None:
    """Let administrators through, and commands on the host itself; ``what`` completes "you cannot …".

    A superuser without the role is refused like everybody else; auditors only read. One query.

    Raises:
        NotPermittedError: the person does not hold the role now.
    """
    if actor.user_id is None:
        return
    users = get_user_model().objects.filter(pk=actor.user_id, is_active=True)
    roles = frozenset(users.values_list("groups__name", flat=True))
    if AUDITOR in roles:
        raise NotPermittedError(f"You hold the auditor role, and auditors only read: you cannot {what}.")
    if ADMINISTRATOR not in roles:
        raise NotPermittedError(f"To {what} you need the role Administrator. Ask somebody who has it.")


def reason_given(reason: str, *, field: str = "reason") -> str:
    """A reason that somebody gave, without white space around it.

    Raises:
        BadFieldsError: it is empty or too long.
    """
    reason = reason.strip()
    if not reason:
        raise BadFieldsError({field: ["Say why, in a sentence: it is kept in the audit log."]})
    if len(reason) > MAX_REASON:
        raise BadFieldsError({field: [f"A reason has at most {MAX_REASON} characters. Shorten it."]})
    return reason
