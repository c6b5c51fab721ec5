"""Acting as the owner of the tables, on a connection that otherwise belongs to the application."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from audit.database_roles import APPLICATION, OWNER, all_statements, grant_statements


class SchemaOwnerError(Exception):
    """Migrations cannot become the owner of the tables; the message says what to do."""


@contextmanager
def as_schema_owner() -> Iterator[None]:
    """Connect anew as who may become ``countersign_owner``, and become it; afterwards as before.

    The embedded server is first given its roles, for this database too (a test's is new). Without ``DATABASE_OWNER``
    nothing is switched, and whoever ``DATABASE_URL`` names has to own the tables. Not inside a transaction.

    Raises:
        SchemaOwnerError: the roles are missing, or the login may not become the owner.
    """
    if not settings.DATABASE_OWNER:
        _refuse_the_application()
        yield
        return
    with as_roles_maker():
        if settings.DATABASE_ROLES_BY_ITSELF:
            run_statements(all_statements(str(connection.settings_dict["NAME"])))
        _refuse_who_may_not()
    login = _owner_login()
    with _connected_as({**login, "OPTIONS": {**login.get("OPTIONS", {}), "assume_role": OWNER}}):
        yield


@contextmanager
def as_roles_maker() -> Iterator[None]:
    """Connect anew with the login of ``DATABASE_OWNER``, without becoming anybody else; afterwards as before."""
    with _connected_as(_owner_login()):
        yield


def run_statements(statements: list[str]) -> None:
    """Run these in one transaction, on the connection as it is."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def grants_renew() -> None:
    """Say again who may do what: a migration may have made tables. Nothing where the application has no role."""
    if settings.DATABASE_OWNER:
        run_statements(grant_statements())


def _owner_login() -> dict[str, Any]:
    """What differs from the usual connection; the name stays, since a test's database has another."""
    names = ("HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    return {name: settings.DATABASE_OWNER[name] for name in names if name in settings.DATABASE_OWNER}


@contextmanager
def _connected_as(values: dict[str, Any]) -> Iterator[None]:
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(values)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict.update(before)


def _refuse_who_may_not() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s)", (OWNER,)
        )
        allowed = cursor.fetchone()[0]
    if allowed is None:
        raise SchemaOwnerError(
            f"The role {OWNER} does not exist: run `manage.py database_roles --apply` with a DATABASE_OWNER_URL whose"
            " login may make roles, then try again."
        )
    if not allowed:
        raise SchemaOwnerError(
            f"The login of DATABASE_OWNER_URL is no member of {OWNER}: let an administrator of the database run"
            f" GRANT {OWNER} TO that login, then try again."
        )


def _refuse_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        name = cursor.fetchone()[0]
    if name == APPLICATION:
        raise SchemaOwnerError(
            f"{APPLICATION} may not change tables: set DATABASE_OWNER_URL to a login that is a member of {OWNER}."
        )
