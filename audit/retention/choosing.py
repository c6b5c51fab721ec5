"""Which events may go to an archive now. The database says it; here it is only asked."""

# ruff: noqa: S608 - constants are put into a statement

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.retention.ranges import Places
from audit.retention.vocabulary import RetentionClass
from audit.sealing.storage import Cursor

_DUE: Final = """
audit_due_event due WHERE NOT EXISTS (
    SELECT FROM audit_archive archive WHERE archive.state = 'recorded' AND archive.leaves @> due.leaf_index)
"""


# The database makes stretches of the places: a million of them are few bytes then. Without a class, the row of all.
_CHOSEN: Final = f"""
WITH chosen AS MATERIALIZED (
    SELECT due.leaf_index, due.at, due.change_class FROM {_DUE} ORDER BY due.leaf_index LIMIT %s)
SELECT change_class, range_agg(int8range(leaf_index, leaf_index + 1))::text, min(at), max(at), count(*)
FROM chosen GROUP BY GROUPING SETS ((), (change_class)) HAVING count(*) > 0 ORDER BY change_class NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class DueEvents:
    """How many events of a class could go now, and from which time they are."""

    retention_class: RetentionClass
    events: int
    changes: int
    first_at: datetime
    last_at: datetime


def due_events(cursor: Cursor) -> tuple[DueEvents, ...]:
    """What an archive would be made of, by class; empty where no event's time is over. One query."""
    cursor.execute(
        f"SELECT due.change_class, count(*), count(DISTINCT due.change_id), min(due.at), max(due.at) FROM {_DUE}"
        " GROUP BY due.change_class ORDER BY due.change_class"
    )
    return tuple(DueEvents(RetentionClass(name), *rest) for name, *rest in cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Chosen:
    """The events of one archive: their places in the tree, the time of the first and last, and how many of a class."""

    places: Places
    first_at: datetime
    last_at: datetime
    classes: dict[str, int]


def choose(cursor: Cursor, limit: int) -> Chosen | None:
    """The first ``limit`` events, by their place, that may go now; None where there is none. One query."""
    cursor.execute(_CHOSEN, (limit,))
    found = cursor.fetchall()
    if not found:
        return None
    total, *classes = found
    return Chosen(Places.parse(total[1]), total[2], total[3], {name: number for name, _, _, _, number in classes})
