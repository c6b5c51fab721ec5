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

# The function that reads a row's state is made anew from the registry: its queries are planned once in a session, where
# one that is put together at each call would be planned each time. It is as quick as that for every COMMIT.
ROW_STATE = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_stateful_compile() RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    branches text;
BEGIN
    SELECT coalesce(string_agg(format($branch$
    ELSIF kind = %%L THEN
        known := true;
        has_states := %%L;
        IF thing IS NOT NULL THEN
            SELECT (%%s)::text, xmin INTO row_state, row_xmin FROM %%I WHERE id = thing;
        END IF;$branch$,
            object_type, state_sql IS NOT NULL, coalesce(state_sql, 'NULL'), table_name), '' ORDER BY object_type), '')
        INTO branches FROM audit_stateful;
    EXECUTE format($make$
CREATE OR REPLACE FUNCTION %1$I.audit_row_state(kind text, thing bigint, OUT known boolean, OUT has_states boolean,
        OUT row_state text, OUT row_xmin xid) LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, %1$I, pg_temp AS $made$
BEGIN
    IF kind IS NULL THEN
        known := false;%%s
    ELSE
        known := false;
    END IF;
END
$made$
    $make$, branches);
END
$body$
    $ddl$, current_schema());
END
$do$;
SELECT audit_stateful_compile();
"""

REQUIRE_CHANGE = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_require_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    found_row record;
    earlier text;
    why text;
BEGIN
    SELECT * INTO found_row FROM audit_row_state(NEW.object_type,
        CASE WHEN NEW.object_id ~ '^[1-9][0-9]{0,17}$' THEN NEW.object_id::bigint END);
    IF NOT found_row.known THEN
        RETURN NULL;
    END IF;
    IF found_row.has_states THEN
        SELECT state_to INTO earlier FROM audit_event
            WHERE object_type = NEW.object_type AND object_id = NEW.object_id AND id < NEW.id
              AND state_to <> '' AND state_to <> state_from
            ORDER BY id DESC LIMIT 1;
    END IF;
    IF found_row.row_xmin IS NULL THEN
        why := 'there is no such row';
    ELSIF earlier IS NULL AND NOT audit_written_here(found_row.row_xmin) THEN
        why := 'the row was not written in this transaction';
    ELSIF earlier <> NEW.state_from THEN
        why := format('by the events before it, it was %%s', earlier);
    ELSIF found_row.has_states AND found_row.row_state IS DISTINCT FROM NEW.state_to THEN
        -- Then there has to be a next step in this transaction, which is looked at by itself.
        PERFORM 1 FROM audit_event
            WHERE object_type = NEW.object_type AND object_id = NEW.object_id AND id > NEW.id
              AND txid = NEW.txid AND state_to <> '' AND state_to <> state_from
            ORDER BY id LIMIT 1;
        IF NOT FOUND THEN
            why := format('the row is %%s', coalesce(nullif(found_row.row_state, ''), 'without a state'));
        END IF;
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

# Replaces that of 0002: says the same, and finds the event from the newest backwards, however many a thing has.
REQUIRE_EVENT = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE OR REPLACE FUNCTION audit_require_event() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %I, pg_temp AS $body$
DECLARE
    old_state text;
    new_state text;
BEGIN
    IF TG_NARGS > 1 THEN
        IF TG_ARGV[1] = 'state' THEN
            new_state := NEW.state;
            IF TG_OP = 'UPDATE' THEN
                old_state := OLD.state;
            END IF;
        ELSE
            EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO new_state USING NEW;
            IF TG_OP = 'UPDATE' THEN
                EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO old_state USING OLD;
            END IF;
        END IF;
        IF TG_OP = 'UPDATE' AND new_state IS NOT DISTINCT FROM old_state THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM 1 FROM audit_event
        WHERE object_type = TG_ARGV[0] AND object_id = NEW.id::text
          AND txid = pg_current_xact_id()::text::bigint
          AND (TG_NARGS < 2 OR state_to = new_state)
        ORDER BY id DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The %% %% cannot be committed%%: this transaction holds no audit event for it.',
            TG_ARGV[0], NEW.id, coalesce(' as ' || new_state, '')
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
        WHERE object_type = TG_ARGV[0] AND object_id = about AND txid = pg_current_xact_id()::text::bigint
        ORDER BY id DESC LIMIT 1;
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
        migrations.RunSQL(ROW_STATE, "DROP FUNCTION audit_row_state(text, bigint); DROP FUNCTION audit_stateful_compile()"),
        migrations.RunSQL(REQUIRE_EVENT, migrations.RunSQL.noop),
        migrations.RunSQL(
            REQUIRE_CHANGE, "DROP TRIGGER audit_event_needs_change ON audit_event; DROP FUNCTION audit_require_change()"
        ),
        migrations.RunSQL(REQUIRE_EVENT_ABOUT, "DROP FUNCTION audit_require_event_about()"),
    ]
