"""Statements that are run often: PostgreSQL plans each once for a connection instead of each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

_CURSOR: Any = ServerBindingCursor  # Django's stubs do not know how it is made


def prepared(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement that is the same text each time, in the present transaction if there is one, and give its rows.

    Django's own cursors put the values into the text, so that PostgreSQL takes each for a new one. The setting
    ``prepare_threshold`` says after how many runs a connection keeps a plan; it concerns nothing else. Errors are
    Django's.
    """
    with connection.cursor() if connection.queries_logged else _bound() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []


def _bound() -> CursorWrapper:
    """A cursor that hands the values over beside the text. It cannot tell what it ran, so Django's own logs queries."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    cursor: CursorWrapper = connection.make_cursor(_CURSOR(connection.connection))
    return cursor
