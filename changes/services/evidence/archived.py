"""Packs and events that went to archives: a pack holds what is in the table, so it says where the rest is."""

from __future__ import annotations

from audit.models import ArchivedEvent
from audit.retention.errors import EventArchivedError
from audit.retention.whereabouts import where_change_went
from changes.domain.evidence import PackScope

_WHOLE = (
    "Events whose time was over went to archives, so a pack of the whole log cannot be made any more. The archives"
    " verify by themselves (Audit log, Retention); packs of changes and of chosen events can be made."
)


def demand_all_there(scope: str, change_id: int | None) -> None:
    """Whether every event that a pack of this scope needs is in the table; two queries at most.

    Asked when a pack is asked for, and again when all of it was read: archives are made at any time.

    Raises:
        EventArchivedError: some went to archives.
    """
    if scope == PackScope.WHOLE and ArchivedEvent.objects.exists():
        raise EventArchivedError(_WHOLE)
    went = where_change_went(change_id) if scope == PackScope.CHANGE and change_id else ""
    if went:
        raise EventArchivedError(f"{went} A pack of it would not be complete, so none is made.")
