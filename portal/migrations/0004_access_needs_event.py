"""Who may do what changes only with an event that says what it is afterwards, and no such event lies.

Of an account that is whether it is active, staff or superuser, its groups and its own permissions; of a group its name
and its permissions. The event carries them before and after, as ``access``; the database computes the same from its
tables at COMMIT. What was before has to be what the last such event said. Tokens and calendar feeds need the event of
their making and of their end.
"""

from django.conf import settings
from django.db import migrations

ACCESS = """
CREATE FUNCTION portal_access_of(kind text, thing bigint) RETURNS jsonb LANGUAGE sql STABLE
    SET search_path = pg_catalog, public, pg_temp AS $body$
SELECT CASE kind WHEN 'user' THEN (
    SELECT jsonb_build_object(
        'active', u.is_active, 'staff', u.is_staff, 'superuser', u.is_superuser,
        'groups', (SELECT coalesce(jsonb_agg(g.name ORDER BY g.name), '[]') FROM auth_user_groups m
                   JOIN auth_group g ON g.id = m.group_id WHERE m.user_id = u.id),
        'permissions', (SELECT coalesce(jsonb_agg(c.app_label || '.' || p.codename ORDER BY c.app_label, p.codename), '[]')
                        FROM auth_user_user_permissions m JOIN auth_permission p ON p.id = m.permission_id
                        JOIN django_content_type c ON c.id = p.content_type_id WHERE m.user_id = u.id))
    FROM auth_user u WHERE u.id = thing)
WHEN 'group' THEN (
    SELECT jsonb_build_object(
        'name', g.name,
        'permissions', (SELECT coalesce(jsonb_agg(c.app_label || '.' || p.codename ORDER BY c.app_label, p.codename), '[]')
                        FROM auth_group_permissions m JOIN auth_permission p ON p.id = m.permission_id
                        JOIN django_content_type c ON c.id = p.content_type_id WHERE m.group_id = g.id))
    FROM auth_group g WHERE g.id = thing) END
$body$;
COMMENT ON FUNCTION portal_access_of(text, bigint) IS 'What an account (user) or a group gives leave to do; null: gone.';

CREATE FUNCTION portal_is_access_event(action text) RETURNS boolean LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp AS $body$
SELECT action IN ('user.created', 'user.access_changed', 'user.access_found', 'user.removed', 'group.access_changed')
$body$;
"""

REQUIRE_EVENT = """
CREATE FUNCTION portal_require_access_event() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    kind constant text := TG_ARGV[0];
    things bigint[] := '{}';
    thing bigint;
    said jsonb;
BEGIN
    IF TG_TABLE_NAME = 'auth_user' AND TG_OP = 'UPDATE' THEN
        IF (NEW.is_active, NEW.is_staff, NEW.is_superuser) = (OLD.is_active, OLD.is_staff, OLD.is_superuser) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        things := things || (to_jsonb(OLD) ->> TG_ARGV[1])::bigint;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        things := things || (to_jsonb(NEW) ->> TG_ARGV[1])::bigint;
    END IF;
    FOREACH thing IN ARRAY things LOOP
        SELECT body::jsonb -> 'after' -> 'access' INTO said FROM audit_event
            WHERE object_type = kind AND object_id = thing::text AND txid = pg_current_xact_id()::text::bigint
              AND portal_is_access_event(action)
            ORDER BY id DESC LIMIT 1;
        IF said IS DISTINCT FROM coalesce(portal_access_of(kind, thing), 'null'::jsonb) THEN
            RAISE EXCEPTION 'What the % % may do cannot be changed: this transaction holds no audit event that says so.',
                kind, thing
                USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                      CONSTRAINT = TG_NAME,
                      HINT = 'Use manage.py person, or portal.access.access_changing().';
        END IF;
    END LOOP;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER auth_user_needs_event
    AFTER INSERT OR DELETE OR UPDATE OF is_active, is_staff, is_superuser ON auth_user DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION portal_require_access_event('user', 'id');
CREATE CONSTRAINT TRIGGER auth_user_groups_needs_event
    AFTER INSERT OR DELETE OR UPDATE ON auth_user_groups DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION portal_require_access_event('user', 'user_id');
CREATE CONSTRAINT TRIGGER auth_user_permissions_needs_event
    AFTER INSERT OR DELETE OR UPDATE ON auth_user_user_permissions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION portal_require_access_event('user', 'user_id');
CREATE CONSTRAINT TRIGGER auth_group_permissions_needs_event
    AFTER INSERT OR DELETE OR UPDATE ON auth_group_permissions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION portal_require_access_event('group', 'group_id');
-- A new group gives nobody anything; one with another name does.
CREATE CONSTRAINT TRIGGER auth_group_needs_event
    AFTER DELETE OR UPDATE OF name ON auth_group DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION portal_require_access_event('group', 'id');
ALTER TABLE auth_user ENABLE ALWAYS TRIGGER auth_user_needs_event;
ALTER TABLE auth_user_groups ENABLE ALWAYS TRIGGER auth_user_groups_needs_event;
ALTER TABLE auth_user_user_permissions ENABLE ALWAYS TRIGGER auth_user_permissions_needs_event;
ALTER TABLE auth_group_permissions ENABLE ALWAYS TRIGGER auth_group_permissions_needs_event;
ALTER TABLE auth_group ENABLE ALWAYS TRIGGER auth_group_needs_event;

CREATE FUNCTION portal_require_token_event() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    token uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.public_id ELSE NEW.public_id END;
BEGIN
    PERFORM 1 FROM audit_event WHERE object_type = TG_ARGV[0] AND object_id = token::text
        AND txid = pg_current_xact_id()::text::bigint;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The % % cannot be made, changed or ended: this transaction holds no audit event for it.',
            TG_ARGV[0], token
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME, HINT = 'Use the services in portal.tokens and portal.feeds.';
    END IF;
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER portal_apitoken_needs_event
    AFTER INSERT OR DELETE OR UPDATE OF digest, token_key, user_id, expiry, public_id ON portal_apitoken
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION portal_require_token_event('token');
CREATE CONSTRAINT TRIGGER portal_calendarfeed_needs_event
    AFTER INSERT OR DELETE OR UPDATE OF digest, user_id, site, public_id ON portal_calendarfeed
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION portal_require_token_event('calendar_feed');
ALTER TABLE portal_apitoken ENABLE ALWAYS TRIGGER portal_apitoken_needs_event;
ALTER TABLE portal_calendarfeed ENABLE ALWAYS TRIGGER portal_calendarfeed_needs_event;
"""

