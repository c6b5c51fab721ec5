"""What a hostile session of the application could still do within the guards of before.

- Move a row with an event that leads nowhere (from a state to the same), or, by asking for its constraints at once,
  back to a state that an event further up in the same transaction had named.
- Find an event of long ago under the number of its own transaction: after a backup was restored in another server, the
  numbers of transactions begin anew, and can be used up until one comes that fits.
- Write an event that no program can read, because it is nested a thousand times: nobody could verify the log any more.
"""

from importlib import import_module

from django.db import migrations

_before = import_module("audit.migrations.0008_quicker_guards")

# The deepest that a body of ours goes is 27; programs in other languages stop at some hundreds, and so would whoever
# reads the log. What has less than 1,000 bytes cannot be as deep as that, and is not walked through. A NUL or half of a
# pair of surrogates, written as an escape, passes as json and fails as jsonb.
BODY_IS_READABLE = """
ALTER TABLE audit_event ADD CONSTRAINT audit_event_body_is_readable
    CHECK (octet_length(body) < 1000 AND strpos(body, '\\u') = 0
           OR NOT jsonb_path_exists(body::jsonb, '$.**{64}')) NOT VALID;
"""

# An event of this transaction: by its number, and by who wrote the row, which a restored copy of it does not share.
_HERE = """txid = pg_current_xact_id()::text::bigint
                AND (xmin = pg_current_xact_id()::xid OR %1$I.audit_written_here(xmin))"""
_EVENTS = """(
                SELECT state_from, state_to, txid, xmin FROM %1$I.audit_event
                WHERE object_type = TG_ARGV[0] AND object_id = about ORDER BY id DESC OFFSET 0) newest"""

REQUIRE_EVENT = f"""
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE OR REPLACE FUNCTION audit_require_event() RETURNS trigger LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    about constant text := NEW.id::text;
    new_state text;
    old_state text;
    last_step record;
    row_state text;
BEGIN
    IF TG_NARGS < 2 THEN
        PERFORM 1 FROM {_EVENTS} WHERE {_HERE} LIMIT 1;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    ELSE
        IF TG_ARGV[1] = 'state' THEN
            IF TG_OP = 'UPDATE' AND OLD.state IS NOT DISTINCT FROM NEW.state THEN
                RETURN NULL;
            END IF;
            new_state := NEW.state;
        ELSE
            EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO new_state USING NEW;
            IF TG_OP = 'UPDATE' THEN
                EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO old_state USING OLD;
                IF new_state IS NOT DISTINCT FROM old_state THEN
                    RETURN NULL;
                END IF;
            END IF;
        END IF;
        SELECT state_to, {_HERE} AS here INTO last_step FROM {_EVENTS}
            WHERE state_to <> '' AND state_to <> state_from LIMIT 1;
        IF last_step.here AND last_step.state_to = new_state THEN
            RETURN NULL;
        END IF;
        -- One of several steps of the transaction: then the row has to stand where the last of them led.
        PERFORM 1 FROM {_EVENTS} WHERE state_to = new_state AND state_to <> state_from AND {_HERE} LIMIT 1;
        IF FOUND THEN
            EXECUTE coalesce(
                (SELECT format('SELECT (%%s)::text FROM %1$I.%%I WHERE id = $1', state_sql, table_name)
                 FROM %1$I.audit_stateful WHERE object_type = TG_ARGV[0] AND state_sql IS NOT NULL),
                'SELECT $2') INTO row_state USING NEW.id, last_step.state_to;
            IF row_state IS NULL OR row_state = last_step.state_to THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION 'The %% %% cannot be committed as %%: the last event about it says %%.',
                TG_ARGV[0], NEW.id, row_state, last_step.state_to
                USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      CONSTRAINT = TG_NAME,
                      HINT = 'Record each step in the transaction that takes it, in the order in which they are taken.';
        END IF;
    END IF;
    RAISE EXCEPTION 'The %% %% cannot be committed%%: this transaction holds no audit event for it.',
        TG_ARGV[0], NEW.id, coalesce(' as ' || new_state, '')
        USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
              CONSTRAINT = TG_NAME,
              HINT = 'Call audit.recorder.record() for it in the same transaction.';
END
$body$
    $ddl$, current_schema());
END
$do$;
"""

REQUIRE_EVENT_ABOUT = f"""
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE OR REPLACE FUNCTION audit_require_event_about() RETURNS trigger LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    about text;
BEGIN
    EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO about USING NEW;
    PERFORM 1 FROM {_EVENTS} WHERE {_HERE} LIMIT 1;
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


# The same for the guard of redactions, which asks for one event by its number.
REDACTIONS = """
DO $do$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'audit\\_%'
            AND p.prokind = 'f' AND p.prosrc LIKE '%object_type = ''redaction''%'
            AND strpos(p.prosrc, 'txid = pg_current_xact_id()::text::bigint') > 0
            AND strpos(p.prosrc, 'audit_written_here') = 0
    LOOP
        EXECUTE replace(pg_get_functiondef(function), 'txid = pg_current_xact_id()::text::bigint',
            'txid = pg_current_xact_id()::text::bigint'
            || ' AND (xmin = pg_current_xact_id()::xid OR ' || quote_ident(current_schema())
            || '.audit_written_here(xmin))');
    END LOOP;
END
$do$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_quicker_guards")]

    operations = [
        migrations.RunSQL(
            BODY_IS_READABLE, "ALTER TABLE audit_event DROP CONSTRAINT audit_event_body_is_readable"
        ),
        migrations.RunSQL(REQUIRE_EVENT, _before.REQUIRE_EVENT),
        migrations.RunSQL(REQUIRE_EVENT_ABOUT, migrations.RunSQL.noop),
        migrations.RunSQL(REDACTIONS, migrations.RunSQL.noop),
    ]
