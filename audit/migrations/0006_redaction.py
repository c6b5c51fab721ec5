"""Texts of people stand beside the log, and two people can take one out of it.

``audit_opening`` holds what opens the commitments of sealed bodies. Its rows are written together with their event, and
nobody changes them but the trigger of a redaction: that empties salt and text of the named paths, in the transaction in
which the redaction is carried out. What a redaction needs is looked at by the database itself: two people, of whom the
second did not cause the event; a proposal whose event is sealed already, so that nobody can do both in one breath and
unseen; and the event of each step, by whom the row names.
"""

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models

from audit.ddl import require_change, require_event

FORMS = """
ALTER TABLE audit_opening ADD CONSTRAINT audit_opening_is_whole CHECK (
    CASE WHEN redaction_id IS NULL THEN octet_length(salt) = 32 AND value IS NOT NULL AND path LIKE '/_%'
         ELSE salt IS NULL AND value IS NULL END);
-- Salts do not compress, and texts that were taken out are to leave the pages soon.
ALTER TABLE audit_opening SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
ALTER TABLE audit_redaction ADD CONSTRAINT audit_redaction_names_texts CHECK (cardinality(paths) BETWEEN 1 AND 500);
"""

GUARDS = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_opening_comes_with_event() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    IF (SELECT txid FROM audit_event WHERE id = NEW.event_id) IS DISTINCT FROM pg_current_xact_id()::text::bigint
        OR NEW.redaction_id IS NOT NULL
    THEN
        RAISE EXCEPTION 'A text beside the log is written together with its event; event %% was not written just now.',
            NEW.event_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION audit_opening_stays() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    PERFORM 1 FROM audit_redaction
        WHERE id = NEW.redaction_id AND state = 'carried_out' AND event_id = OLD.event_id AND OLD.path = ANY (paths)
          AND proposed_by_id <> decided_by_id AND audit_written_here(audit_redaction.xmin);
    IF NOT FOUND OR OLD.redaction_id IS NOT NULL OR NEW.event_id <> OLD.event_id OR NEW.path <> OLD.path
        OR NEW.salt IS NOT NULL OR NEW.value IS NOT NULL
    THEN
        RAISE EXCEPTION 'The text %% of event %% stays: it goes only by a redaction that two people carry out.',
            OLD.path, OLD.event_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION audit_redaction_guard() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    why text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' OR NEW.decided_by_id IS NOT NULL OR NEW.decided_at IS NOT NULL THEN
            why := 'it begins as proposed';
        ELSIF EXISTS (SELECT FROM unnest(NEW.paths) AS asked (path) WHERE NOT EXISTS (
                SELECT FROM audit_opening o
                WHERE o.event_id = NEW.event_id AND o.path = asked.path AND o.value IS NOT NULL)) THEN
            why := 'it names a text that is not there';
        END IF;
    ELSIF OLD.state <> 'proposed' OR NEW.state NOT IN ('carried_out', 'declined') THEN
        why := 'a decided one stays as it is';
    ELSIF (NEW.id, NEW.event_id, NEW.paths, NEW.proposed_by_id, NEW.proposed_by_name, NEW.proposed_at) IS DISTINCT FROM
            (OLD.id, OLD.event_id, OLD.paths, OLD.proposed_by_id, OLD.proposed_by_name, OLD.proposed_at) THEN
        why := 'what was proposed stays as it is';
    ELSIF NEW.decided_by_id IS NULL OR NEW.decided_at IS NULL OR NEW.decided_by_name = '' THEN
        why := 'it does not say who decided';
    ELSIF NEW.state = 'carried_out' THEN
        IF NEW.decided_by_id = NEW.proposed_by_id THEN
            why := 'who proposed it cannot carry it out';
        ELSIF EXISTS (SELECT FROM audit_event WHERE id = NEW.event_id AND actor_id = NEW.decided_by_id) THEN
            why := 'who caused the event cannot carry it out';
        ELSIF NOT EXISTS (SELECT FROM audit_event e JOIN audit_leaf l ON l.event_id = e.id
                WHERE e.object_type = 'redaction' AND e.object_id = NEW.id::text AND e.action = 'redaction.proposed'
                  AND e.actor_id = NEW.proposed_by_id) THEN
            why := 'its proposal is not sealed';
        END IF;
    END IF;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'The redaction %% is refused: %%.', NEW.id, why
            USING ERRCODE = 'check_violation', CONSTRAINT = 'two_person_redaction';
    END IF;
    RETURN NEW;
END
$body$;

-- It belongs to the owner, who alone may change an opening.
CREATE FUNCTION audit_redaction_empties() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    UPDATE audit_opening SET salt = NULL, value = NULL, redaction_id = NEW.id
        WHERE event_id = NEW.event_id AND path = ANY (NEW.paths) AND redaction_id IS NULL;
    RETURN NULL;
