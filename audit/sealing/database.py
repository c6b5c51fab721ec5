"""The sealer's own connection: another login than the application's, and nothing of Django's between."""

from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

IDLE_S = 30
"""A sealer that stands still for so long, stopped or on a frozen host, loses its session and with it the lead."""


def connect_sealer() -> psycopg.Connection[Any]:
    """A connection in autocommit mode as ``DATABASE_SEALER`` says; without it, as everything else connects.

    Raises:
        psycopg.OperationalError: the database is away, or refuses the login.
    """
    usual = connections["default"].settings_dict
    names = ("HOST", "PORT", "USER", "PASSWORD", "OPTIONS")
    own = {name: settings.DATABASE_SEALER[name] for name in names if name in settings.DATABASE_SEALER}
    parameters = DatabaseWrapper({**usual, **own}).get_connection_params()
    parameters |= {"cursor_factory": psycopg.Cursor, "context": None, "autocommit": True}
    connection = psycopg.connect(**parameters)
    for name in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
        connection.execute("SELECT set_config(%s, %s, false)", (name, f"{IDLE_S}s"))
    # Whatever the server's or the role's defaults: what was signed must not be lost with the server's memory, and each
    # statement of a step has to see what the step before has committed.
    connection.execute(
        "SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'"
    )
    connection.execute("SET default_transaction_isolation = 'read committed'")
    connection.execute("SET default_transaction_read_only = off")
    return connection
