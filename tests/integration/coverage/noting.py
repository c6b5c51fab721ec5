"""What a call has written, noted by triggers on every table, and which of it no event of the same transaction tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

from tests.database import as_superuser
from tests.integration.coverage.excused import CLAIMS, COLUMNS, MADE, TABLES

_INSTALL = """
CREATE TABLE coverage_write (
    id bigint GENERATED ALWAYS AS IDENTITY, txid bigint, relation text, operation text, columns text[]
);
GRANT SELECT ON coverage_write TO PUBLIC;
CREATE FUNCTION coverage_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE
    changed text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(n.key ORDER BY n.key) INTO changed
        FROM jsonb_each(to_jsonb(NEW)) n JOIN jsonb_each(to_jsonb(OLD)) o USING (key)
        WHERE n.value IS DISTINCT FROM o.value;
        IF changed IS NULL THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO public.coverage_write (txid, relation, operation, columns)
    VALUES (pg_current_xact_id()::text::bigint, TG_TABLE_NAME, TG_OP, changed);
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
        allowed = {*COLUMNS.get(self.table, ((), ""))[0], *CLAIMS}
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
