"""Events for the explorer's bench: two years of a busy installation, made inside the database."""

from __future__ import annotations

from typing import Final

FIRST_DAY: Final = "2024-11-01T00:00:00Z"
YEARS_S: Final = 2 * 365 * 86_400
PEOPLE: Final = 90
DEVICES: Final = 5_000
EVENTS_OF_A_CHANGE: Final = 100

# Worker's events are the most, as in life. Three values are traps for a planner: `leaver` and `plan.migrated` were
# common in the first third and never since, and `command` is rare everywhere.
EVENTS = """
INSERT INTO audit_event (id, at, txid, db_user, actor_id, actor_name, origin, request_id, ip, action, object_type,
    object_id, object_label, change_id, device_id, state_from, state_to, code, reason, body) OVERRIDING SYSTEM VALUE
SELECT n, timestamptz %(first_day)s + make_interval(secs => n::float8 * %(years_s)s / %(events)s), 700 + n,
    'countersign_app', CASE WHEN by_person THEN 1 + h %% 90 END,
    CASE WHEN NOT by_person THEN 'worker' WHEN early AND h %% 5 = 0 THEN 'leaver' ELSE 'person' || h %% 90 END,
    CASE WHEN NOT by_person THEN 'system' WHEN h %% 997 = 0 THEN 'command' WHEN h %% 4 = 0 THEN 'api' ELSE 'web' END,
    CASE WHEN by_person THEN 'r' || n / 5 ELSE '' END, CASE WHEN by_person THEN '192.0.2.' || h %% 250 ELSE '' END,
    CASE WHEN early AND h %% 7 = 0 THEN 'plan.migrated' WHEN h %% 10 < 6 THEN 'device_run.step_entered'
         ELSE 'thing.action' || h %% 40 END,
    CASE h %% 10 WHEN 0 THEN 'change' WHEN 1 THEN 'approval' WHEN 2 THEN 'config' WHEN 3 THEN 'run'
         ELSE CASE WHEN h %% 5003 = 0 THEN 'kill_switch' ELSE 'device_run' END END,
    (n / 7)::text,
    CASE WHEN h %% 10 = 0 THEN '' ELSE 'CHG-' || lpad((n / 100)::text, 5, '0') || ' on fra-acc-' || h %% 5000 END,
    1 + n / 100, CASE WHEN h %% 10 > 2 THEN 1 + h %% 5000 END, '', '',
    CASE WHEN h %% 5 = 0 THEN 'CODE_' || h %% 70 ELSE '' END,
    '',
    '{"pad":"' || repeat('x', 220) || '","n":' || n || '}'
FROM (SELECT n, abs(hashint8(n)::bigint) AS h, abs(hashint8(n + 77)::bigint) %% 10 < 4 AS by_person,
             n < %(events)s / 3 AS early
      FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n) AS made
"""

# Beside the log stand the reasons of every third event, and the titles of changes.
TEXTS = """
INSERT INTO audit_opening (event_id, path, salt, value)
SELECT n, '/reason', sha256(n::text::bytea),
    'Checked before the change in the maintenance window of building ' || abs(hashint8(n)::bigint) %% 900
FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n WHERE abs(hashint8(n)::bigint) %% 3 = 0
UNION ALL
SELECT n, '/object/label', sha256((-n)::text::bytea),
    'CHG-' || lpad((n / 100)::text, 5, '0') || ' New uplinks of fra-acc-17'
FROM generate_series(%(low)s::bigint, %(high)s::bigint) AS n WHERE abs(hashint8(n)::bigint) %% 10 = 0
"""

LEAVES = """
INSERT INTO audit_leaf (leaf_index, event_id, leaf_hash)
SELECT n - 1, n, sha256(n::text::bytea) FROM generate_series(1::bigint, %(sealed)s::bigint) AS n
"""

CHECKPOINTS = """
INSERT INTO audit_checkpoint (tree_size, root, note, signed_at)
SELECT least(n, %(sealed)s), sha256(n::text::bytea), 'generated, not signed',
    timestamptz %(first_day)s + make_interval(secs => n::float8 * %(years_s)s / %(events)s)
FROM generate_series(500::bigint, %(sealed)s::bigint + 499, 500) AS n
"""

PENDING = "INSERT INTO audit_pending (event_id) SELECT n FROM generate_series(%(sealed)s::bigint + 1, %(events)s) AS n"

TABLES: Final = ("audit_event", "audit_opening", "audit_leaf", "audit_checkpoint", "audit_pending")
UNSEALED: Final = 20
PART: Final = 500_000


def fill(events: int) -> None:
    """Make the tables as they would be with so many events; as a superuser, with their triggers off."""
    from django.db import connection

    from audit.models import Event

    indexes = Event._meta.indexes
    with connection.schema_editor(atomic=False) as editor:
        for index in indexes:
            editor.remove_index(Event, index)
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        given: dict[str, str | int] = {
            "first_day": FIRST_DAY,
            "years_s": YEARS_S,
            "events": events,
            "sealed": events - UNSEALED,
        }
        cursor.execute("DELETE FROM audit_pending; TRUNCATE audit_event, audit_opening, audit_leaf, audit_checkpoint")
        for low in range(1, events + 1, PART):
            for statement in (EVENTS, TEXTS):
                cursor.execute(statement, {**given, "low": low, "high": min(low + PART - 1, events)})
        for statement in (LEAVES, CHECKPOINTS, PENDING):
            cursor.execute(statement, given)
        cursor.execute("SET maintenance_work_mem = '512MB'")
    with connection.schema_editor(atomic=False) as editor:
        for index in indexes:
            editor.add_index(Event, index)
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
