"""A password changes only with an event that says so, and no event says so of one that did not change."""

from django.db import migrations

REQUIRE_EVENT = """
CREATE FUNCTION portal_require_password_event() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $body$
BEGIN
    PERFORM 1 FROM audit_event WHERE object_type = 'user' AND object_id = NEW.id::text
        AND txid = pg_current_xact_id()::text::bigint
        AND action IN ('user.password_changed', 'user.password_rehashed');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The password of the user % cannot be changed: this transaction holds no audit event for it.',
            NEW.id
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME,
                  HINT = 'Use manage.py changepassword, or portal.passwords.password_change().';
    END IF;
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER auth_user_password_needs_event
    AFTER UPDATE OF password ON auth_user DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.password IS DISTINCT FROM NEW.password)
    EXECUTE FUNCTION portal_require_password_event();
ALTER TABLE auth_user ENABLE ALWAYS TRIGGER auth_user_password_needs_event;

CREATE FUNCTION portal_require_password_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $body$
BEGIN
    IF NOT EXISTS (SELECT FROM auth_user WHERE id::text = NEW.object_id AND audit_written_here(xmin)) THEN
        RAISE EXCEPTION 'The event % about the user % cannot be committed: the account was not written.',
            NEW.action, NEW.object_id
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME, HINT = 'Use manage.py changepassword, or portal.passwords.password_change().';
    END IF;
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER audit_event_password_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.object_type = 'user' AND NEW.action IN ('user.password_changed', 'user.password_rehashed'))
    EXECUTE FUNCTION portal_require_password_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_password_needs_change;
"""
NOTHING = """
DROP TRIGGER audit_event_password_needs_change ON audit_event;
DROP FUNCTION portal_require_password_change();
DROP TRIGGER auth_user_password_needs_event ON auth_user;
DROP FUNCTION portal_require_password_event();
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0005_access_found"), ("audit", "0004_no_event_without_change")]

    operations = [migrations.RunSQL(REQUIRE_EVENT, NOTHING)]
