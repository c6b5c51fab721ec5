"""Paths through the log: which index a page of events is read along, and how far. Built for ten million events."""

# ruff: noqa: S608, S611 - what is put into a statement are names of this package; values are parameters

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from audit.conditions import LOOKED_AT, conditions_on_walked
from audit.models import Event

EXAMINED: Final = 2_000
"""How many events a page looks at where an index alone cannot tell which of them pass; then it says so and ends."""

LOOK_S: Final = 0.04
"""For how long it does, in seconds, where the disk is slow; the first 100 events are looked at in any case."""

_AT_LEAST: Final = 100

CLOCK_SLACK: Final = timedelta(minutes=1)
"""Ids follow the clock; how far the clock may have been set back between two events that follow each other."""

LISTED: Final = "ids"

_BEYOND: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Path:
    """An index whose last column is the id: the filters that it answers, their columns, and its own condition."""

    filters: tuple[str, ...]
    columns: tuple[str, ...]
    condition: str = "true"


@dataclass(frozen=True, slots=True)
class Looked:
    """Ids of events that pass, newest first; ``unseen`` are id and time of the first that time was too short for."""

    ids: tuple[int, ...]
    unseen: tuple[int, datetime] | None


@dataclass(frozen=True, slots=True)
class Walk:
    """A path gone along for these filters, newest first, over events with ``low <= id < high``, ``farthest`` at most.

    The bounds compare whole rows, ``(column, id) < (value, high)``, and the order names all columns. An equality would
    say the same, but then the planner may take the log's own order for cheaper and read it from end to end when such
    events have become rare.
    """

    path: Path
    asked: Mapping[str, object]
    low: int
    high: int
    farthest: int

    @property
    def rest(self) -> Collection[str]:
        """The filters that the path does not answer."""
        return self.asked.keys() - set(self.path.filters)

    def events(self, *, take: int) -> QuerySet[Event]:
        """The first ``take`` events on the way, newest first, whatever the rest of the filters says; one query."""
        walked, given = self._rows("id", take)
        return Event.objects.filter(pk__in=RawSQL(walked, given)).order_by("-pk")

    def look(self, *, take: int, within_s: float) -> Looked:
        """Which events on the way pass the rest of the filters too, ``take`` at most; one query.

        The path is walked behind a fence that the planner does not look through, a LIMIT of its own. So the rest is
        asked of the rows that come by, and of no second index, however rare it takes them for; and the walk ends with
        the last row that is taken. When the time is over every further row is let through unseen, as *late*, which
        ends the statement at once. The order is named at each level, or the planner would sort all rows in between.
        """
        condition, values = conditions_on_walked(self.asked, self.rest)
        inner, given = self._rows(", ".join(LOOKED_AT), self.farthest)
        order = self._order()
        late = "row_number() OVER () > %s AND clock_timestamp() > statement_timestamp() + make_interval(secs => %s)"
        statement = (
            f"SELECT id, at, late FROM (SELECT passing.*, {late} AS late FROM ({inner}) passing ORDER BY {order})"
            f" walked WHERE late OR ({condition}) ORDER BY {order} LIMIT %s"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [_AT_LEAST, within_s, *given, *values, take])
            rows = cursor.fetchall()
        unseen = next(((event_id, at) for event_id, at, is_late in rows if is_late), None)
        return Looked(tuple(event_id for event_id, _at, is_late in rows if not is_late), unseen)

    def end(self) -> int | None:
        """The id of the last event that is looked at; ``None`` where the path ends before. One query."""
        walked, given = self._rows("id", self.farthest)
        with connection.cursor() as cursor:
            cursor.execute(f"{walked} OFFSET %s", [*given[:-1], 1, self.farthest - 1])
            row = cursor.fetchone()
        return row[0] if row else None

    def _rows(self, columns: str, limit: int) -> tuple[str, list[Any]]:
        names = ", ".join((*self.path.columns, "id"))
        values = [self.asked[name] for name in self.path.filters if name != LISTED]
        marks = ", ".join(["%s"] * (len(values) + 1))
        statement = (
            f"SELECT {columns} FROM audit_event WHERE {self.path.condition} AND ({names}) >= ({marks})"
            f" AND ({names}) < ({marks}) ORDER BY {self._order()} LIMIT %s"
        )
        listed = [list(cast("tuple[int, ...]", self.asked[LISTED]))] if LISTED in self.path.filters else []
        return statement, [*listed, *values, self.low, *values, self.high, limit]

    def _order(self) -> str:
        return ", ".join(f"{column} DESC" for column in (*self.path.columns, "id"))


_WHOLE_LOG: Final = Path((), ())

# The first that is asked for is taken: what it leads to is few events, however large the log is.
_NARROW: Final = (
    Path((LISTED,), (), "id = ANY(%s::bigint[])"),
    Path(("request_id",), ("request_id",), "request_id <> ''"),
    Path(("object_type", "object_id"), ("object_type", "object_id")),
    Path(("change_id",), ("change_id",), "change_id IS NOT NULL"),
    Path(("object_id",), ("object_id",)),
    Path(("device_id",), ("device_id",), "device_id IS NOT NULL"),
)

# Any of these can be one event or half of the log.
_WIDE: Final = (
    Path(("code",), ("code",), "code <> ''"),
    Path(("action",), ("action",)),
    Path(("actor",), ("actor_name",)),
    Path(("object_type",), ("object_type",)),
    Path(("origin",), ("origin",)),
)


def best_path(asked: Mapping[str, object]) -> Path:
    """The path with the fewest events for these filters; one query where the database's statistics have to say."""
    for path in _NARROW:
        if all(name in asked for name in path.filters):
            return path
    possible = [path for path in _WIDE if path.filters[0] in asked]
    if len(possible) > 1:
        shares = _shares({path.columns[0]: str(asked[path.filters[0]]) for path in possible})
        return min(possible, key=lambda path: shares.get(path.columns[0], 0.0))
    return possible[0] if possible else _WHOLE_LOG


def _shares(values: Mapping[str, str]) -> dict[str, float]:
    """Which share of the log has this value, by column; those that are rare are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT known.attname, common.share FROM pg_stats known
            JOIN unnest(%s::text[], %s::text[]) AS asked (name, value) ON asked.name = known.attname
            CROSS JOIN LATERAL unnest(known.most_common_vals::text::text[], known.most_common_freqs)
                AS common (value, share)
            WHERE known.schemaname = current_schema() AND known.tablename = 'audit_event'
              AND common.value = asked.value
            """,
            [list(values), list(values.values())],
        )
        return dict(cursor.fetchall())


def id_bounds(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Between which ids (the second excluded) the events of a time range are; one query, none without a range."""
    if since is None and until is None:
        return 0, _BEYOND
    first_since = "SELECT id FROM audit_event WHERE at >= %s ORDER BY at LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT ({first_since}), ({first_since})",
            [since and since - _slack(since), until and until + _slack(until, ahead=True)],
        )
        low, high = cursor.fetchone()
    if since is not None and low is None:
        return 0, 0
    return low or 0, high or _BEYOND


def _slack(moment: datetime, *, ahead: bool = False) -> timedelta:
    """The slack, but never across the end of what a time can be."""
    limit = (datetime.max if ahead else datetime.min).replace(tzinfo=moment.tzinfo)  # noqa: DTZ901 - it gets its zone
    return min(CLOCK_SLACK, abs(limit - moment))
