"""Operations for the migrations of other apps."""

import re

from django.db import migrations

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,54}")


def require_event(*, table: str, object_type: str, state_column: str | None = "state") -> migrations.RunSQL:
    """A migration operation: no row of ``table`` is inserted or changes its state without an event.

    At COMMIT the database demands an audit event of the same transaction with this ``object_type``, the row's
    ``id`` and, with a ``state_column``, ``state_to`` equal to the row's new state; an UPDATE that leaves the
    state as it was needs none. With ``state_column=None`` every INSERT and UPDATE needs an event. Rows that
    exist already are not looked at. The migration depends on ``("audit", "0002_append_only")``.
    """
    for name in (table, object_type, state_column or "state"):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a plain name of small letters, digits and underscores.")
    trigger = f"{table}_needs_event"
    column = f" OF {state_column}" if state_column else ""
    arguments = f"'{object_type}', '{state_column}'" if state_column else f"'{object_type}'"
    create = (
        f"CREATE CONSTRAINT TRIGGER {trigger} AFTER INSERT OR UPDATE{column} ON {table} "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_require_event({arguments})"
    )
    # Otherwise session_replication_role = replica would switch the rule off.
    always = f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}"
    return migrations.RunSQL([create, always], [f"DROP TRIGGER {trigger} ON {table}"])


def require_change(*, table: str, object_type: str, state_sql: str | None = "state") -> migrations.RunSQL:
    """A migration operation: no event says that an ``object_type`` changed its state unless its row in ``table`` did.

    ``state_sql`` is an expression over the row that gives the state as events name it. With ``None`` the thing has no
    states: an event that names one is refused unless its row was written in the same transaction. The migration
    depends on ``("audit", "0004_no_event_without_change")``; ``audit.stateful`` has to say the same.
    """
    for name in (table, object_type):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a plain name of small letters, digits and underscores.")
    expression = "NULL" if state_sql is None else "'" + state_sql.replace("'", "''") + "'"
    compiled = "SELECT audit_stateful_compile()"
    return migrations.RunSQL(
        [f"INSERT INTO audit_stateful VALUES ('{object_type}', '{table}', {expression})", compiled],  # noqa: S608
        [f"DELETE FROM audit_stateful WHERE object_type = '{object_type}'", compiled],  # noqa: S608
    )


def require_event_about(
    *, table: str, object_type: str, column: str, name: str, on: str = "INSERT", when: str = ""
) -> migrations.RunSQL:
    """A migration operation: a write to ``table`` needs an event of the same transaction about what ``column`` names.

    For rows that come or go with something else, as device runs with their run. ``on`` and ``when`` are those of
    CREATE TRIGGER; ``name`` is the trigger's. Depends on ``("audit", "0004_no_event_without_change")``.
    """
    for each in (table, object_type, column, name):
        if not _NAME.fullmatch(each):
            raise ValueError(f"{each!r} is not a plain name of small letters, digits and underscores.")
    condition = f" WHEN ({when})" if when else ""
    create = (
        f"CREATE CONSTRAINT TRIGGER {name} AFTER {on} ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        f"{condition} EXECUTE FUNCTION audit_require_event_about('{object_type}', '{column}')"
    )
    always = f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
    return migrations.RunSQL([create, always], [f"DROP TRIGGER {name} ON {table}"])
