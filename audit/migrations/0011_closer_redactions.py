"""What a hostile or a wrong release could still do within the guards of redactions.

- Prepare, in an event without states, a sealed "proposal" for a redaction that does not exist yet, and then propose and
  carry it out in one transaction: the sealed event has to be the step itself, and name the same event and texts.
- Carry one out in the name of an account that does not exist, is switched off or has no such role, of one with the
  proposer's e-mail address, or under another name than the event has.
- Look at the holds of a while ago: a transaction that keeps its first snapshot does not see what was placed since.
- Name as a text of a person what is none: an opening stands for a reason, a label, or inside before, after and details.
- Add a text to an event of long ago that has, since a backup was restored, the number of its own transaction.

Times are the database's own. And ANALYZE keeps no samples of texts: they would outlive a redaction in pg_statistic.
"""

from django.db import migrations

GUARDS = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION audit_redaction_person(person bigint, roles text[]) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
SELECT EXISTS (
    SELECT FROM auth_user u JOIN auth_user_groups m ON m.user_id = u.id JOIN auth_group g ON g.id = m.group_id
    WHERE u.id = person AND u.is_active AND g.name = ANY (roles))
$body$;

CREATE FUNCTION audit_redaction_says(body text, redaction audit_redaction) RETURNS boolean LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp AS $body$
SELECT coalesce(body::jsonb #> '{details,event}' = to_jsonb(redaction.event_id)
    AND body::jsonb #> '{details,paths}' = to_jsonb(redaction.paths), false)
$body$;

CREATE OR REPLACE FUNCTION audit_redaction_guard() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    why text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        why := 'its transaction does not see what others did meanwhile; it has to be READ COMMITTED';
    ELSIF TG_OP = 'INSERT' THEN
        NEW.proposed_at := clock_timestamp();
        IF NEW.state <> 'proposed' OR NEW.decided_by_id IS NOT NULL OR NEW.decided_at IS NOT NULL THEN
            why := 'it begins as proposed';
        ELSIF NOT audit_redaction_person(NEW.proposed_by_id, '{auditor,administrator,change-manager}') THEN
            why := 'who proposes it does not read the log';
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
    ELSIF NEW.decided_by_id <> NEW.proposed_by_id
            AND NOT audit_redaction_person(NEW.decided_by_id, '{auditor,administrator}') THEN
        why := 'who decides is no auditor and no administrator';
    ELSIF NEW.state = 'carried_out' THEN
        IF NEW.decided_by_id = NEW.proposed_by_id THEN
            why := 'who proposed it cannot carry it out';
        ELSIF EXISTS (SELECT FROM audit_event WHERE id = NEW.event_id AND actor_id = NEW.decided_by_id) THEN
            why := 'who caused the event cannot carry it out';
        ELSIF EXISTS (SELECT FROM auth_user decides
                JOIN auth_user other ON lower(btrim(other.email)) = lower(btrim(decides.email))
                WHERE decides.id = NEW.decided_by_id AND btrim(decides.email) <> '' AND other.id <> decides.id
                  AND (other.id = NEW.proposed_by_id
                       OR other.id = (SELECT actor_id FROM audit_event WHERE id = NEW.event_id))) THEN
            why := 'who decides has the e-mail address of who proposed it or caused the event';
        ELSIF NOT EXISTS (SELECT FROM audit_event e JOIN audit_leaf l ON l.event_id = e.id
                WHERE e.object_type = 'redaction' AND e.object_id = NEW.id::text AND e.action = 'redaction.proposed'
                  AND e.state_from = '' AND e.state_to = 'proposed' AND e.actor_id = NEW.proposed_by_id
                  AND audit_redaction_says(e.body, OLD)) THEN
            why := 'its proposal is not sealed';
        END IF;
    END IF;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'The redaction %% is refused: %%.', NEW.id, why
            USING ERRCODE = 'check_violation', CONSTRAINT = 'two_person_redaction';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        NEW.decided_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$body$;

CREATE OR REPLACE FUNCTION audit_redaction_is_told() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    PERFORM 1 FROM audit_event
        WHERE object_type = 'redaction' AND object_id = NEW.id::text AND txid = pg_current_xact_id()::text::bigint
          AND (xmin = pg_current_xact_id()::xid OR audit_written_here(xmin))
          AND action = 'redaction.' || NEW.state AND state_to = NEW.state
          AND actor_id = CASE NEW.state WHEN 'proposed' THEN NEW.proposed_by_id ELSE NEW.decided_by_id END
          AND actor_name = CASE NEW.state WHEN 'proposed' THEN NEW.proposed_by_name ELSE NEW.decided_by_name END
          AND audit_redaction_says(body, NEW)
        LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The redaction %% cannot be committed as %%: no event says so in the name of who did it.',
            NEW.id, NEW.state USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$body$;

CREATE OR REPLACE FUNCTION audit_opening_comes_with_event() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    PERFORM FROM audit_event
        WHERE id = NEW.event_id AND txid = pg_current_xact_id()::text::bigint
          AND (xmin = pg_current_xact_id()::xid OR audit_written_here(xmin));
    IF NOT FOUND OR NEW.redaction_id IS NOT NULL THEN
        RAISE EXCEPTION 'A text beside the log is written together with its event; event %% was not written just now.',
            NEW.event_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$body$
    $ddl$, current_schema());
END
$do$;
"""

PLACES = """
ALTER TABLE audit_opening ADD CONSTRAINT audit_opening_of_a_text CHECK (
    path IN ('/reason', '/object/label') OR path LIKE '/before/_%' OR path LIKE '/after/_%' OR path LIKE '/details/_%');
"""

# To set the type anew, even to the same, lets go of the samples that are there; nothing is rewritten.
SAMPLES = """
ALTER TABLE audit_opening ALTER COLUMN value SET STATISTICS 0, ALTER COLUMN salt SET STATISTICS 0;
ALTER TABLE audit_opening ALTER COLUMN value TYPE text, ALTER COLUMN salt TYPE bytea;
ALTER TABLE audit_opening SET (toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 0);
"""


class Migration(migrations.Migration):
    """Functions, a constraint, and what is sampled."""

    dependencies = [("audit", "0010_retention"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        migrations.RunSQL(GUARDS, migrations.RunSQL.noop),
        migrations.RunSQL(PLACES, "ALTER TABLE audit_opening DROP CONSTRAINT audit_opening_of_a_text"),
        migrations.RunSQL(SAMPLES, migrations.RunSQL.noop),
    ]
