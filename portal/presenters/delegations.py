"""Delegations as their page lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from changes.domain.policy import Person, Role
from changes.domain.roles import group_label
from changes.models import Delegation
from changes.services.windows import database_now
from portal.presenters.words import both


@dataclass(frozen=True, slots=True)
class DelegationRow:
    """One delegation; ``state`` is to come, in force, over or revoked; ``may_revoke``: whether this person may now."""

    row: Delegation
    words: str
    groups: str
    state: str
    tone: str
    may_revoke: bool


def delegation_rows(rows: Sequence[Delegation], person: Person) -> tuple[DelegationRow, ...]:
    """The rows of a page; one query, for the clock that decides."""
    now = database_now() if rows else None
    return tuple(_row(row, person, now) for row in rows if now)


def _row(row: Delegation, person: Person, now: datetime) -> DelegationRow:
    state, tone = _state(row, now)
    own = person.id in {row.principal_id, row.delegate_id} or Role.CHANGE_MANAGER in person.roles
    return DelegationRow(
        row=row,
        words=_words(row),
        groups=both([group_label(name) for name in row.groups]) or "all groups",
        state=state,
        tone=tone,
        may_revoke=own and state in {"to come", "in force"},
    )


def _words(row: Delegation) -> str:
    principal = row.principal.get_username()
    if row.delegate is None:
        return f"{principal} is out of office, and nobody acts for them"
    acts = f"{row.delegate.get_username()} acts for {principal}"
    return f"{acts}, who is out of office" if row.out_of_office else acts


def _state(row: Delegation, now: datetime) -> tuple[str, str]:
    if row.revoked_at is not None:
        return "revoked", ""
    if row.ends_at <= now:
        return "over", ""
    return ("in force", "warn") if row.starts_at <= now else ("to come", "info")
