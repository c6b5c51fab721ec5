"""What was submitted as an emergency stays one: it cannot lose its review, nor its place in the reports.

The services change a type in a draft alone; this is for whatever does not go through them. That an approved change
becomes an emergency helps nobody: the policy is asked again at the start and before each wave, and asks for the ECAB.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION changes_keep_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'What was submitted as an emergency stays one. Take it back to a draft first.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'type_stays';
END $$;
CREATE TRIGGER changes_changerequest_type_stays BEFORE UPDATE OF type ON changes_changerequest
    FOR EACH ROW WHEN (OLD.type = 'emergency' AND NEW.type <> OLD.type AND OLD.state <> 'draft')
    EXECUTE FUNCTION changes_keep_type();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_type_stays;
"""
BACKWARDS = """
DROP TRIGGER changes_changerequest_type_stays ON changes_changerequest;
DROP FUNCTION changes_keep_type();
"""


class Migration(migrations.Migration):
    """A trigger alone."""

    dependencies = [("changes", "0039_verdicts_and_writers_stay")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
