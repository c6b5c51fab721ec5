"""Which events a pack holds."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q, QuerySet

from audit.filters import EventFilter
from audit.models import Event
from audit.selectors import events
from changes.domain.evidence import PackScope
from changes.models import EvidencePack

_TEMPLATES = """
SELECT DISTINCT body::jsonb #>> '{after,template_version_id}' FROM audit_event
WHERE change_id = %s AND action IN ('change.created', 'change.edited')
    AND body::jsonb #>> '{after,template_version_id}' IS NOT NULL
"""


def chosen_events(pack: EvidencePack) -> QuerySet[Event] | None:
    """The events of a pack; None: all there are.

    With a change come the events of the template versions that it was made from: who wrote them has a hand in it.
    """
    if pack.scope == PackScope.WHOLE:
        return None
    if pack.scope == PackScope.FILTER:
        return events(EventFilter.parse({name: str(value) for name, value in pack.filters.items()}))
    with connection.cursor() as cursor:
        cursor.execute(_TEMPLATES, [pack.change_id])
        versions = [row[0] for row in cursor.fetchall()]
    chosen = Q(change_id=pack.change_id)
    if versions:
        chosen |= Q(object_type="template_version", object_id__in=versions)
    return Event.objects.filter(chosen)


def encloses_changes(pack: EvidencePack) -> bool:
    """Whether plans, transcripts and configurations go into the pack: where all events of a change are in it."""
    return pack.scope != PackScope.FILTER
