"""One trigger looks at events about accounts, groups, passwords and tokens, where several did.

Whether a trigger concerns a row is asked of each event that is written, and the question is read anew each time: long
lists of actions cost every event of the log more time than its place in the sealer's queue. One short question takes
their place; which action it is, is asked of the few events that remain. The functions are kept word by word, each
under the condition of its trigger, as parts of one.
"""

from django.db import migrations

TOGETHER = """
DO $do$
DECLARE
    guard record;
    parts text := '';
BEGIN
    FOR guard IN
        SELECT t.tgname, p.prosrc,
            substring(pg_get_triggerdef(t.oid) FROM 'WHEN \\((.*)\\) EXECUTE FUNCTION') AS concerns
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgrelid = 'audit_event'::regclass AND NOT t.tgisinternal AND p.proname LIKE 'portal\\_require\\_%change'
        ORDER BY t.tgname
    LOOP
        parts := parts || format(E'IF %s THEN\\n%s;\\nEND IF;\\n', guard.concerns, rtrim(guard.prosrc, E' \\n;'));
        EXECUTE format('DROP TRIGGER %I ON audit_event', guard.tgname);
    END LOOP;
    EXECUTE format(
        'CREATE FUNCTION portal_require_account_change() RETURNS trigger LANGUAGE plpgsql'
        ' SET search_path = pg_catalog, %I, pg_temp AS %L',
        current_schema(), format(E'\\nBEGIN\\n%sRETURN NULL;\\nEND\\n', parts));
END
$do$;

CREATE CONSTRAINT TRIGGER audit_event_account_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.action ~ '^(user|group|token|calendar_feed)[.]')
    EXECUTE FUNCTION portal_require_account_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_account_needs_change;
"""

APART = """
DROP TRIGGER audit_event_account_needs_change ON audit_event;
DROP FUNCTION portal_require_account_change();
CREATE CONSTRAINT TRIGGER audit_event_access_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.action IN ('user.created', 'user.access_changed', 'user.access_found', 'user.removed',
                         'group.access_changed'))
    EXECUTE FUNCTION portal_require_access_change();
CREATE CONSTRAINT TRIGGER audit_event_token_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.action IN ('token.created', 'token.revoked', 'token.expired', 'calendar_feed.created',
                         'calendar_feed.revoked'))
    EXECUTE FUNCTION portal_require_token_change();
CREATE CONSTRAINT TRIGGER audit_event_password_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.object_type = 'user' AND NEW.action IN ('user.password_changed', 'user.password_rehashed'))
    EXECUTE FUNCTION portal_require_password_change();
CREATE CONSTRAINT TRIGGER audit_event_identity_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.object_type = 'user' AND NEW.action = 'user.identity_changed')
    EXECUTE FUNCTION portal_require_identity_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_access_needs_change;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_token_needs_change;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_password_needs_change;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_identity_needs_change;
"""


class Migration(migrations.Migration):
    """One trigger, and a function that is made of those of before."""

    dependencies = [("portal", "0008_identity_needs_event")]

    operations = [migrations.RunSQL(TOGETHER, APART)]
