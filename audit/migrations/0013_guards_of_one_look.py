"""A guard that finds all in order takes one look into one index, whatever the tables hold; only then it is left early.

What is new against 0009 and 0012:

- The first look needs no search path of its own, so none is set and reset at each COMMIT: every name and operator in
  it is written with its schema. What is not in order at first sight is judged by a function with a path, as before.
- The look compares whole rows with the index of objects, ``(object_type, object_id, id)``. Its plan is a general one,
  which believes nothing about the values, and no other index gives that order; before, a session could keep a plan that
  read and sorted all events of a kind.
- No event names a move that another transaction made. Before, an event that waited beside a change of somebody else
  could be committed together with it, as if its author had moved the row: the step before and the row's new state fit.
"""

from importlib import import_module

from django.db import migrations

_guards = import_module("audit.migrations.0009_closer_guards")
_archives = import_module("audit.migrations.0010_retention")
_closer = import_module("audit.migrations.0012_closer_archives")


def _named(text: str) -> str:
    """The text with operators that no search path can exchange: they are written ``==``, ``!=``, ``<<`` and ``>>``."""
    for short, operator in (("==", "="), ("!=", "<>"), ("<<", "<="), (">>", ">"), ("~~", "~")):
        text = text.replace(short, f"OPERATOR(pg_catalog.{operator})")
    return text


_LAST = 9223372036854775807
# An event of this transaction: by its number, and by who wrote the row, which a restored copy of it does not share.
_HERE = """txid == pg_catalog.txid_current()
                AND (xmin == pg_catalog.pg_current_xact_id()::pg_catalog.xid OR %1$I.audit_written_here(xmin))"""
# Said as a CASE, since the planner makes no guess of it: where steps were rare it would sort instead of walking.
_STEP = "CASE WHEN state_to != '' THEN state_to != state_from ELSE false END"


def _newest(kind: str, thing: str) -> str:
    """FROM and WHERE of the events about a thing, and how they are found from the newest backwards."""
    return f"""FROM %1$I.audit_event
            WHERE (object_type, object_id, id) >> ({kind}, {thing}, 0)
                AND (object_type, object_id, id) << ({kind}, {thing}, {_LAST})"""


_BACKWARDS = "ORDER BY object_type DESC, object_id DESC, id DESC LIMIT 1"

REQUIRE_EVENT = _named(f"""
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_refuse_untold(kind text, about text, of_states boolean, new_state text, guard text,
        guarded text) RETURNS void LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    last_step text;
    row_state text;
BEGIN
    IF of_states THEN
        SELECT state_to INTO last_step {_newest("kind", "about")} AND {_STEP} {_BACKWARDS};
        PERFORM 1 {_newest("kind", "about")} AND {_STEP} AND state_to == new_state AND {_HERE} {_BACKWARDS};
        IF FOUND THEN
            -- One of several steps of the transaction: then the row has to stand where the last of them led.
            EXECUTE coalesce(
                (SELECT format('SELECT (%%s)::text FROM %1$I.%%I WHERE id = $1', state_sql, table_name)
                 FROM %1$I.audit_stateful WHERE object_type = kind AND state_sql IS NOT NULL),
                'SELECT $2') INTO row_state USING about::bigint, last_step;
            IF row_state IS NULL OR row_state = last_step THEN
                RETURN;
            END IF;
            RAISE EXCEPTION 'The %% %% cannot be committed as %%: the last event about it says %%.',
                kind, about, row_state, last_step
                USING ERRCODE = 'integrity_constraint_violation', SCHEMA = %1$L, TABLE = guarded, CONSTRAINT = guard,
                      HINT = 'Record each step in the transaction that takes it, in the order in which they are taken.';
        END IF;
    ELSE
        PERFORM 1 {_newest("kind", "about")} AND {_HERE} {_BACKWARDS};
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    RAISE EXCEPTION 'The %% %% cannot be committed%%: this transaction holds no audit event for it.',
        kind, about, coalesce(' as ' || new_state, '')
        USING ERRCODE = 'integrity_constraint_violation', SCHEMA = %1$L, TABLE = guarded, CONSTRAINT = guard,
              HINT = 'Call audit.recorder.record() for it in the same transaction.';
END
$body$;

CREATE OR REPLACE FUNCTION audit_require_event() RETURNS trigger LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    told boolean;
    old_state pg_catalog.text;
    new_state pg_catalog.text;
BEGIN
    IF TG_ARGV[1] == 'state' THEN
        SELECT state_to == NEW.state AND {_HERE} INTO told
            {_newest("TG_ARGV[0]", "NEW.id::pg_catalog.text")} AND {_STEP} {_BACKWARDS};
        IF told OR OLD.state == NEW.state OR TG_OP == 'UPDATE' AND OLD.state IS NULL AND NEW.state IS NULL THEN
            RETURN NULL;
        END IF;
        new_state := NEW.state;
    ELSIF TG_NARGS == 1 THEN
        SELECT {_HERE} INTO told {_newest("TG_ARGV[0]", "NEW.id::pg_catalog.text")} {_BACKWARDS};
    ELSE
        EXECUTE pg_catalog.format('SELECT ($1).%%I::pg_catalog.text', TG_ARGV[1]) INTO new_state USING NEW;
        IF TG_OP == 'UPDATE' THEN
            EXECUTE pg_catalog.format('SELECT ($1).%%I::pg_catalog.text', TG_ARGV[1]) INTO old_state USING OLD;
            IF old_state == new_state OR old_state IS NULL AND new_state IS NULL THEN
                RETURN NULL;
            END IF;
        END IF;
        SELECT state_to == new_state AND {_HERE} INTO told
            {_newest("TG_ARGV[0]", "NEW.id::pg_catalog.text")} AND {_STEP} {_BACKWARDS};
    END IF;
    IF told THEN
        RETURN NULL;
    END IF;
    PERFORM %1$I.audit_refuse_untold(TG_ARGV[0]::pg_catalog.text, NEW.id::pg_catalog.text, TG_NARGS >> 1, new_state,
        TG_NAME::pg_catalog.text, TG_TABLE_NAME::pg_catalog.text);
    RETURN NULL;
END
$body$;

CREATE OR REPLACE FUNCTION audit_require_event_about() RETURNS trigger LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $body$
DECLARE
    about text;
BEGIN
    EXECUTE format('SELECT ($1).%%I::text', TG_ARGV[1]) INTO about USING NEW;
    PERFORM 1 {_newest("TG_ARGV[0]", "about")} AND {_HERE} {_BACKWARDS};
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
""")  # noqa: S608 - constants

