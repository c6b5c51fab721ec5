"""Who reviews a template, or gives its pre-approval back, holds the role for it; none of it is emptied.

The services ask the same rules first; these are for whatever does not go through them.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION changes_judge_template_reviewer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT changes_in_group(NEW.reviewer_id, ARRAY[NEW.role::text]) OR changes_in_group(NEW.reviewer_id, '{auditor}')
       OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = NEW.reviewer_id AND u.is_active) THEN
        RAISE EXCEPTION 'GATE_ROLE_DENIED: who reviews a template version holds the role % and is no auditor', NEW.role
            USING ERRCODE = 'check_violation', CONSTRAINT = 'template_review_by_role';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_templatereview_role BEFORE INSERT ON changes_templatereview
    FOR EACH ROW WHEN (NEW.decision = 'approved') EXECUTE FUNCTION changes_judge_template_reviewer();
ALTER TABLE changes_templatereview ENABLE ALWAYS TRIGGER changes_templatereview_role;

CREATE FUNCTION changes_judge_restoration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT changes_in_group(NEW.restored_by_id, '{change-manager}') OR changes_in_group(NEW.restored_by_id, '{auditor}')
       OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = NEW.restored_by_id AND u.is_active)
       OR EXISTS (SELECT 1 FROM changes_templateversion_editors e
                  JOIN changes_templateversion v ON v.id = e.templateversion_id
                  WHERE v.template_id = NEW.template_id AND e.user_id = NEW.restored_by_id)
       OR EXISTS (SELECT 1 FROM unnest(NEW.change_ids) AS failed, changes_hands(failed) AS hand
                  WHERE hand = NEW.restored_by_id)
       OR EXISTS (SELECT 1 FROM changes_run r LEFT JOIN changes_run_implementers i ON i.run_id = r.id
                  WHERE r.change_id = ANY (NEW.change_ids) AND NEW.restored_by_id IN (r.started_by_id, i.user_id)) THEN
        RAISE EXCEPTION 'GATE_ROLE_DENIED: only a change manager without a hand in it gives a pre-approval back'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'restoration_by_another_person';
    END IF;
    IF EXISTS (SELECT 1 FROM changes_changerequest c
               WHERE c.id = ANY (NEW.change_ids) AND c.state NOT IN ('closed', 'rejected', 'canceled')) THEN
        RAISE EXCEPTION 'A pre-approval is given back when the changes that failed are closed.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'restoration_after_the_end';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_restoration_guard BEFORE INSERT ON changes_preapprovalrestoration
    FOR EACH ROW EXECUTE FUNCTION changes_judge_restoration();
ALTER TABLE changes_preapprovalrestoration ENABLE ALWAYS TRIGGER changes_restoration_guard;

CREATE TRIGGER changes_template_editors_never_emptied BEFORE TRUNCATE ON changes_templateversion_editors
    FOR EACH STATEMENT EXECUTE FUNCTION changes_keep_template_rows();
ALTER TABLE changes_templateversion_editors ENABLE ALWAYS TRIGGER changes_template_editors_never_emptied;
"""
BACKWARDS = """
DROP TRIGGER changes_template_editors_never_emptied ON changes_templateversion_editors;
DROP TRIGGER changes_restoration_guard ON changes_preapprovalrestoration;
DROP FUNCTION changes_judge_restoration();
DROP TRIGGER changes_templatereview_role ON changes_templatereview;
DROP FUNCTION changes_judge_template_reviewer();
"""


class Migration(migrations.Migration):
    """Triggers alone."""

    dependencies = [("changes", "0040_type_stays")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
