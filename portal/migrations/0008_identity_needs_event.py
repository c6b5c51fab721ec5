"""Who an account is changes only with an event: its name in the log, the address that reaches it, how people call it.

Names of accounts stand in every event, and two accounts with one e-mail address count as one person where two people
have to agree. The event names the fields that changed and the account's name afterwards; the database compares both.
"""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION portal_identity_changed(before auth_user, after auth_user) RETURNS text[] LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp AS $body$
SELECT coalesce(array_agg(field ORDER BY field), '{}') FROM (VALUES
    ('username', before.username <> after.username), ('email', before.email <> after.email),
    ('first_name', before.first_name <> after.first_name), ('last_name', before.last_name <> after.last_name)
) AS compared (field, differs) WHERE differs
$body$;

CREATE FUNCTION portal_require_identity_event() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM 1 FROM audit_event WHERE object_type = 'user' AND object_id = NEW.id::text
        AND txid = pg_current_xact_id()::text::bigint
        AND (xmin = pg_current_xact_id()::xid OR audit_written_here(xmin))
        AND action = 'user.identity_changed'
        AND body::jsonb -> 'after' ->> 'username' = (SELECT username FROM auth_user WHERE id = NEW.id)
        AND body::jsonb -> 'details' -> 'changed' @> to_jsonb(portal_identity_changed(OLD, NEW));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'Name and address of the user % cannot be changed: this transaction holds no audit event for it.',
            NEW.id
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME,
                  HINT = 'Use manage.py person, or portal.access.person_identity_change().';
    END IF;
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER auth_user_identity_needs_event
    AFTER UPDATE OF username, email, first_name, last_name ON auth_user DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((OLD.username, OLD.email, OLD.first_name, OLD.last_name)
                       IS DISTINCT FROM (NEW.username, NEW.email, NEW.first_name, NEW.last_name))
    EXECUTE FUNCTION portal_require_identity_event();
ALTER TABLE auth_user ENABLE ALWAYS TRIGGER auth_user_identity_needs_event;

CREATE FUNCTION portal_require_identity_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT EXISTS (SELECT FROM auth_user WHERE id::text = NEW.object_id AND audit_written_here(xmin)
                   AND username = NEW.body::jsonb -> 'after' ->> 'username') THEN
        RAISE EXCEPTION 'The event % about the user % cannot be committed: the account is not what it says.',
            NEW.action, NEW.object_id
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME, HINT = 'Use manage.py person, or portal.access.person_identity_change().';
    END IF;
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER audit_event_identity_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.object_type = 'user' AND NEW.action = 'user.identity_changed')
    EXECUTE FUNCTION portal_require_identity_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_identity_needs_change;

DO $do$
BEGIN
    EXECUTE format('ALTER FUNCTION portal_require_identity_event() SET search_path = pg_catalog, %I, pg_temp',
                   current_schema());
    EXECUTE format('ALTER FUNCTION portal_require_identity_change() SET search_path = pg_catalog, %I, pg_temp',
                   current_schema());
END
$do$;
"""
BACKWARDS = """
DROP TRIGGER audit_event_identity_needs_change ON audit_event;
DROP FUNCTION portal_require_identity_change();
DROP TRIGGER auth_user_identity_needs_event ON auth_user;
DROP FUNCTION portal_require_identity_event();
DROP FUNCTION portal_identity_changed(auth_user, auth_user);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0007_access_events_of_this_transaction"),
        ("audit", "0004_no_event_without_change"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