END
$body$;

CREATE FUNCTION audit_redaction_is_told() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    PERFORM 1 FROM audit_event
        WHERE object_type = 'redaction' AND object_id = NEW.id::text AND txid = pg_current_xact_id()::text::bigint
          AND action = 'redaction.' || NEW.state AND state_to = NEW.state
          AND actor_id = CASE NEW.state WHEN 'proposed' THEN NEW.proposed_by_id ELSE NEW.decided_by_id END
        ORDER BY id DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The redaction %% cannot be committed as %%: no event says so in the name of who did it.',
            NEW.id, NEW.state USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$body$
    $ddl$, current_schema());
END
$do$;

CREATE TRIGGER audit_opening_with_event AFTER INSERT ON audit_opening
    FOR EACH ROW EXECUTE FUNCTION audit_opening_comes_with_event();
CREATE TRIGGER audit_opening_row_stays BEFORE UPDATE ON audit_opening
    FOR EACH ROW EXECUTE FUNCTION audit_opening_stays();
CREATE TRIGGER audit_opening_never_goes BEFORE DELETE OR TRUNCATE ON audit_opening
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER audit_redaction_two_people BEFORE INSERT OR UPDATE ON audit_redaction
    FOR EACH ROW EXECUTE FUNCTION audit_redaction_guard();
CREATE TRIGGER audit_redaction_carried_out AFTER UPDATE ON audit_redaction
    FOR EACH ROW WHEN (NEW.state = 'carried_out') EXECUTE FUNCTION audit_redaction_empties();
CREATE CONSTRAINT TRIGGER audit_redaction_told AFTER INSERT OR UPDATE ON audit_redaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_redaction_is_told();
CREATE TRIGGER audit_redaction_never_goes BEFORE DELETE OR TRUNCATE ON audit_redaction
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

ALTER TABLE audit_opening ENABLE ALWAYS TRIGGER audit_opening_with_event;
ALTER TABLE audit_opening ENABLE ALWAYS TRIGGER audit_opening_row_stays;
ALTER TABLE audit_opening ENABLE ALWAYS TRIGGER audit_opening_never_goes;
ALTER TABLE audit_redaction ENABLE ALWAYS TRIGGER audit_redaction_two_people;
ALTER TABLE audit_redaction ENABLE ALWAYS TRIGGER audit_redaction_carried_out;
ALTER TABLE audit_redaction ENABLE ALWAYS TRIGGER audit_redaction_told;
ALTER TABLE audit_redaction ENABLE ALWAYS TRIGGER audit_redaction_never_goes;
"""

NO_GUARDS = """
DROP TRIGGER audit_redaction_never_goes ON audit_redaction;
DROP TRIGGER audit_redaction_told ON audit_redaction;
DROP TRIGGER audit_redaction_carried_out ON audit_redaction;
DROP TRIGGER audit_redaction_two_people ON audit_redaction;
DROP TRIGGER audit_opening_never_goes ON audit_opening;
DROP TRIGGER audit_opening_row_stays ON audit_opening;
DROP TRIGGER audit_opening_with_event ON audit_opening;
DROP FUNCTION audit_redaction_is_told();
DROP FUNCTION audit_redaction_empties();
DROP FUNCTION audit_redaction_guard();
DROP FUNCTION audit_opening_stays();
DROP FUNCTION audit_opening_comes_with_event();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_explorer")]

    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "event_id", "path", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("event_id", models.BigIntegerField()),
                ("path", models.TextField()),
                ("salt", models.BinaryField(null=True)),
                ("value", models.TextField(null=True)),
                ("redaction_id", models.BigIntegerField(null=True)),
            ],
            options={"db_table": "audit_opening", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Redaction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.BigIntegerField()),
                ("paths", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "Proposed"), ("carried_out", "Carried out"), ("declined", "Declined")],
                        default="proposed",
                        max_length=20,
                    ),
                ),
                ("proposed_by_id", models.BigIntegerField()),
                ("proposed_by_name", models.CharField(max_length=150)),
                ("proposed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("decided_by_id", models.BigIntegerField(null=True)),
                ("decided_by_name", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "audit_redaction", "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="redaction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "proposed")), fields=("event_id",), name="one_open_redaction_per_event"
            ),
        ),
        migrations.RunSQL(FORMS, migrations.RunSQL.noop),
        migrations.RunSQL(GUARDS, NO_GUARDS),
        require_event(table="audit_redaction", object_type="redaction"),
        require_change(table="audit_redaction", object_type="redaction"),
    ]
