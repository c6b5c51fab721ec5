"""One migrated database that xdist's workers copy: to migrate takes some ten seconds of one core, to copy far less."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.conf import settings
from django.db import connections
from psycopg import Connection
from psycopg.sql import SQL, Identifier

LOCK = 0x74656D70


def template_name() -> str:
    """The database that the workers of this session copy."""
    return f"{_session_name()}_template"


def template_prepare() -> None:
    """Have this worker's database copied instead of migrated; the first worker that asks makes what is copied."""
    with _maintenance() as server:
        server.execute("SELECT pg_advisory_lock(%s)", (LOCK,))  # until the connection ends
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (template_name(),)).fetchone():
            unfinished = f"{_session_name()}_unfinished"
            _migrate(unfinished)
            server.execute(
                SQL("ALTER DATABASE {} RENAME TO {}").format(*map(Identifier, (unfinished, template_name())))
            )
    default = connections["default"].settings_dict
    default["TEST"] |= {"TEMPLATE": template_name(), "MIGRATE": False}


def template_drop() -> None:
    """Forget the database that was copied."""
    with _maintenance() as server:
        server.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(template_name())))


def _session_name() -> str:
    return str(settings.DATABASES["default"]["TEST"]["NAME"]).partition("_gw")[0]


def _migrate(name: str) -> None:
    connection = connections["default"]
    before, tests = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    connection.settings_dict["TEST"] = {**tests, "NAME": name}
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = before
        connection.settings_dict["TEST"] = tests


@contextmanager
def _maintenance() -> Iterator[Connection[Any]]:
    """Past pytest-django's guard, which is about the tests' own database."""
    connection = connections["default"]
    parameters = {**connection.get_connection_params(), "dbname": "postgres"}
    with closing(connection.get_new_connection(parameters)) as server:
        server.autocommit = True
        yield server
