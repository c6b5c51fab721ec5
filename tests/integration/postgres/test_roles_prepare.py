"""The embedded server gets its roles by itself, in the data of an older version too."""

from pathlib import Path

import psycopg
import pytest

from audit.database_roles import APPLICATION, EVENT_COLUMNS, OWNER, SEALER
from portal.embedded_postgres import DATABASE, ROLE, attach, roles_prepare

OLD = f"""
CREATE TABLE audit_event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {" text, ".join(EVENT_COLUMNS)} text);
CREATE TABLE changes_changerequest (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text);
CREATE TABLE django_migrations (id serial PRIMARY KEY, name text);
CREATE VIEW changes_seen AS SELECT id FROM changes_changerequest;
CREATE FUNCTION changes_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
INSERT INTO changes_changerequest (state) VALUES ('draft')
"""  # noqa: S608 - the names are ours


def session(socket: Path, user: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(host=str(socket), user=user, dbname=DATABASE, autocommit=True)


def test_tables_of_an_older_version_get_an_owner_and_the_application_keeps_working(home: Path) -> None:
    attachment = attach(home, durable=False)
    try:
        with session(attachment.socket_directory, ROLE) as superuser:
            for statement in OLD.split(";\n"):
                superuser.execute(statement)
            roles_prepare(attachment.layout)
            owners = superuser.execute(
                "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                " UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            ).fetchall()
            assert owners == [(OWNER,)]
            superuser.execute(f"GRANT {OWNER} TO {SEALER}")
            roles_prepare(attachment.layout)  # a file says that it was done
            assert superuser.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", (SEALER, OWNER)).fetchone() == (True,)
            (attachment.layout.data / "countersign_roles").write_text("those of another version")
            roles_prepare(attachment.layout)
            assert superuser.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", (SEALER, OWNER)).fetchone() == (False,)
        with session(attachment.socket_directory, APPLICATION) as application:
            application.execute("UPDATE changes_changerequest SET state = 'assessment'")
            application.execute("INSERT INTO changes_changerequest (state) VALUES ('draft')")
            assert application.execute("SELECT count(*) FROM changes_seen").fetchone() == (2,)
            for refused in (
                "DELETE FROM changes_changerequest",
                "UPDATE audit_event SET body = ''",
                "INSERT INTO django_migrations (name) VALUES ('x')",
                "CREATE TABLE mine (id int)",
                "CREATE TEMPORARY TABLE changes_changerequest (id int)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    application.execute(refused)
    finally:
        attachment.release()
