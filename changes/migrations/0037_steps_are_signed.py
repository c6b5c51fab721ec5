"""What the database itself refuses about manual steps, and the hands that stay on a change that gives its template up.

The services ask the same rules first and answer in sentences; these are for whatever does not go through the services.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION changes_guard_decision_step() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    signed jsonb;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT p.inputs -> 'steps' -> NEW.position INTO signed
        FROM changes_run r JOIN changes_planrevision p ON p.id = r.revision_id WHERE r.id = NEW.run_id;
        IF NEW.state <> 'pending'
           OR (NEW.title, NEW.instruction, NEW.place, NEW.wave, NEW.role, NEW.timeout_s, NEW.otherwise,
               coalesce(NEW.person_id, 0)) IS DISTINCT FROM
              (signed ->> 'title', signed ->> 'instruction', signed ->> 'place', (signed ->> 'wave')::integer,
               signed ->> 'role', (signed ->> 'timeout_s')::integer, signed ->> 'otherwise',
               (signed ->> 'person_id')::integer) THEN
            RAISE EXCEPTION 'A manual step begins as pending, and says what its signed plan says.'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'step_is_signed';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.run_id, NEW.position, NEW.point, NEW.title, NEW.instruction, NEW.place, NEW.wave, NEW.person_id, NEW.role,
        NEW.timeout_s, NEW.otherwise) IS DISTINCT FROM
       (OLD.run_id, OLD.position, OLD.point, OLD.title, OLD.instruction, OLD.place, OLD.wave, OLD.person_id, OLD.role,
        OLD.timeout_s, OLD.otherwise) THEN
        RAISE EXCEPTION 'What a manual step says was signed with the plan and stays.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'step_is_signed';
    END IF;
    IF OLD.state IN ('confirmed', 'stopped', 'timed_out', 'skipped') AND NEW IS DISTINCT FROM OLD
       OR NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
          (('pending', 'waiting'), ('pending', 'skipped'), ('waiting', 'pending'), ('waiting', 'confirmed'),
           ('waiting', 'stopped'), ('waiting', 'timed_out'), ('waiting', 'skipped'))
       OR OLD.state = 'waiting' AND NEW.state <> 'pending' AND NEW.waits_until > OLD.waits_until THEN
        RAISE EXCEPTION 'A manual step waits, is answered once, and its time is not prolonged.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'step_states';
    END IF;
    IF NEW.state = OLD.state OR NEW.state NOT IN ('confirmed', 'stopped') THEN
        RETURN NEW;
    END IF;
    IF OLD.waits_until <= statement_timestamp() OR NOT EXISTS (
            SELECT 1 FROM changes_run r WHERE r.id = NEW.run_id AND r.state IN ('running', 'paused') AND r.abort = '')
    THEN
        RAISE EXCEPTION 'No run waits for this step any more.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'step_is_waited_for';
    END IF;
    IF coalesce(NEW.person_id <> NEW.decided_by_id, false)
       OR NEW.role <> '' AND NOT changes_in_group(NEW.decided_by_id, ARRAY[NEW.role::text])
       OR changes_in_group(NEW.decided_by_id, '{auditor}')
       OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = NEW.decided_by_id AND u.is_active) THEN
        RAISE EXCEPTION 'GATE_ROLE_DENIED: only whom the signed step names, or who holds its role, answers it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'named_person_alone_confirms';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_rundecisionstep_guard BEFORE INSERT OR UPDATE ON changes_rundecisionstep
    FOR EACH ROW EXECUTE FUNCTION changes_guard_decision_step();
ALTER TABLE changes_rundecisionstep ENABLE ALWAYS TRIGGER changes_rundecisionstep_guard;

-- Who wrote a template wrote the lines that stay in a change when it is no longer made from it.
CREATE FUNCTION changes_keep_template_writers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes_changerequest_editors (changerequest_id, user_id)
    SELECT NEW.id, e.user_id FROM changes_templateversion_editors e WHERE e.templateversion_id = OLD.template_version_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER changes_changerequest_template_writers AFTER UPDATE OF template_version_id ON changes_changerequest
    FOR EACH ROW WHEN (OLD.template_version_id IS NOT NULL
                       AND (NEW.template_version_id IS NULL
                            OR NEW.template_version_id <> OLD.template_version_id AND NEW.state <> 'draft'))
    EXECUTE FUNCTION changes_keep_template_writers();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_template_writers;
"""
BACKWARDS = """
DROP TRIGGER changes_changerequest_template_writers ON changes_changerequest;
DROP FUNCTION changes_keep_template_writers();
DROP TRIGGER changes_rundecisionstep_guard ON changes_rundecisionstep;
DROP FUNCTION changes_guard_decision_step();
"""


class Migration(migrations.Migration):
    """Functions and triggers alone."""

    dependencies = [("changes", "0036_stages_closed_to")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
