"""What each role of the database may do, tried by real logins beside the test's own connection."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from psycopg import errors

from audit.checks import check_database_role
from audit.database_roles import APPLICATION, OWNER, READER, SEALER, all_statements
from audit.models import Event
from portal.feeds import feed_create
from tests.database import as_owner, as_superuser
from tests.factories import Cast, PersonFactory, actor, draft, joins

Login = Callable[[str], Any]
DENIED = (errors.InsufficientPrivilege,)

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def signed_in(role: str) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    """A session of its own, by the role's login; of a superuser who takes the role where the server is not ours."""
    values = connection.get_connection_params()
    known = {name: values[name] for name in ("host", "port", "dbname", "password") if values.get(name)}
    embedded = str(known.get("host", "")).startswith("/")
    user = {"user": role} if embedded else {"user": values["user"], "options": f"-c role={role}"}
    with psycopg.connect(**{**known, **user}, autocommit=True) as session:
        yield session


@pytest.fixture
def event(say: Callable[..., int]) -> int:
    with transaction.atomic():
        return say(object_type="config", reason="as it was")


FORBIDDEN = {
    "an id": "INSERT INTO audit_event (id, body) OVERRIDING SYSTEM VALUE VALUES (1, '{}')",
    "a time": "INSERT INTO audit_event (at, body) VALUES ('2020-01-01', '{}')",
    "a transaction": "INSERT INTO audit_event (txid, body) VALUES (1, '{}')",
    "a role": "INSERT INTO audit_event (db_user, body) VALUES ('countersign_owner', '{}')",
    "by copy": "COPY audit_event (id, body) FROM STDIN",
    "update": "UPDATE audit_event SET reason = 'nicer'",
    "delete": "DELETE FROM audit_event",
    "truncate": "TRUNCATE audit_event",
    "switch a trigger off": "ALTER TABLE audit_event DISABLE TRIGGER audit_event_only_grows",
    "switch a guard off": "ALTER TABLE changes_changerequest DISABLE TRIGGER ALL",
    "alter": "ALTER TABLE audit_event ADD COLUMN forged text",
    "drop a table": "DROP TABLE audit_event",
    "drop a trigger": "DROP TRIGGER audit_event_needs_change ON audit_event",
    "drop a function": "DROP FUNCTION audit_require_event() CASCADE",
    "replace a function": "CREATE OR REPLACE FUNCTION audit_require_event() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NULL; END'",
    "a function in front": "CREATE FUNCTION audit_written_here(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "a trigger of its own": "CREATE TRIGGER mine AFTER INSERT ON changes_run EXECUTE FUNCTION audit_enqueue()",
    "a table in front": "CREATE TEMPORARY TABLE audit_event (object_type text)",
    "a schema in front": "CREATE SCHEMA countersign_app",
    "play a replica": "SET session_replication_role = replica",
    "become the owner": f"SET ROLE {OWNER}",
    "become the sealer": f"SET ROLE {SEALER}",
    "join the owner": f"GRANT {OWNER} TO {APPLICATION}",
    "delete a text": "DELETE FROM audit_opening",
    "take a text out": "UPDATE audit_opening SET salt = NULL, value = NULL, redaction_id = 1",
    "change a text": "UPDATE audit_opening SET value = 'nicer'",
    "put a text in": "INSERT INTO audit_opening (event_id, path, salt, value)"
    " SELECT min(id), '/details/note', sha256(''), 'said' FROM audit_event",
    "say what took a text out": "INSERT INTO audit_opening (event_id, path, redaction_id) VALUES (1, '/after/note', 1)",
    "delete a redaction": "DELETE FROM audit_redaction",
    "empty the queue": "DELETE FROM audit_pending",
    "skip the queue": "INSERT INTO audit_pending VALUES (1)",
    "forge a leaf": "INSERT INTO audit_leaf (leaf_index, event_id, leaf_hash) VALUES (0, 1, sha256(''))",
    "forge a checkpoint": "INSERT INTO audit_checkpoint VALUES (1, sha256(''), '', now())",
    "change the registry": "DELETE FROM audit_stateful",
    "forget a migration": "DELETE FROM django_migrations",
    "delete a change": "DELETE FROM changes_changerequest",
    "delete an approval": "DELETE FROM changes_approval",
    "rename a group": "UPDATE auth_group SET name = 'cab' WHERE name = 'peer'",
    "read the passwords of roles": "SELECT rolpassword FROM pg_authid",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "run a program": "COPY audit_event (body) FROM PROGRAM 'true'",
}


def test_the_application_can_do_nothing_to_the_log_but_add_to_it(event: int) -> None:
    with signed_in(APPLICATION) as session:
        for name, statement in FORBIDDEN.items():
            try:
                session.execute(statement)
            except DENIED:
                continue
            pytest.fail(f"to {name} was allowed")
        found = session.execute("SELECT reason, db_user FROM audit_event WHERE id = %s", (event,)).fetchone()
    assert found == ("", APPLICATION)  # the text stands beside the log
    assert Event.objects.get(pk=event).reason == "as it was"


