"""Whether every row stands in the state to which the last event about it led."""

from django.db import connection
from psycopg.sql import SQL, Identifier, Literal

from audit.stateful import STATEFUL, Stateful
from audit.verification.findings import Finding, FindingCode

_THERE = "SELECT to_regclass(%s) IS NOT NULL"
_COMPARED = """
WITH compared AS (
    SELECT thing.id, thing.state, last.state_to, last.id AS event
    FROM (SELECT id, ({state})::text AS state FROM {table}) thing JOIN LATERAL (
        SELECT id, state_to FROM (
            (SELECT id, state_to FROM audit_event
             WHERE object_type = {kind} AND object_id = thing.id::text AND state_to <> '' AND state_to <> state_from
                AND id >= {since}
             ORDER BY id DESC LIMIT 1)
            UNION ALL
            (SELECT event_id, state_to FROM audit_archived_event
             WHERE object_type = {kind} AND object_id = thing.id::text AND state_to <> '' AND event_id >= {since}
             ORDER BY event_id DESC LIMIT 1)) said
        ORDER BY id DESC LIMIT 1) last ON true
)
SELECT totals.number, wrong.* FROM (SELECT count(*) AS number FROM compared) totals LEFT JOIN LATERAL (
    SELECT id, state, state_to, event FROM compared WHERE state IS DISTINCT FROM state_to ORDER BY id LIMIT 1
) wrong ON true
"""


def compare_states(since: int) -> dict[str, int]:
    """Compare the state of each row that has one with the last event about it, from the event ``since`` on.

    One walk over each table, and one look into an index for each row.

    Raises:
        Finding: a row has another state.
    """
    count = 0
    for stateful in STATEFUL:
        if stateful.state_sql is not None:
            count += _compare(stateful, since)
    return {"states": count}


def _compare(stateful: Stateful, since: int) -> int:
    statement = SQL(_COMPARED).format(
        state=SQL(stateful.state_sql or ""),  # a constant of ours
        table=Identifier(stateful.table),
        kind=Literal(stateful.object_type),
        since=Literal(since),
    )
    with connection.cursor() as cursor:
        cursor.execute(_THERE, [stateful.table])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(statement.as_string(connection.connection))
        count: int
        count, thing, state, said, event = cursor.fetchone()
    if thing is None:
        return count
    raise Finding(
        FindingCode.STATE_DIFFERS,
        f"The {stateful.object_type.replace('_', ' ')} {thing} is {state!r}, but the last event about it, {event}, says"
        f" {said!r}: its state was changed without an event.",
    )
