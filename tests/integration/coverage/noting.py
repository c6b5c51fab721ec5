"""What a call has written, noted by triggers on every table, and which of it no event of the same transaction tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

from audit.models import Event
from tests.database import as_superuser
from tests.integration.coverage.excused import CLAIMED, CLAIMS, COLUMNS, MADE, TABLES

_INSTALL = """
CREATE TABLE coverage_write (
    id bigint GENERATED ALWAYS AS IDENTITY, txid bigint, relation text, operation text, columns text[],
    row_id text, was jsonb, became jsonb
);
GRANT SELECT ON coverage_write TO PUBLIC;
CREATE FUNCTION coverage_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE
    changed text[];
    was jsonb;
    became jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(n.key ORDER BY n.key), jsonb_object_agg(n.key, o.value), jsonb_object_agg(n.key, n.value)
        INTO changed, was, became
        FROM jsonb_each(to_jsonb(NEW)) n JOIN jsonb_each(to_jsonb(OLD)) o USING (key)
        WHERE n.value IS DISTINCT FROM o.value;
        IF changed IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO public.coverage_write (txid, relation, operation, columns, row_id, was, became)
    VALUES (pg_current_xact_id()::text::bigint, TG_TABLE_NAME, TG_OP, changed, to_jsonb(NEW) ->> 'id', was, became);
    RETURN NULL;
END
$body$;
"""
_TABLES = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'coverage_write' ORDER BY relname
"""
_REMOVE = "DROP FUNCTION coverage_note() CASCADE; DROP TABLE coverage_write"
_UNTOLD = """
SELECT DISTINCT relation, operation, columns FROM coverage_write w
WHERE id > %s AND NOT EXISTS (SELECT FROM audit_event e WHERE e.txid = w.txid)
"""
# A value was changed, but the events of the transaction say neither what it was nor what it is.
_UNSAID = """
SELECT DISTINCT relation, columns FROM coverage_write w
WHERE id > %s AND operation = 'UPDATE' AND EXISTS (SELECT FROM audit_event e WHERE e.txid = w.txid)
  AND NOT EXISTS (
    SELECT FROM audit_event e WHERE e.txid = w.txid
    AND (e.state_to <> '' OR e.body::jsonb -> 'before' <> 'null' OR e.body::jsonb -> 'after' <> 'null'
         OR e.body::jsonb -> 'details' <> 'null'))
"""
# What was changed of a row, from its first to its last value in a transaction, beside an event about the same thing.
_TOLD = """
SELECT w.relation, w.was, w.became, e.id FROM coverage_write w
JOIN audit_event e ON e.txid = w.txid AND e.object_id = w.row_id
WHERE w.id > %s AND w.operation = 'UPDATE'
  AND (replace(e.object_type, '_', '') = split_part(w.relation, '_', 2)
       OR (e.object_type, w.relation) IN (SELECT object_type, table_name FROM audit_stateful))
  AND NOT EXISTS (SELECT FROM coverage_write o WHERE o.txid = w.txid AND o.relation = w.relation
                  AND o.row_id = w.row_id AND o.id <> w.id)
  AND 1 = (SELECT count(*) FROM audit_event o WHERE o.txid = e.txid AND o.object_type = e.object_type
           AND o.object_id = e.object_id)
"""


@dataclass(frozen=True, slots=True)
class Write:
    """A kind of write: the table, what was done, and which columns got another value."""

    table: str
    operation: str
    columns: frozenset[str]

    @property
    def excused(self) -> bool:
        """Whether ``excused.py`` says why nobody misses an event."""
        if self.table in TABLES:
            return True
        if self.operation == "INSERT":
            return self.table in MADE
        allowed = {*COLUMNS.get(self.table, ((), ""))[0], *(CLAIMS if self.table in CLAIMED else ())}
        return self.operation == "UPDATE" and bool(self.columns) and self.columns <= allowed

    def __str__(self) -> str:
        columns = f" of {', '.join(sorted(self.columns))}" if self.columns else ""
        return f"{self.operation} {self.table}{columns}"


class Notes:
    """What has been written since the last look."""

    def __init__(self) -> None:
        self._seen = 0

    def forget(self) -> None:
        """Begin anew: what was written up to now is no concern."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM coverage_write")
            (self._seen,) = cursor.fetchone()

    def untold(self) -> list[str]:
        """What was written in transactions that hold no event, but for what is excused."""
        return sorted(str(write) for write in self._writes(_UNTOLD) if not write.excused)

    def unsaid(self) -> list[str]:
        """What was changed in transactions none of whose events says a state, a before, an after or any detail."""
        with connection.cursor() as cursor:
            cursor.execute(_UNSAID, [self._seen])
            rows = [Write(table, "UPDATE", frozenset(columns)) for table, columns in cursor.fetchall()]
        return sorted(str(write) for write in rows if not write.excused)

    def lies(self) -> list[str]:
        """What an event says of a value before or after that is something else than what the row had or has."""
        with connection.cursor() as cursor:
            cursor.execute(_TOLD, [self._seen])
            rows = [(table, json.loads(was), json.loads(became), pk) for table, was, became, pk in cursor.fetchall()]
        found = []
        for table, was, became, pk in rows:
            event = Event.objects.get(pk=pk)
            said = event.content()
            for side, values in (("before", was), ("after", became)):
                told = said[side] if isinstance(said[side], dict) else {}
                found += [
                    f"{event.action} says {side} {name}={told[name]!r}, but {table} has {values[name]!r}"
                    for name in told.keys() & values.keys()
                    if not _same(told[name], values[name])
                ]
        return sorted(found)

    def written(self) -> list[str]:
        """Everything that was written, excused or not."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT relation FROM coverage_write WHERE id > %s ORDER BY 1", [self._seen])
            return [relation for (relation,) in cursor.fetchall()]

    def _writes(self, statement: str) -> list[Write]:
        with connection.cursor() as cursor:
            cursor.execute(statement, [self._seen])
            return [
                Write(table, operation, frozenset(columns or ())) for table, operation, columns in cursor.fetchall()
            ]


def _same(told: object, stands: object) -> bool:
    """Times are written in several ways; of them it is enough that there is one."""
    if isinstance(told, str) and isinstance(stands, str) and re.match(r"\d{4}-\d\d-\d\d", told):
        return told[:10] == stands[:10]
    return told == stands or str(told) == str(stands)


@contextmanager
def noting() -> Iterator[Notes]:
    """Note each write of the block, whoever makes it, in whichever process."""
    with as_superuser() as cursor:
        cursor.execute(_INSTALL)
        cursor.execute(_TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'CREATE TRIGGER coverage_note AFTER INSERT OR UPDATE OR DELETE ON "{table}"'
                " FOR EACH ROW EXECUTE FUNCTION coverage_note()"
            )
            cursor.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER coverage_note')
    try:
        yield Notes()
    finally:
        with as_superuser() as cursor:
            cursor.execute(_REMOVE)
