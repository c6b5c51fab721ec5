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
