"""Which events a pack holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from audit.filters import EventFilter
from audit.models import Event
from audit.selectors import events
from changes.domain.evidence import PackScope
from changes.models import EvidencePack

# Of each template that the change was ever made from, all versions: they are copied from each other.
_VERSIONS = """
SELECT DISTINCT other.id::text FROM audit_event e
JOIN changes_templateversion used ON used.id = (e.body::jsonb #>> '{after,template_version_id}')::bigint
JOIN changes_templateversion other ON other.template_id = used.template_id AND other.number <= used.number
WHERE e.change_id = %s AND e.action IN ('change.created', 'change.edited')
"""
_REVIEWS = "SELECT id::text FROM changes_templatereview WHERE version_id = ANY(%s::bigint[])"
# Who decided, for whom, and who had it carried out: their groups at that time are what their right rested on.
_PEOPLE = """
SELECT approver_id::text FROM changes_approval WHERE change_id = %(change)s
UNION SELECT on_behalf_of_id::text FROM changes_approval WHERE change_id = %(change)s AND on_behalf_of_id IS NOT NULL
UNION SELECT started_by_id::text FROM changes_run WHERE change_id = %(change)s
"""
_ACCESS = ("user.created", "user.access_changed", "user.access_found", "user.removed")


def chosen_events(pack: EvidencePack) -> QuerySet[Event] | None:
    """The events of a pack; None: all there are.

    With a change come the events of the template versions that it was made from, and of those before them: who wrote
    them has a hand in it. So do the reviews of these, and what says in which groups its approvers and
    implementers were.
    """
    if pack.scope == PackScope.WHOLE:
        return None
    if pack.scope == PackScope.FILTER:
        return events(EventFilter.parse({name: str(value) for name, value in pack.filters.items()}))
    versions, people = _ids(_VERSIONS, [pack.change_id]), _ids(_PEOPLE, {"change": pack.change_id})
    chosen = Q(change_id=pack.change_id)
    if versions:
        chosen |= Q(object_type="template_version", object_id__in=versions)
        chosen |= Q(object_type="template_review", object_id__in=_ids(_REVIEWS, [versions]))
    if people:
        chosen |= Q(object_type="user", object_id__in=people, action__in=_ACCESS)
    return Event.objects.filter(chosen)


def _ids(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row[0] for row in cursor.fetchall()]


def encloses_changes(pack: EvidencePack) -> bool:
    """Whether plans, transcripts and configurations go into the pack: where all events of a change are in it."""
    return pack.scope != PackScope.FILTER