REQUIRE_CHANGE = """
CREATE FUNCTION portal_require_access_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    before constant jsonb := coalesce(NEW.body::jsonb -> 'before' -> 'access', 'null'::jsonb);
    after constant jsonb := coalesce(NEW.body::jsonb -> 'after' -> 'access', 'null'::jsonb);
    earlier jsonb;
    why text;
BEGIN
    SELECT coalesce(body::jsonb -> 'after' -> 'access', 'null'::jsonb) INTO earlier FROM audit_event
        WHERE object_type = NEW.object_type AND object_id = NEW.object_id AND id < NEW.id
          AND portal_is_access_event(action) AND (body::jsonb -> 'after') ? 'access'
        ORDER BY id DESC LIMIT 1;
    IF FOUND AND earlier <> before THEN
        why := 'the last event about it said something else of what it could do before';
    ELSIF NOT FOUND AND NEW.action = 'user.created' AND NOT EXISTS (
            SELECT FROM auth_user WHERE id::text = NEW.object_id AND audit_written_here(xmin)) THEN
        why := 'no such account was made in this transaction';
    ELSIF before = after THEN
        why := 'before and after are the same';
    ELSIF NOT EXISTS (
            SELECT FROM audit_event WHERE object_type = NEW.object_type AND object_id = NEW.object_id AND id > NEW.id
              AND txid = NEW.txid AND portal_is_access_event(action))
          AND after <> coalesce(portal_access_of(NEW.object_type, NEW.object_id::bigint), 'null'::jsonb) THEN
        why := 'what it may do now is something else';
    END IF;
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'The event % about the % % cannot be committed: %.', NEW.action, NEW.object_type, NEW.object_id, why
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME, HINT = 'Use manage.py person, or portal.access.access_changing().';
    END IF;
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER audit_event_access_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.action IN ('user.created', 'user.access_changed', 'user.access_found', 'user.removed',
                         'group.access_changed'))
    EXECUTE FUNCTION portal_require_access_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_access_needs_change;

CREATE FUNCTION portal_require_token_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $body$
DECLARE
    made constant boolean := NEW.action IN ('token.created', 'calendar_feed.created');
    there constant boolean := CASE NEW.object_type
        WHEN 'token' THEN EXISTS (SELECT FROM portal_apitoken WHERE public_id::text = NEW.object_id)
        ELSE EXISTS (SELECT FROM portal_calendarfeed WHERE public_id::text = NEW.object_id) END;
BEGIN
    IF made <> there AND NOT EXISTS (
            SELECT FROM audit_event WHERE object_type = NEW.object_type AND object_id = NEW.object_id AND id > NEW.id
              AND txid = NEW.txid AND action IN ('token.revoked', 'token.expired', 'calendar_feed.revoked')) THEN
        RAISE EXCEPTION 'The event % about the % % cannot be committed: there is %.', NEW.action, NEW.object_type,
            NEW.object_id, CASE WHEN there THEN 'one still' ELSE 'no such thing' END
            USING ERRCODE = 'integrity_constraint_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                  CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER audit_event_token_needs_change AFTER INSERT ON audit_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.action IN ('token.created', 'token.revoked', 'token.expired', 'calendar_feed.created',
                         'calendar_feed.revoked'))
    EXECUTE FUNCTION portal_require_token_change();
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_token_needs_change;
"""

BACKWARDS = """
DROP FUNCTION portal_require_token_change(), portal_require_access_change(), portal_require_token_event(),
    portal_require_access_event() CASCADE;
DROP FUNCTION portal_is_access_event(text);
DROP FUNCTION portal_access_of(text, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0003_calendar_feed"),
        ("audit", "0004_no_event_without_change"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunSQL(ACCESS + REQUIRE_EVENT + REQUIRE_CHANGE, BACKWARDS)]