# Both functions are made from the registry: the trigger's, with a look for each kind whose state is a plain column,
# and the one that judges what was not in order at first sight, or is the first step of a thing.
REQUIRE_CHANGE = _named(f"""
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE OR REPLACE FUNCTION audit_stateful_compile() RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    looks text;
    branches text;
BEGIN
    SELECT 'IF ' || string_agg(format(CASE WHEN state_sql IS NULL THEN $look$
            NEW.object_type == %%1$L THEN
        SELECT xmin == pg_catalog.pg_current_xact_id()::pg_catalog.xid INTO fits FROM %1$I.%%3$I
            WHERE id == CASE WHEN NEW.object_id ~~ '^[1-9][0-9]{{0,17}}$' THEN NEW.object_id::bigint END;$look$
        ELSE $look$
            NEW.object_type == %%1$L THEN
        SELECT thing.%%2$I::pg_catalog.text == NEW.state_to AND (
                SELECT state_to == NEW.state_from AND NEW.id >> id
                {_newest("NEW.object_type", "NEW.object_id")} AND id != NEW.id AND {_STEP} {_BACKWARDS})
            INTO fits FROM %1$I.%%3$I thing
            WHERE thing.id == CASE WHEN NEW.object_id ~~ '^[1-9][0-9]{{0,17}}$' THEN NEW.object_id::bigint END;$look$
        END, object_type, state_sql, table_name), '
    ELSIF ' ORDER BY array_position(ARRAY['device_run', 'decision_step', 'change', 'run'], object_type), object_type)
        || '
    END IF;'
        INTO looks FROM audit_stateful WHERE state_sql IS NULL OR state_sql ~ '^[a-z][a-z0-9_]*$';
    SELECT string_agg(format($branch$
    ELSIF step.object_type = %%1$L THEN
        has_states := %%4$L;
        IF thing ~ number THEN
            SELECT (%%2$s)::text, xmin INTO row_state, row_xmin FROM %1$I.%%3$I WHERE id = thing::bigint;
        END IF;$branch$,
            object_type, coalesce(state_sql, 'NULL'), table_name, state_sql IS NOT NULL), ''
            ORDER BY array_position(ARRAY['device_run', 'decision_step', 'change', 'run', 'approval'], object_type),
                object_type)
        INTO branches FROM audit_stateful;
    EXECUTE format($make$
CREATE OR REPLACE FUNCTION %1$I.audit_require_change() RETURNS trigger LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $made$
DECLARE
    fits boolean;
BEGIN
    %%1$s
    IF fits THEN
        RETURN NULL;
    END IF;
    PERFORM %1$I.audit_refuse_unchanged(NEW, TG_NAME::pg_catalog.text);
    RETURN NULL;
END
$made$;

CREATE OR REPLACE FUNCTION %1$I.audit_refuse_unchanged(step %1$I.audit_event, guard text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $made$
DECLARE
    number constant text := '^[1-9][0-9]{{0,17}}$';
    thing constant text := step.object_id;
    has_states boolean;
    row_state text;
    row_xmin xid;
    earlier_state text;
    why text;
BEGIN
    IF step.object_type IS NULL THEN
        RETURN;%%2$s
    ELSE
        RETURN;
    END IF;
    IF has_states AND row_xmin IS NOT NULL THEN
        earlier_state := coalesce((
                SELECT state_to {_newest("step.object_type", "thing")} AND {_STEP} AND id < step.id {_BACKWARDS}), (
                SELECT state_to FROM %1$I.audit_archived_event
                WHERE object_type = step.object_type AND object_id = thing AND event_id < step.id AND state_to <> ''
                ORDER BY event_id DESC LIMIT 1));
    END IF;
    IF row_xmin IS NULL THEN
        why := 'there is no such row';
    ELSIF earlier_state IS NULL AND NOT %1$I.audit_written_here(row_xmin) THEN
        why := 'the row was not written in this transaction';
    ELSIF earlier_state <> step.state_from THEN
        why := format('by the events before it, it was %%%%s', earlier_state);
    ELSIF has_states THEN
        PERFORM 1 {_newest("step.object_type", "thing")} AND {_STEP} AND id > step.id AND ({_HERE}) IS NOT TRUE
            {_BACKWARDS};
        IF FOUND THEN
            why := 'another transaction has moved it meanwhile';
        ELSIF row_state IS DISTINCT FROM step.state_to THEN
            -- Then there has to be a next step in this transaction, which is looked at by itself.
            PERFORM 1 {_newest("step.object_type", "thing")} AND {_STEP} AND id > step.id {_BACKWARDS};
            IF NOT FOUND THEN
                why := format('the row is %%%%s', coalesce(nullif(row_state, ''), 'without a state'));
            END IF;
        END IF;
    END IF;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION
            'The event %%%% cannot be committed: it says that the %%%% %%%% went from %%%% to %%%%, but %%%%.',
            step.action, step.object_type, thing, coalesce(nullif(step.state_from, ''), 'nothing'), step.state_to, why
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = %1$L, TABLE = 'audit_event',
                  CONSTRAINT = guard,
                  HINT = 'Change the row first, then record its state before and after, in one transaction.';
    END IF;
END
$made$;
    $make$, coalesce(looks, ''), coalesce(branches, ''));
END
$body$
    $ddl$, current_schema());
END
$do$;
SELECT audit_stateful_compile();
""")  # noqa: S608 - constants

