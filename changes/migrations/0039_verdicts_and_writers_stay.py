"""Who wrote a part of a review stays on record, and so does how and when a change was closed.

Whoever could take a name from the writers of a review could have that person accept it; whoever could edit the close
code of a closed change could change the key figures of a period that is over.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION changes_keep_writers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Who wrote a part of a review stays on record: names are added, never taken away.'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'review_writers_stay';
END $$;
CREATE TRIGGER changes_review_writers_stay BEFORE UPDATE OR DELETE ON changes_review_writers
    FOR EACH ROW EXECUTE FUNCTION changes_keep_writers();
ALTER TABLE changes_review_writers ENABLE ALWAYS TRIGGER changes_review_writers_stay;
CREATE TRIGGER changes_review_writers_never_emptied BEFORE TRUNCATE ON changes_review_writers
    FOR EACH STATEMENT EXECUTE FUNCTION changes_keep_writers();
ALTER TABLE changes_review_writers ENABLE ALWAYS TRIGGER changes_review_writers_never_emptied;

CREATE FUNCTION changes_keep_verdict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A closed change keeps its type, its close code and the time at which it was closed.'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'verdict_stays';
END $$;
CREATE TRIGGER changes_changerequest_verdict_stays
    BEFORE UPDATE OF type, close_code, closed_at, created_at ON changes_changerequest
    FOR EACH ROW WHEN (OLD.state = 'closed' AND NEW.state = 'closed'
        AND (NEW.type, NEW.close_code, NEW.closed_at, NEW.created_at)
            IS DISTINCT FROM (OLD.type, OLD.close_code, OLD.closed_at, OLD.created_at))
    EXECUTE FUNCTION changes_keep_verdict();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_verdict_stays;
"""
BACKWARDS = """
DROP TRIGGER changes_changerequest_verdict_stays ON changes_changerequest;
DROP FUNCTION changes_keep_verdict();
DROP TRIGGER changes_review_writers_never_emptied ON changes_review_writers;
DROP TRIGGER changes_review_writers_stay ON changes_review_writers;
DROP FUNCTION changes_keep_writers();
"""


class Migration(migrations.Migration):

    dependencies = [("changes", "0038_threads_and_meetings")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
