"""A change that needs a review is closed only with one from after its last run, and retries count as interventions.

An accepted review may be taken up again, once, when a run of the change ended after it and the change is not closed.
"""

from django.db import migrations

FORWARDS = """
CREATE OR REPLACE FUNCTION changes_keep_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state <> 'draft' THEN
            RAISE EXCEPTION 'a review that was submitted is never removed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'review_stays';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'accepted' AND NOT (
        NEW.state = 'draft' AND NEW.change_id = OLD.change_id
        AND EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = OLD.change_id AND c.state <> 'closed')
        AND EXISTS (SELECT 1 FROM changes_run r WHERE r.change_id = OLD.change_id AND r.ended_at > OLD.submitted_at)
    ) THEN
        RAISE EXCEPTION 'an accepted review never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'review_stays';
    END IF;
    IF NEW.accepted_by_id IS NOT NULL AND (
        EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = NEW.change_id
                AND NEW.accepted_by_id IN (c.author_id, c.last_editor_id))
        OR EXISTS (SELECT 1 FROM changes_changerequest_editors e
                   WHERE e.changerequest_id = NEW.change_id AND e.user_id = NEW.accepted_by_id)
        OR EXISTS (SELECT 1 FROM changes_run r WHERE r.change_id = NEW.change_id AND r.started_by_id = NEW.accepted_by_id)
        OR EXISTS (SELECT 1 FROM changes_run r JOIN changes_run_implementers i ON i.run_id = r.id
                   WHERE r.change_id = NEW.change_id AND i.user_id = NEW.accepted_by_id)
        OR EXISTS (SELECT 1 FROM changes_review_writers w WHERE w.review_id = NEW.id AND w.user_id = NEW.accepted_by_id)
    ) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or implemented the change, or wrote its review, cannot accept the review'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'review_separation_of_duties';
    END IF;
    RETURN NEW;
END $$;

-- What the runs of a change came to, over its devices, each as its latest run left it: nothing held, or nobody knows.
CREATE FUNCTION changes_ended_badly(asked bigint, plan bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(*) = 0 THEN false
                WHEN count(*) = 1 THEN bool_and(r.outcome IN ('failed', 'rolled_back', 'aborted', 'unknown'))
                ELSE (SELECT coalesce(bool_or(d.state = 'unknown') OR NOT bool_or(d.state = 'succeeded'), false)
                      FROM (SELECT DISTINCT ON (dr.device_id) dr.state FROM changes_devicerun dr
                            JOIN changes_run of_plan ON of_plan.id = dr.run_id
                            WHERE of_plan.change_id = asked AND of_plan.revision_id = plan
                            ORDER BY dr.device_id, dr.id DESC) d) END
    FROM changes_run r WHERE r.change_id = asked
$$;

CREATE OR REPLACE FUNCTION changes_demand_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'closed' AND OLD.state <> 'closed' AND (
        NEW.type = 'emergency'
        OR NEW.close_code IN ('failed', 'rolled_back', 'aborted')
        OR changes_ended_badly(NEW.id, NEW.revision_id)
        OR EXISTS (SELECT 1 FROM changes_planrevision p WHERE p.id = NEW.revision_id
                   AND p.demand -> 'duties' @> '[{"duty": "review"}]')
    ) AND NOT EXISTS (
        SELECT 1 FROM changes_review v WHERE v.change_id = NEW.id AND v.state IN ('submitted', 'accepted')
        AND NOT EXISTS (SELECT 1 FROM changes_run r WHERE r.change_id = NEW.id AND r.ended_at > v.submitted_at)
    ) THEN
        RAISE EXCEPTION 'REVIEW_MISSING: this change cannot be closed before a review from after its last run is submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'closed_with_its_review';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER changes_report_not_emptied BEFORE TRUNCATE ON changes_report
    FOR EACH STATEMENT EXECUTE FUNCTION changes_keep_report();
ALTER TABLE changes_report ENABLE ALWAYS TRIGGER changes_report_not_emptied;

DROP INDEX audit_event_intervened;
CREATE INDEX audit_event_intervened ON audit_event (change_id) WHERE actor_id IS NOT NULL AND action IN (
    'run.paused', 'run.resumed', 'run.aborted', 'run.stop_ordered', 'run.retried', 'run.rollback_started',
    'run.recomputed_backout_confirmed', 'device_run.ended', 'wave.refused', 'change.retried');
"""
BACKWARDS = "DROP TRIGGER changes_report_not_emptied ON changes_report"


class Migration(migrations.Migration):

    dependencies = [("changes", "0032_approval_by_time")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
