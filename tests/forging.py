"""What somebody does to the database who can do all: the tests that a forgery is noticed begin with one."""

from django.db import connection

from tests.database import as_superuser

_TRIGGERS = """
SELECT relname, quote_ident(tgname), tgenabled FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'audit_event'::regclass)
"""


def forge(*statements: str) -> None:
    """Run statements as a superuser with the triggers of the tables that they name off, and on again afterwards."""
    text = " ".join(statements)
    with as_superuser() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(_TRIGGERS)
        triggers = [row for row in cursor.fetchall() if row[0] in text]
        for table in sorted({table for table, _name, _enabled in triggers}):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        for table, name, enabled in triggers:
            again = "ENABLE ALWAYS" if enabled in {"A", b"A"} else "ENABLE"
            cursor.execute(f"ALTER TABLE {table} {again} TRIGGER {name}")
    assert connection.in_atomic_block, "a forgery would outlive its test"
