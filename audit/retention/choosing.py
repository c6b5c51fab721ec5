"""Which events may go to an archive now. The database says it; here it is only asked."""

# ruff: noqa: S608 - constants are put into a statement

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from audit.retention.ranges import Places
from audit.retention.vocabulary import RetentionClass
from audit.sealing.storage import Cursor

_DUE: Final = """
audit_due_event due WHERE NOT EXISTS (
    SELECT FROM audit_archive archive WHERE archive.state = 'recorded' AND archive.leaves @> due.leaf_index)
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


def unrecorded(cursor: Cursor, folder: Path) -> list[Path]:
    """Archives in the folder that no record names: a run was ended before it recorded them. One query."""
    files = sorted(folder.glob("archive-*.zip"))
    cursor.execute("SELECT file FROM audit_archive WHERE file = ANY (%s)", ([path.name for path in files],))
    recorded = {name for (name,) in cursor.fetchall()}
    return [path for path in files if path.name not in recorded]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The events of one archive: their places in the tree, the time of the first and last, and how many of a class."""

    places: Places
    first_at: datetime
    last_at: datetime
    classes: dict[str, int]


def choose(cursor: Cursor, limit: int) -> Chosen | None:
    """The first ``limit`` events, by their place, that may go now; None where there is none. One query."""
    cursor.execute(
        f"SELECT due.leaf_index, due.at, due.change_class FROM {_DUE} ORDER BY due.leaf_index LIMIT %s", (limit,)
    )
    rows = cursor.fetchall()
    if not rows:
        return None
    classes: dict[str, int] = {}
    for _place, _at, name in rows:
        classes[name] = classes.get(name, 0) + 1
    times = [at for _place, at, _name in rows]
    return Chosen(Places.of(place for place, _at, _name in rows), min(times), max(times), classes)
