"""Who may do what with holds and periods. Refused attempts are events."""

from typing import Final, NoReturn

from django.contrib.auth import get_user_model
from django.db import transaction

from audit.actor import Actor
from audit.recorder import record
from audit.retention.errors import RetentionRefusedError

KEEPERS: Final = ("auditor", "administrator")
"""The roles (groups) that place holds and release them."""
SETTERS: Final = ("administrator",)
"""The roles that set how long events stay."""
_SENTENCES: Final = {
    KEEPERS: "Auditors and administrators place legal holds and release them. Ask an administrator for such a role.",
    SETTERS: "Administrators set how long events stay. Ask one of them.",
}


def holds_role(user_id: int | None, roles: tuple[str, ...]) -> bool:
    """Whether the account is active and holds one of the roles; one query."""
    people = get_user_model().objects.filter(pk=user_id or 0, is_active=True, groups__name__in=roles)
    return people.exists()


def demand_role(actor: Actor, roles: tuple[str, ...], *, attempt: str, kind: str, thing: int | str = "new") -> int:
    """The account's id, where it holds one of the roles. Call it outside the transaction of what is attempted.

    Raises:
        RetentionRefusedError: it does not; the attempt is recorded.
    """
    if actor.user_id is None or not holds_role(actor.user_id, roles):
        refuse(actor, _SENTENCES[roles], attempt=attempt, kind=kind, thing=thing)
    return actor.user_id


def refuse(actor: Actor, sentence: str, *, attempt: str, kind: str, thing: int | str) -> NoReturn:
    """Record a refused attempt in a transaction of its own, and refuse.

    Raises:
        RetentionRefusedError: always.
    """
    with transaction.atomic():
        record(
            actor=actor,
            action=f"{kind}.{attempt}_refused",
            object_type=kind,
            object_id=thing,
            code="NOT_PERMITTED",
            reason=sentence,
        )
    raise RetentionRefusedError(sentence)
