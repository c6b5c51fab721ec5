"""The queue of events that wait for the sealer, and the tables of the tree that it builds.

A queue, because ids become visible out of order: who asks for ids above the last one sealed loses those of slower
transactions. The trigger that fills it belongs to the owner (SECURITY DEFINER), so that the application can write
events but cannot touch the queue. The other triggers hold the tree together whoever writes: leaves without gaps,
tiles that only grow, checkpoints of exactly the leaves that are there, and nothing taken from the queue unsealed.
"""

from django.db import migrations, models

# One expression for the exports, the sealer and the verification. It is pasted into their statements by the planner,
# which it would not be with a search path of its own.
LINE = """
CREATE FUNCTION audit_event_line(bigint, timestamptz, bigint, text, text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $body$
SELECT '{"id":' || $1 || ',"at":"' || to_char($2 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","txid":' || $3 || ',"db_user":' || to_json($4)::text || ',"body":' || $5 || '}'
$body$;
COMMENT ON FUNCTION audit_event_line(bigint, timestamptz, bigint, text, text) IS
    'The line of an event (id, at, txid, db_user, body) in exports; its UTF-8 bytes are what the tree seals.';
"""

# Schema-qualified and without operators: so it needs no search path, which would cost each event some microseconds.
ENQUEUE = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_enqueue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
    INSERT INTO %1$I.audit_pending (event_id) VALUES (NEW.id);
    RETURN NULL;
END
$body$
    $ddl$, current_schema());
END
$do$;
CREATE TRIGGER audit_event_is_enqueued AFTER INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_enqueue();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_is_enqueued;
INSERT INTO audit_pending (event_id) SELECT id FROM audit_event;
-- The sealer empties it every second: its dead rows are not to pile up until a fifth of the table has changed.
ALTER TABLE audit_pending SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
"""

NOTHING_LEAVES_UNSEALED = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_refuse_unsealed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    IF EXISTS (SELECT FROM gone WHERE NOT EXISTS (SELECT FROM audit_leaf WHERE audit_leaf.event_id = gone.event_id))
    THEN
        RAISE EXCEPTION 'An event that is not sealed stays in the queue of the sealer.'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION audit_refuse_gap() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    first_index bigint;
    last_index bigint;
    rows_added bigint;
    size_before bigint;
BEGIN
    SELECT min(leaf_index), max(leaf_index), count(*) INTO first_index, last_index, rows_added FROM added;
    IF rows_added = 0 THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(max(leaf_index) + 1, 0) INTO size_before FROM audit_leaf WHERE leaf_index < first_index;
    IF first_index <> size_before OR last_index - first_index + 1 <> rows_added OR first_index < 0 THEN
        RAISE EXCEPTION 'Leaves are numbered without gaps: after %% leaves, those from %% to %% are refused.',
            size_before, first_index, last_index USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION audit_tile_only_grows() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    IF NEW.level <> OLD.level OR NEW.tile_index <> OLD.tile_index
        OR substring(NEW.hashes FROM 1 FOR octet_length(OLD.hashes)) <> OLD.hashes
    THEN
        RAISE EXCEPTION 'A tile of the tree only grows: tile %%/%% keeps what it holds.', OLD.level, OLD.tile_index
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION audit_checkpoint_fits() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    size_now bigint;
BEGIN
    SELECT coalesce(max(leaf_index) + 1, 0) INTO size_now FROM audit_leaf;
    IF NEW.tree_size <> size_now THEN
        RAISE EXCEPTION 'A checkpoint covers all leaves: there are %%, not %%.', size_now, NEW.tree_size
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$body$
    $ddl$, current_schema());
END
$do$;

CREATE TRIGGER audit_pending_leaves_sealed AFTER DELETE ON audit_pending REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_unsealed();
CREATE TRIGGER audit_pending_stays BEFORE UPDATE OR TRUNCATE ON audit_pending
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_leaf_without_gaps AFTER INSERT ON audit_leaf REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_gap();
CREATE TRIGGER audit_leaf_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_tile_grows BEFORE UPDATE ON audit_tile
    FOR EACH ROW EXECUTE FUNCTION audit_tile_only_grows();
CREATE TRIGGER audit_tile_stays BEFORE DELETE OR TRUNCATE ON audit_tile
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_checkpoint_is_whole BEFORE INSERT ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit_checkpoint_fits();
CREATE TRIGGER audit_checkpoint_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_pending_leaves_sealed;
ALTER TABLE audit_pending ENABLE ALWAYS TRIGGER audit_pending_stays;
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_leaf_without_gaps;
ALTER TABLE audit_leaf ENABLE ALWAYS TRIGGER audit_leaf_stays;
ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_tile_grows;
ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_tile_stays;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_is_whole;
ALTER TABLE audit_checkpoint ENABLE ALWAYS TRIGGER audit_checkpoint_stays;
"""

FORMS = """
ALTER TABLE audit_leaf ADD CONSTRAINT audit_leaf_is_hash CHECK (octet_length(leaf_hash) = 32 AND leaf_index >= 0);
ALTER TABLE audit_tile ADD CONSTRAINT audit_tile_is_hashes CHECK (
    octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0
    AND level BETWEEN 0 AND 7 AND tile_index >= 0);
ALTER TABLE audit_checkpoint ADD CONSTRAINT audit_checkpoint_is_head CHECK (octet_length(root) = 32 AND tree_size > 0);
-- Compressing hashes is wasted work, and a tile is looked up by its few neighbours.
ALTER TABLE audit_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [
        migrations.CreateModel(
            name="Anchoring",
            fields=[
                ("anchor", models.TextField(primary_key=True, serialize=False)),
                ("tree_size", models.BigIntegerField()),
                ("anchored_at", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("attempts", models.IntegerField()),
                ("error", models.TextField()),
            ],
            options={"db_table": "audit_anchoring", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("tree_size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
                ("note", models.TextField()),
                ("signed_at", models.DateTimeField()),
            ],
            options={"db_table": "audit_checkpoint", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("leaf_index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField(unique=True)),
                ("leaf_hash", models.BinaryField()),
            ],
            options={"db_table": "audit_leaf", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Pending",
            fields=[("event_id", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"db_table": "audit_pending", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "tile_index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.SmallIntegerField()),
                ("tile_index", models.BigIntegerField()),
                ("hashes", models.BinaryField()),
            ],
            options={"db_table": "audit_tile", "default_permissions": ()},
        ),
        migrations.RunSQL(LINE, "DROP FUNCTION audit_event_line(bigint, timestamptz, bigint, text, text)"),
        migrations.RunSQL(
            ENQUEUE, "DROP TRIGGER audit_event_is_enqueued ON audit_event; DROP FUNCTION audit_enqueue()"
        ),
        migrations.RunSQL(FORMS, migrations.RunSQL.noop),
        migrations.RunSQL(
            NOTHING_LEAVES_UNSEALED,
            "DROP FUNCTION audit_refuse_unsealed(), audit_refuse_gap(), audit_tile_only_grows(),"
            " audit_checkpoint_fits() CASCADE",
        ),
    ]