OPENINGS = _named(f"""
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE OR REPLACE FUNCTION audit_opening_comes_with_event() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    here boolean;
BEGIN
    SELECT NEW.redaction_id IS NULL AND {_HERE} INTO here FROM %1$I.audit_event WHERE id == NEW.event_id;
    IF here THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'A text beside the log is written together with its event; event %% was not written just now.',
        NEW.event_id USING ERRCODE = 'insufficient_privilege';
END
$body$
    $ddl$, current_schema());
END
$do$;
""")  # noqa: S608 - constants

_COMPILE_OF_BEFORE = "; ".join(
    [
        _archives.GUARDS_WITH_ARCHIVES.replace("SELECT audit_stateful_compile();", "").strip().rstrip(";"),
        *(
            _closer.exchange(*place).strip().rstrip(";")
            for place in _closer.PLACES
            if place[0] == "audit_stateful_compile()"
        ),
        "SELECT audit_stateful_compile()",
        "DROP FUNCTION audit_refuse_unchanged(audit_event, text)",
    ]
)


class Migration(migrations.Migration):
    """Functions alone; the triggers stay."""

    dependencies = [("audit", "0012_closer_archives")]

    operations = [
        migrations.RunSQL(
            REQUIRE_EVENT,
            f"{_guards.REQUIRE_EVENT} {_guards.REQUIRE_EVENT_ABOUT}"
            " DROP FUNCTION audit_refuse_untold(text, text, boolean, text, text, text)",
        ),
        migrations.RunSQL(REQUIRE_CHANGE, _COMPILE_OF_BEFORE),
        migrations.RunSQL(OPENINGS, migrations.RunSQL.noop),
    ]
