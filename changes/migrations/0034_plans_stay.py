"""A plan that people were asked about stays as it is: its state, its facts, and what its devices are warned of.

Replaces the function of 0027, which looked at the plan's state alone: a plan that went back to *building* and became
*ready* again could come back with other warnings.
"""

from django.db import migrations

FORWARDS = """
-- Whether anybody was asked about a plan: it was submitted, decided on, or its change has left the draft.
CREATE FUNCTION changes_plan_is_settled(the_plan bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = the_plan AND r.demand IS NOT NULL)
        OR EXISTS (SELECT 1 FROM changes_approval a WHERE a.revision_id = the_plan)
        OR EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.revision_id = the_plan AND c.state <> 'draft')
$$;

CREATE OR REPLACE FUNCTION changes_keep_findings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = OLD.revision_id AND r.state = 'ready')
       OR changes_plan_is_settled(OLD.revision_id) THEN
        RAISE EXCEPTION 'What a plan warns of stays as planning found it. Build a new plan.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'findings_stay';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION changes_keep_device_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.revision_id = OLD.revision_id THEN
        RETURN NEW;
    END IF;
    IF (TG_OP <> 'INSERT' AND changes_plan_is_settled(OLD.revision_id))
       OR (TG_OP <> 'DELETE' AND changes_plan_is_settled(NEW.revision_id)) THEN
        RAISE EXCEPTION 'The devices of a plan that was submitted stay as they are. Build a new plan.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'device_plans_stay';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_deviceplan_stays BEFORE INSERT OR DELETE OR UPDATE OF revision_id ON changes_deviceplan
    FOR EACH ROW EXECUTE FUNCTION changes_keep_device_plans();
ALTER TABLE changes_deviceplan ENABLE ALWAYS TRIGGER changes_deviceplan_stays;

CREATE FUNCTION changes_keep_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF changes_plan_is_settled(OLD.id) THEN
        RAISE EXCEPTION 'The state and the facts of a plan that was submitted stay. Build a new plan.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'plan_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_planrevision_stays BEFORE UPDATE OF state, facts ON changes_planrevision FOR EACH ROW
    WHEN (NEW.state <> OLD.state OR NEW.facts IS DISTINCT FROM OLD.facts)
    EXECUTE FUNCTION changes_keep_plan();
ALTER TABLE changes_planrevision ENABLE ALWAYS TRIGGER changes_planrevision_stays;
"""
BACKWARDS = """
DROP TRIGGER changes_planrevision_stays ON changes_planrevision;
DROP FUNCTION changes_keep_plan();
DROP TRIGGER changes_deviceplan_stays ON changes_deviceplan;
DROP FUNCTION changes_keep_device_plans();
CREATE OR REPLACE FUNCTION changes_keep_findings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id AND r.state = 'ready') THEN
        RAISE EXCEPTION 'What a plan warns of stays as planning found it. Build a new plan.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'findings_stay';
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION changes_plan_is_settled(bigint);
"""


class Migration(migrations.Migration):
    """Functions and triggers alone."""

    dependencies = [("changes", "0033_reviews_after_the_last_run")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
