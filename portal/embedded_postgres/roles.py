"""The roles of the embedded server: made by whoever finds them missing, in the data of an older version too."""

import hashlib

from audit.database_roles import all_statements
from portal.embedded_postgres.layout import DATABASE, ROLE, EmbeddedPostgresError, Layout

LOCK = 0x726F6C65
MARKER = "countersign_roles"


def roles_prepare(layout: Layout) -> None:
    """Make sure that the running server has the roles and that the owner owns its tables; quick when it was done.

    A file in the data directory says which statements were run last. It is a memory only: whoever can write there is
    the server's own account.

    Raises:
        EmbeddedPostgresError: the server refuses; the message says what.
    """
    statements = all_statements(DATABASE)
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    marker = layout.data / MARKER
    try:
        if marker.read_text() == digest:
            return
    except OSError:
        pass
    _run(layout, statements)
    marker.write_text(digest)
    layout.give_to_server(marker)


def _run(layout: Layout, statements: list[str]) -> None:
    import psycopg

    try:
        with psycopg.connect(host=str(layout.socket_directory), user=ROLE, dbname=DATABASE) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.Error as error:
        raise EmbeddedPostgresError(
            f"The roles of the embedded PostgreSQL could not be made ({str(error).splitlines()[0]}): "
            f"end the processes that use {layout.place}, then try again."
        ) from error
