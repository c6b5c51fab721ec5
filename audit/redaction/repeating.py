"""The same text in several events: a title stands in every event of its change."""

from collections.abc import Collection
from typing import Any, Final

from django.db import connection

from audit.models import Event, Opening, Redaction, RedactionState
from audit.recorder import ObjectType
from audit.redaction.archived import Subject

MOST_TOGETHER: Final = 100
"""Redactions that are proposed beside the first one, so that nobody waits long for a page."""
_NEAR: Final = 50_000
"""How many events others may have written while they were."""

# A label begins with the number of its change; without it, it is the title, which stands alone in other places.
_REPEATS: Final = r"""
WITH mine AS MATERIALIZED (
    SELECT DISTINCT regexp_replace(value, '^CHG-[0-9]+ ', '') AS value FROM audit_opening
    WHERE event_id = %(event)s AND path = ANY (%(paths)s) AND value <> '')
SELECT other.event_id, array_agg(other.path ORDER BY other.path)
FROM audit_event e JOIN audit_opening other ON other.event_id = e.id
WHERE e.id <> %(event)s AND (e.change_id = %(change)s
        OR (%(change)s::bigint IS NULL AND e.object_type = %(kind)s AND e.object_id = %(thing)s))
    AND regexp_replace(other.value, '^CHG-[0-9]+ ', '') IN (SELECT value FROM mine)
    AND NOT EXISTS (SELECT FROM audit_redaction r WHERE r.event_id = e.id AND r.state = 'proposed')
GROUP BY other.event_id ORDER BY other.event_id LIMIT %(most)s
"""


def repeats(event: Event, paths: Collection[str], *, most: int = MOST_TOGETHER) -> tuple[tuple[int, list[str]], ...]:
    """Other events that hold one of these texts of an event, and where in them; the oldest first. One query.

    They are events of the same change, or about the same thing where the event belongs to none. Those with an open
    proposal are left out.
    """
    values: dict[str, Any] = {
        "event": event.pk, "paths": list(paths), "change": event.change_id, "kind": event.object_type,
        "thing": event.object_id, "most": most,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_REPEATS, values)
        return tuple((event_id, list(found)) for event_id, found in cursor.fetchall())


def elsewhere(event: Subject) -> int:
    """How many other events repeat any text of this one, 100 at most; two queries, one for an archived event."""
    paths = list(Opening.objects.filter(event_id=event.pk, redaction_id=None).values_list("path", flat=True))
    return len(repeats(event, paths)) if paths and isinstance(event, Event) else 0


def proposed_together(redaction_id: int) -> tuple[int, ...]:
    """The redactions that wait and were proposed in one transaction with this one, it included; three queries."""
    proposals = Event.objects.filter(object_type=ObjectType.REDACTION, action="redaction.proposed", state_to="proposed")
    found = proposals.filter(object_id=str(redaction_id)).values_list("pk", "txid", "actor_id").first()
    if found is None:
        return ()
    event_id, txid, person = found
    beside = proposals.filter(pk__range=(event_id - _NEAR, event_id + _NEAR), txid=txid, actor_id=person)
    ids = [int(thing) for thing in beside.values_list("object_id", flat=True)]
    open_ones = Redaction.objects.filter(pk__in=ids, state=RedactionState.PROPOSED).order_by("pk")
    return tuple(open_ones.values_list("pk", flat=True))
