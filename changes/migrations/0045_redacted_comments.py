"""A comment on a decision, or in a discussion, goes together with the text of its event; else both stay as they were.

Only a redaction that two people carry out in this very transaction empties one, and only the comment that its event
tells of. What the decision says, by whom, on which plan, stays.
"""

from django.db import migrations

FORWARDS = """
DO $do$
BEGIN
    EXECUTE format($ddl$
CREATE FUNCTION changes_redacted_here(kind text, thing bigint) RETURNS boolean LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    RETURN EXISTS (
        SELECT FROM audit_event e
        JOIN audit_redaction r ON r.event_id = e.id AND r.state = 'carried_out' AND '/reason' = ANY (r.paths)
        WHERE e.object_type = kind AND e.object_id = thing::text AND audit_written_here(r.xmin));
END
$body$;

CREATE OR REPLACE FUNCTION changes_keep_decision() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    kept changes_approval;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.voided_at := OLD.voided_at;
        kept.void_cause := OLD.void_cause;
        IF NEW.comment = '[redacted]' AND NEW.comment <> OLD.comment AND changes_redacted_here('approval', OLD.id) THEN
            kept.comment := OLD.comment;
        END IF;
        IF kept IS NOT DISTINCT FROM OLD AND (
            (NEW.voided_at, NEW.void_cause) IS NOT DISTINCT FROM (OLD.voided_at, OLD.void_cause)
            OR (OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL)) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A decision stays as it was made: it can be voided once, and neither be changed nor be removed.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'decision_stays';
END
$body$;

CREATE OR REPLACE FUNCTION changes_keep_comment() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
DECLARE
    kept changes_threadcomment;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.text := OLD.text;
        IF NEW.text = '[redacted]' AND kept IS NOT DISTINCT FROM OLD
            AND changes_redacted_here('thread_comment', OLD.id) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A comment stays as it was written.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'comment_stays';
END
$body$
    $ddl$, current_schema());
END
$do$;
"""


class Migration(migrations.Migration):
    """Guards that let a redaction through."""

    dependencies = [("changes", "0044_evidence_packs"), ("audit", "0006_redaction")]

    operations = [migrations.RunSQL(FORWARDS, migrations.RunSQL.noop)]
