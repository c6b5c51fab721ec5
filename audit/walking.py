"""Paths through the log: which index a page of events is read along, and how far. Built for ten million events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value

from audit.models import Event

EXAMINED: Final = 2_000
"""How many events a page looks at where an index alone cannot tell which of them pass; then it says so and ends."""

CLOCK_SLACK: Final = timedelta(minutes=1)
"""Ids follow the clock; how far the clock may have been set back between two events that follow each other."""

_BEYOND: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Path:
    """An index whose last column is the id: the filters that it answers, their columns, and its own condition."""

    filters: tuple[str, ...]
    columns: tuple[str, ...]
    condition: Q | None = None

    def rows(self, asked: Mapping[str, object], *, low: int, high: int) -> QuerySet[Event]:
        """The events on this path with ``low <= id < high``, newest first.

        The bounds compare whole rows, ``(column, id) < (value, high)``, and the order names all columns. An equality
        would say the same, but then the planner may take the log's own order for cheaper and read it from end to end
        when such events have become rare.
        """
        found = Event.objects.all() if self.condition is None else Event.objects.filter(self.condition)
        values = [asked[name] for name in self.filters]
        bounds = (_rows_compared(self.columns, values, ">=", low), _rows_compared(self.columns, values, "<", high))
        return found.filter(*bounds).order_by(*(f"-{column}" for column in (*self.columns, "id")))


def _rows_compared(columns: tuple[str, ...], values: list[object], operator: str, event_id: int) -> Func:
    ours = Func(*(F(column) for column in (*columns, "id")), function="ROW")
    theirs = Func(*(Value(value) for value in (*values, event_id)), function="ROW")
    return Func(ours, theirs, template="(%(expressions)s)", arg_joiner=f" {operator} ", output_field=BooleanField())


_WHOLE_LOG: Final = Path((), ())

# The first that is asked for is taken: what it leads to is few events, however large the log is.
_NARROW: Final = (
    Path(("request_id",), ("request_id",), ~Q(request_id="")),
    Path(("object_type", "object_id"), ("object_type", "object_id")),
    Path(("change_id",), ("change_id",), Q(change_id__isnull=False)),
    Path(("object_id",), ("object_id",)),
    Path(("device_id",), ("device_id",), Q(device_id__isnull=False)),
)

# Any of these can be one event or half of the log.
_WIDE: Final = (
    Path(("code",), ("code",), ~Q(code="")),
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
