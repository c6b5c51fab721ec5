"""What the database itself refuses: transitions without an audit event, and approvals by the author or an editor."""

from django.db import migrations

from audit.ddl import require_event

FORWARDS = """
CREATE FUNCTION changes_refuse_own_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = NEW.change_id
               AND NEW.approver_id IN (c.author_id, c.last_editor_id))
       OR EXISTS (SELECT 1 FROM changes_changerequest_editors e
                  WHERE e.changerequest_id = NEW.change_id AND e.user_id = NEW.approver_id) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or edited a change cannot decide on it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id
                   AND r.change_id = NEW.change_id AND r.digest = NEW.plan_digest) THEN
        RAISE EXCEPTION 'GATE_DIGEST_MISMATCH: the decision names another digest than its plan has'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_digest';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_approval_separation_of_duties BEFORE INSERT OR UPDATE OF approver_id, change_id, revision_id,
    plan_digest ON changes_approval FOR EACH ROW EXECUTE FUNCTION changes_refuse_own_approval();
ALTER TABLE changes_approval ENABLE ALWAYS TRIGGER changes_approval_separation_of_duties;

-- A device run is born with its run's event; every later step needs an event of its own.
CREATE CONSTRAINT TRIGGER changes_devicerun_needs_event AFTER UPDATE OF state ON changes_devicerun
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_require_event('device_run', 'state');
ALTER TABLE changes_devicerun ENABLE ALWAYS TRIGGER changes_devicerun_needs_event;
"""
BACKWARDS = """
DROP TRIGGER changes_devicerun_needs_event ON changes_devicerun;
DROP TRIGGER changes_approval_separation_of_duties ON changes_approval;
DROP FUNCTION changes_refuse_own_approval();
"""


class Migration(migrations.Migration):
    dependencies = [("changes", "0001_initial"), ("audit", "0002_append_only")]

    operations = [
        require_event(table="changes_changerequest", object_type="change"),
        require_event(table="changes_approval", object_type="approval", state_column="decision"),
        require_event(table="changes_run", object_type="run"),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