def test_the_application_moves_no_state_and_no_right_without_the_event() -> None:
    feed_create(actor=actor(Cast.create().author), name="mine", site="FRA")
    moves = (
        "UPDATE auth_user SET is_superuser = true WHERE username = 'author'",
        "UPDATE auth_user SET is_active = false WHERE username = 'author'",
        "DELETE FROM auth_user_groups",
        (
            "UPDATE auth_user_groups SET user_id = (SELECT id FROM auth_user WHERE username = 'author')"
            " WHERE user_id = (SELECT id FROM auth_user WHERE username = 'approver')"
        ),
        (
            "INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user u, auth_group g"
            " WHERE u.username = 'author' AND g.name = 'cab'"
        ),
        (
            "INSERT INTO auth_user_user_permissions (user_id, permission_id)"
            " SELECT u.id, p.id FROM auth_user u, auth_permission p WHERE u.username = 'author'"
        ),
        (
            "INSERT INTO portal_apitoken (digest, token_key, user_id, created, public_id, name)"
            " SELECT 'd', 'k', id, now(), gen_random_uuid(), 'mine' FROM auth_user WHERE username = 'author'"
        ),
        "UPDATE portal_calendarfeed SET site = ''",
    )
    with signed_in(APPLICATION) as session:
        for statement in moves:
            with pytest.raises(errors.IntegrityError, match="no audit event"):
                session.execute(statement)


def test_the_application_records_no_right_that_it_did_not_give() -> None:
    cast = Cast.create()
    said = (
        "INSERT INTO audit_event (actor_name, origin, request_id, ip, action, object_type, object_id, object_label,"
        " state_from, state_to, code, reason, body) VALUES ('x', 'system', '', '', %s, %s, %s, '', %s, %s, '', '', %s)"
    )
    grown = '{"before":{"access":null},"after":{"access":{"superuser":true}}}'
    lies = [
        ("user.access_changed", "user", str(cast.author.pk), "", "", grown),
        ("user.created", "user", str(cast.author.pk), "", "", grown),
        ("user.created", "user", "999999", "", "", grown),
        ("group.access_changed", "group", str(Group.objects.get(name="cab").pk), "", "", grown),
        ("token.created", "token", "7c1d1a2e-0000-4000-8000-000000000001", "", "", "{}"),
        ("change.approved", "change", "999999", "authorization", "approved", "{}"),
    ]
    with signed_in(APPLICATION) as session:
        for lie in lies:
            with pytest.raises(errors.IntegrityConstraintViolation, match="cannot be committed"):
                session.execute(said, lie)


def test_a_right_is_changed_with_its_event_and_the_next_one_goes_on_from_there() -> None:
    person = joins(PersonFactory.create(username="olivia"), "requester")
    joins(person, "requester")  # nothing new, hence no event
    joins(person, "cab")
    told = [each.content() for each in Event.objects.filter(object_type="user").order_by("id")]
    assert [each["action"] for each in told] == ["user.created", "user.access_changed", "user.access_changed"]
    assert [each["after"]["access"]["groups"] for each in told] == [[], ["requester"], ["cab", "requester"]]
    assert told[2]["before"] == told[1]["after"]


def test_the_command_gives_and_takes_roles_and_says_so() -> None:
    out = StringIO()
    call_command("person", "pia", "--create", "--add", "peer", "--reason", "New in the team.", stdout=out)
    call_command("person", "pia", "--add", "cab", "--remove", "peer", "--deactivate", stdout=out)
    assert out.getvalue().splitlines() == ["pia is active; roles: peer.", "pia is switched off; roles: cab."]
    for wrong in (["nobody"], ["pia", "--create"], ["pia", "--add", "king"]):
        with pytest.raises(CommandError, match=r"no account|exists already|no role 'king'"):
            call_command("person", *wrong)
    with pytest.raises(CommandError, match=r"no superusers here.*manage\.py person root --create"):
        call_command("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.net")
    assert User.objects.get(username="pia").is_active is False


@pytest.mark.parametrize("role", [SEALER, READER])
def test_sealer_and_reader_write_nothing_else(event: int, role: str) -> None:
    with signed_in(role) as session:
        assert session.execute("SELECT count(*) FROM audit_event WHERE id = %s", (event,)).fetchone() == (1,)
        for statement in (
            "UPDATE audit_event SET reason = ''",
            "UPDATE changes_changerequest SET title = ''",
            "SELECT password FROM auth_user",
            "SELECT * FROM django_session",
            f"SET ROLE {OWNER}",
            "CREATE TEMPORARY TABLE audit_leaf (n int)",
        ):
            with pytest.raises(DENIED):
                session.execute(statement)
    with signed_in(READER) as session:
        for table in ("changes_changerequest", "changes_approval", "devices_device", "audit_leaf", "auth_user_groups"):
            session.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - from this file
        session.execute("SELECT username, is_superuser FROM auth_user")


