"""The guards of accounts and tokens believe an event only if this transaction wrote it.

By its number alone an event of long ago could be taken for one of now, after a backup was restored in another server,
where the numbers of transactions begin anew. The functions stay as they are but for that, and for the schema, whose
name they no longer hold.
"""

from typing import Any

from django.db import migrations

NUMBER = "txid = pg_current_xact_id()::text::bigint"
HERE = f"{NUMBER} AND (xmin = pg_current_xact_id()::xid OR audit_written_here(xmin))"
_FIND = """
SELECT pg_get_functiondef(p.oid) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = current_schema() AND p.proname LIKE 'portal\\_%%' AND p.prokind = 'f' AND strpos(p.prosrc, %s) > 0
"""


def _exchange(editor: Any, before: str, after: str) -> None:  # noqa: ANN401 - Django's schema editor
    with editor.connection.cursor() as cursor:
        cursor.execute(_FIND, [before])
        for (definition,) in cursor.fetchall():
            cursor.execute(definition.replace(before, after))


def forwards(_apps: Any, editor: Any) -> None:  # noqa: ANN401 - Django's
    """Look at who wrote the event, too."""
    _exchange(editor, NUMBER, HERE)


def backwards(_apps: Any, editor: Any) -> None:  # noqa: ANN401 - Django's
    """By the number alone."""
    _exchange(editor, HERE, NUMBER)


# The functions were made with the name of the schema in which everything stood; one of another name is found, too.
SCHEMA = """
DO $do$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'portal\\_%'
            AND EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search\\_path=%public%')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', function, current_schema());
    END LOOP;
END
$do$;
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0006_password_needs_event"), ("audit", "0004_no_event_without_change")]

    operations = [
        migrations.RunPython(forwards, backwards),
        migrations.RunSQL(SCHEMA, migrations.RunSQL.noop),
    ]
