"""The guards of 0004 say the same for less.

What counts at each COMMIT is how many statements and expressions a guard evaluates: plpgsql prepares each anew in every
transaction. So a change that is in order is recognised by one statement, and only the others are looked at more
closely. Everything is found from the newest event backwards, whatever the planner believes about the numbers; so a
plan is made once for a session and not at each call. What most events are about is asked for first.

The functions are STABLE: they only read, and one snapshot serves all that they ask. At COMMIT that is a snapshot of
everything the transaction did; where a session asks for its constraints at once, a statement that writes a row together
with its event is refused, never let through.
"""

from importlib import import_module

from django.db import migrations

_before = import_module("audit.migrations.0004_no_event_without_change")

REQUIRE_EVENT = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE OR REPLACE FUNCTION audit_require_event() RETURNS trigger LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    new_state text;
    old_state text;
BEGIN
    IF TG_ARGV[1] = 'state' THEN
        IF TG_OP = 'UPDATE' AND OLD.state IS NOT DISTINCT FROM NEW.state THEN
            RETURN NULL;
        END IF;
        PERFORM 1 FROM (
                SELECT txid, state_to FROM %1$I.audit_event
                WHERE object_type = TG_ARGV[0] AND object_id = NEW.id::text ORDER BY id DESC OFFSET 0) newest
            WHERE txid = pg_current_xact_id()::text::bigint AND state_to = NEW.state LIMIT 1;
        IF FOUND THEN
            RETURN NULL;
        END IF;
        new_state := NEW.state;
    ELSIF TG_NARGS > 1 THEN
        EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO new_state USING NEW;
        IF TG_OP = 'UPDATE' THEN
            EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO old_state USING OLD;
            IF new_state IS NOT DISTINCT FROM old_state THEN
                RETURN NULL;
            END IF;
        END IF;
        PERFORM 1 FROM (
                SELECT txid, state_to FROM %1$I.audit_event
                WHERE object_type = TG_ARGV[0] AND object_id = NEW.id::text ORDER BY id DESC OFFSET 0) newest
            WHERE txid = pg_current_xact_id()::text::bigint AND state_to = new_state LIMIT 1;
    ELSE
        PERFORM 1 FROM (
                SELECT txid FROM %1$I.audit_event
                WHERE object_type = TG_ARGV[0] AND object_id = NEW.id::text ORDER BY id DESC OFFSET 0) newest
            WHERE txid = pg_current_xact_id()::text::bigint LIMIT 1;
    END IF;
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

# The whole guard is made from the registry now, not only what reads a row.
REQUIRE_CHANGE = """
DROP TRIGGER audit_event_needs_change ON audit_event;
DROP FUNCTION audit_require_change();
DROP FUNCTION audit_row_state(text, bigint);
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE OR REPLACE FUNCTION audit_stateful_compile() RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    branches text;
BEGIN
    SELECT string_agg(format(CASE WHEN state_sql IS NULL THEN $branch$
    ELSIF NEW.object_type = %%1$L THEN
        IF thing ~ number THEN
            SELECT xmin INTO row_xmin FROM %1$I.%%3$I WHERE id = thing::bigint;
        END IF;$branch$
        ELSE $branch$
    ELSIF NEW.object_type = %%1$L THEN
        IF thing ~ number THEN
            SELECT (%%2$s)::text, xmin, (
                    SELECT state_to FROM (
                        SELECT state_from, state_to FROM %1$I.audit_event
                        WHERE object_type = %%1$L AND object_id = thing AND id < NEW.id ORDER BY id DESC OFFSET 0
                    ) before WHERE state_to <> '' AND state_to <> state_from LIMIT 1)
                INTO row_state, row_xmin, earlier_state FROM %1$I.%%3$I WHERE id = thing::bigint;
            IF earlier_state = NEW.state_from AND row_state = NEW.state_to THEN
                RETURN NULL;
            END IF;
        END IF;
        has_states := true;$branch$ END,
            object_type, state_sql, table_name), '' ORDER BY
                array_position(ARRAY['device_run', 'decision_step', 'change', 'run', 'approval'], object_type), object_type)
        INTO branches FROM audit_stateful;
    EXECUTE format($make$
CREATE OR REPLACE FUNCTION %1$I.audit_require_change() RETURNS trigger LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $made$
DECLARE
    number constant text := '^[1-9][0-9]{0,17}$';
    thing constant text := NEW.object_id;
    has_states boolean;
    row_state text;
    row_xmin xid;
    earlier_state text;
    why text;
BEGIN
    IF NEW.object_type IS NULL THEN
        RETURN NULL;%%s
    ELSE
        RETURN NULL;
    END IF;
    IF row_xmin IS NULL THEN
        why := 'there is no such row';
    ELSIF earlier_state IS NULL AND NOT %1$I.audit_written_here(row_xmin) THEN
        why := 'the row was not written in this transaction';
    ELSIF earlier_state <> NEW.state_from THEN
        why := format('by the events before it, it was %%%%s', earlier_state);
    ELSIF has_states AND row_state IS DISTINCT FROM NEW.state_to THEN
        -- Then there has to be a next step in this transaction, which is looked at by itself.
        PERFORM 1 FROM %1$I.audit_event
            WHERE object_type = NEW.object_type AND object_id = thing AND id > NEW.id
              AND txid = NEW.txid AND state_to <> '' AND state_to <> state_from
            ORDER BY id LIMIT 1;
        IF NOT FOUND THEN
            why := format('the row is %%%%s', coalesce(nullif(row_state, ''), 'without a state'));
        END IF;
    END IF;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'The event %%%% cannot be committed: it says that the %%%% %%%% went from %%%% to %%%%, but %%%%.',
            NEW.action, NEW.object_type, thing, coalesce(nullif(NEW.state_from, ''), 'nothing'), NEW.state_to, why
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME,
                  HINT = 'Change the row first, then record its state before and after, in one transaction.';
    END IF;
    RETURN NULL;
END
$made$
    $make$, coalesce(branches, ''));
END
$body$
    $ddl$, current_schema());
END
$do$;
SELECT audit_stateful_compile();
CREATE CONSTRAINT TRIGGER audit_event_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.state_to <> '' AND NEW.state_to <> NEW.state_from)
    EXECUTE FUNCTION audit_require_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_needs_change;
"""

# The plan is made once for a session, when the tree may still be small: then all of it would be read at each step later.
LEAVES_SEALED = """
ALTER FUNCTION audit_refuse_unsealed() SET enable_hashjoin = off;
ALTER FUNCTION audit_refuse_unsealed() SET enable_mergejoin = off;
ALTER FUNCTION audit_refuse_unsealed() SET enable_seqscan = off;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_redaction")]

    operations = [
        migrations.RunSQL(REQUIRE_EVENT, _before.REQUIRE_EVENT),
        migrations.RunSQL(
            REQUIRE_CHANGE,
            "DROP TRIGGER audit_event_needs_change ON audit_event; DROP FUNCTION audit_require_change(),"
            f" audit_stateful_compile(); {_before.ROW_STATE} {_before.REQUIRE_CHANGE}",
        ),
        migrations.RunSQL(
            LEAVES_SEALED,
            "ALTER FUNCTION audit_refuse_unsealed() RESET enable_hashjoin;"
            " ALTER FUNCTION audit_refuse_unsealed() RESET enable_mergejoin;"
            " ALTER FUNCTION audit_refuse_unsealed() RESET enable_seqscan;",
        ),
    ]