def test_no_row_gets_the_id_of_another() -> None:
    cast = Cast.create()
    change, other = draft(cast.author), draft(cast.author)
    with signed_in(APPLICATION) as session:
        for table in ("changes_changerequest", "changes_approval", "auth_user", "devices_device", "audit_saved_search"):
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(f"UPDATE {table} SET id = -id")  # noqa: S608 - from this line
        session.execute("UPDATE changes_changerequest SET title = 'other' WHERE id = %s", (change.pk,))
        session.execute("SELECT FROM changes_changerequest WHERE id = %s FOR NO KEY UPDATE", (other.pk,))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
            " AND has_column_privilege(%s, c.oid, a.attnum, 'UPDATE')",
            [APPLICATION],
        )
        assert cursor.fetchall() == []
        cursor.execute("SELECT has_column_privilege(%s, 'changes_changerequest', 'title', 'UPDATE')", [APPLICATION])
        assert cursor.fetchone() == (True,)


NAMING_ALL = ("audit_opening_comes_with_event", "audit_require_change", "audit_require_event")


def test_no_guard_looks_for_its_tables_where_the_session_says() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolname = %s"
            " AND p.pronamespace = 'public'::regnamespace"
            " AND NOT coalesce(p.proconfig::text LIKE '%%search_path=%%', false) ORDER BY 1",
            [OWNER],
        )
        found = {name for (name,) in cursor.fetchall()}
    # The first names its table with its schema, the next two read none; the others write every name with its schema.
    assert found == {"audit_enqueue", "audit_event_line", "audit_refuse_change", *NAMING_ALL}


@pytest.mark.parametrize("name", NAMING_ALL)
def test_a_guard_without_a_path_of_its_own_names_every_operator_type_and_function_with_its_schema(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [name])
        (source,) = cursor.fetchone()
    named = r"OPERATOR\(pg_catalog\.[^)]+\)|'[^']*'|:=|::pg_catalog\.\w+|::bigint|\bpg_catalog\.\w+\(|USING ERRCODE ="
    left = re.sub(named, "", re.sub(r"\bpublic\.\w+", "@", source))
    assert re.findall(r"[=<>~!+*/|-]|::|\w\(|FROM +\w+", left) == []


def test_the_statements_may_be_run_again_and_printed() -> None:
    out = StringIO()
    call_command("database_roles", stdout=out)
    printed = out.getvalue()
    assert printed.startswith("BEGIN;")
    assert f"CREATE ROLE {OWNER} NOLOGIN;" in printed
    with as_superuser() as cursor, transaction.atomic():
        for statement in all_statements(str(connection.settings_dict["NAME"])):
            cursor.execute(statement)
    with as_owner() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')"
            " AND pg_get_userbyid(relowner) <> %s",
            [OWNER],
        )
        assert cursor.fetchone() == (0,)


def test_the_deployment_check_complains_of_an_application_that_could_rewrite_the_log() -> None:
    assert check_database_role(None) == []
    for who, words in ((as_superuser, "is a superuser"), (as_owner, "owns tables")):
        with who():
            (warning,) = check_database_role(None)
        assert words in warning.msg
        assert "database_roles --apply" in str(warning.hint)
    with as_owner() as cursor:
        cursor.execute(f"GRANT DELETE ON audit_event TO {APPLICATION}")
    try:
        (warning,) = check_database_role(None)
    finally:
        with as_owner() as cursor:
            cursor.execute(f"REVOKE DELETE ON audit_event FROM {APPLICATION}")
    assert "may do more with the audit log" in warning.msg
    for given, taken, words in (
        (f"GRANT {SEALER} TO {APPLICATION}", f"REVOKE {SEALER} FROM {APPLICATION}", f"may do what {SEALER} does"),
        (
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "functions of its own",
        ),
    ):
        with as_superuser() as cursor:
            cursor.execute(given)
        try:
            (warning,) = check_database_role(None)
        finally:
            with as_superuser() as cursor:
                cursor.execute(taken)
        assert words in warning.msg


def test_what_accounts_of_an_older_version_may_do_is_written_down_and_goes_on_from_there() -> None:
    with as_owner() as cursor:
        cursor.execute("ALTER TABLE auth_user DISABLE TRIGGER auth_user_needs_event")
        person = User.objects.create(username="olivia", is_staff=True)
        cursor.execute("ALTER TABLE auth_user ENABLE ALWAYS TRIGGER auth_user_needs_event")
    with transaction.atomic():
        import_module("portal.migrations.0005_access_found").say_what_is(apps, None)
    joins(person, "cab")
    found, changed = Event.objects.filter(object_type="user").order_by("id")
    assert (found.action, found.content()["after"]["access"]["staff"]) == ("user.access_found", True)
    assert changed.content()["before"] == found.content()["after"]
