"""A decision that was made stays as it was made: it can be voided once, and nothing else."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION changes_keep_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_approval;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.voided_at := OLD.voided_at;
        IF kept IS NOT DISTINCT FROM OLD AND (OLD.voided_at IS NULL OR NEW.voided_at IS NOT DISTINCT FROM OLD.voided_at)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A decision stays as it was made: it can be voided once, and neither be changed nor be removed.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'decision_stays';
END $$;
CREATE TRIGGER changes_approval_stays BEFORE UPDATE OR DELETE ON changes_approval
    FOR EACH ROW EXECUTE FUNCTION changes_keep_decision();
ALTER TABLE changes_approval ENABLE ALWAYS TRIGGER changes_approval_stays;
"""
BACKWARDS = """
DROP TRIGGER changes_approval_stays ON changes_approval;
DROP FUNCTION changes_keep_decision();
"""


class Migration(migrations.Migration):
    dependencies = [("changes", "0003_losses")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
