"""The other way round: no event that says a state changed is committed unless the row has just come to that state.

What an event says is held against two things at COMMIT: the state that the last event about the same object led to,
and the row as it then is. Since no state changes without its event (0002), both together leave no room: a row that
was not touched still has the state of the last event, and an event that leads from there to the same state says
nothing. Savepoints need no thought: what was rolled back is neither among the events nor in the row.

``audit_stateful`` says which table and which expression hold the state of an object type; each app's migrations enter
theirs (``audit.ddl.require_change``), and ``audit.stateful`` lists them all.
"""

from django.db import migrations

REGISTRY = """
CREATE TABLE audit_stateful (
    object_type text PRIMARY KEY,
    table_name text NOT NULL,
    state_sql text
);
COMMENT ON TABLE audit_stateful IS
    'Where the state of an object type stands: an expression over the row, or null for a thing without states.';
"""

# A row's xmin is the id of the subtransaction under a savepoint, so it is asked whether that is still in progress:
# a row that can be seen although its writer has not ended was written by this transaction. The ids are compared in 32
# bits, as the row stores them; one that is far ahead is an old row whose id has been used again since.
WRITTEN_HERE = """
CREATE FUNCTION audit_written_here(row_xmin xid) RETURNS boolean LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    own constant bigint := pg_current_xact_id()::text::bigint;
    ahead constant bigint := (row_xmin::text::bigint - own % 4294967296 + 4294967296) % 4294967296;
BEGIN
    IF ahead = 0 THEN
        RETURN true;
    ELSIF ahead > 2147483648 THEN
        RETURN false;
    END IF;
    RETURN coalesce(pg_xact_status((own + ahead)::text::xid8) = 'in progress', false);
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END
$body$;
"""

REQUIRE_CHANGE = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_require_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    place audit_stateful;
    earlier text;
    later_from text;
    is_last boolean;
    row_state text;
    row_xmin xid;
    why text;
BEGIN
    SELECT * INTO place FROM audit_stateful WHERE object_type = NEW.object_type;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT state_to INTO earlier FROM audit_event
        WHERE object_type = NEW.object_type AND object_id = NEW.object_id AND id < NEW.id
          AND state_to <> '' AND state_to <> state_from
        ORDER BY id DESC LIMIT 1;
    SELECT state_from INTO later_from FROM audit_event
        WHERE object_type = NEW.object_type AND object_id = NEW.object_id AND id > NEW.id
          AND txid = NEW.txid AND state_to <> '' AND state_to <> state_from
        ORDER BY id LIMIT 1;
    is_last := NOT FOUND;
    IF NEW.object_id ~ '^[1-9][0-9]{0,17}$' THEN
        EXECUTE format('SELECT %%s, xmin FROM %%I WHERE id = $1', coalesce('(' || place.state_sql || ')::text',
                       'NULL::text'), place.table_name)
            INTO row_state, row_xmin USING NEW.object_id::bigint;
    END IF;
    IF row_xmin IS NULL THEN
        why := 'there is no such row';
    ELSIF place.state_sql IS NULL OR earlier IS NULL THEN
        IF NOT audit_written_here(row_xmin) THEN
            why := 'the row was not written in this transaction';
        END IF;
    ELSIF earlier <> NEW.state_from THEN
        why := format('by the events before it, it was %%s', earlier);
    END IF;
    IF why IS NULL AND place.state_sql IS NOT NULL AND is_last AND row_state IS DISTINCT FROM NEW.state_to THEN
        why := format('the row is %%s', coalesce(nullif(row_state, ''), 'without a state'));
    ELSIF why IS NULL AND NOT is_last AND later_from <> NEW.state_to THEN
        why := format('the next event says that it was %%s', coalesce(nullif(later_from, ''), 'without a state'));
    END IF;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'The event %% cannot be committed: it says that the %% %% went from %% to %%, but %%.',
            NEW.action, NEW.object_type, NEW.object_id, coalesce(nullif(NEW.state_from, ''), 'nothing'),
            NEW.state_to, why
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME,
                  HINT = 'Change the row first, then record its state before and after, in one transaction.';
    END IF;
    RETURN NULL;
END
$body$
    $ddl$, current_schema());
END
$do$;

CREATE CONSTRAINT TRIGGER audit_event_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.state_to <> '' AND NEW.state_to <> NEW.state_from)
    EXECUTE FUNCTION audit_require_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_needs_change;
"""

# For rows that are made or voided together with something else, whose event speaks for all of them.
REQUIRE_EVENT_ABOUT = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_require_event_about() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    about text;
BEGIN
    EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO about USING NEW;
    PERFORM 1 FROM audit_event
        WHERE object_type = TG_ARGV[0] AND object_id = about AND txid = pg_current_xact_id()::text::bigint;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The row %% of %% cannot be committed: this transaction holds no audit event about its %% %%.',
            NEW.id, TG_TABLE_NAME, TG_ARGV[0], about
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME,
                  HINT = 'Call audit.recorder.record() for it in the same transaction.';
    END IF;
    RETURN NULL;
END
$body$
    $ddl$, current_schema());
END
$do$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_sealing")]

    operations = [
        migrations.RunSQL(REGISTRY, "DROP TABLE audit_stateful"),
        migrations.RunSQL(WRITTEN_HERE, "DROP FUNCTION audit_written_here(xid)"),
        migrations.RunSQL(
            REQUIRE_CHANGE, "DROP TRIGGER audit_event_needs_change ON audit_event; DROP FUNCTION audit_require_change()"
        ),
        migrations.RunSQL(REQUIRE_EVENT_ABOUT, "DROP FUNCTION audit_require_event_about()"),
    ]
