"""What ``manage.py check --deploy`` says of the roles of the database, and of what its server logs."""

from collections.abc import Sequence
from typing import Any, Final

from django.core import checks
from django.db import Error, connection

from audit.database_roles import APPLICATION, OWNER, SEALER

W_OWNS: Final = "audit.W001"
W_FORGES: Final = "audit.W002"
W_LOGGED: Final = "audit.W009"
I_UNKNOWN: Final = "audit.I001"
_HINT: Final = (
    "Run `manage.py database_roles --apply` with a DATABASE_OWNER_URL whose login may make roles, then sign in as"
    f" {APPLICATION} in DATABASE_URL (docs/operations.md, Roles of the database)."
)
_ASK: Final = f"""
SELECT current_user, r.rolsuper,
       r.rolsuper OR EXISTS (SELECT FROM pg_class c
                             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
                             AND pg_has_role(current_user, c.relowner, 'MEMBER')),
       to_regclass('audit_event') IS NOT NULL
       AND (has_table_privilege('audit_event', 'UPDATE, DELETE, TRUNCATE, TRIGGER')
            OR has_column_privilege('audit_event', 'id', 'INSERT')
            OR has_column_privilege('audit_event', 'at', 'INSERT')
            OR has_column_privilege('audit_event', 'txid', 'INSERT')
            OR has_column_privilege('audit_event', 'db_user', 'INSERT')),
       EXISTS (SELECT FROM unnest(ARRAY['audit_pending', 'audit_leaf', 'audit_tile', 'audit_checkpoint']) AS t (name)
               WHERE has_table_privilege(to_regclass(t.name), 'INSERT, UPDATE, DELETE, TRUNCATE'))
       OR EXISTS (SELECT FROM pg_roles s WHERE s.rolname = '{SEALER}' AND s.rolname <> current_user
                  AND pg_has_role(current_user, s.oid, 'MEMBER')),
       has_schema_privilege(current_schema(), 'CREATE')
       OR has_database_privilege(current_database(), 'CREATE, TEMPORARY')
FROM pg_roles r WHERE r.rolname = current_user
"""  # noqa: S608 - a constant
_MORE: Final = (
    "may do more with the audit log than add to it and read it",
    f"may do what {SEALER} does: take events out of the queue, or add to the tree",
    "may make tables or functions of its own, with which a guard could be deceived",
)


@checks.register(checks.Tags.security, deploy=True)
def check_database_role(app_configs: Sequence[Any] | None, **_named: object) -> list[checks.CheckMessage]:  # noqa: ARG001 - Django's signature
    """Warn when whoever serves requests could switch the log's triggers off, or do what only others may."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_ASK)
            name, is_superuser, owns, *more = cursor.fetchone()
    except Error:
        return [
            checks.Info(
                "The database could not be asked what the application's role may do.",
                hint="Run this check where the database of DATABASE_URL can be reached.",
                id=I_UNKNOWN,
            )
        ]
    if owns:
        what = "is a superuser of the database" if is_superuser else f"owns tables or is a member of {OWNER}"
        return [
            checks.Warning(
                f"The application signs in as {name}, which {what}: it could switch the triggers of the audit log off"
                " and rewrite what happened.",
                hint=_HINT,
                id=W_OWNS,
            )
        ]
    return [
        checks.Warning(f"The application signs in as {name}, which {what}.", hint=_HINT, id=W_FORGES)
        for what, is_so in zip(_MORE, more, strict=True)
        if is_so
    ]


_LOGGING: Final = """
SELECT name, setting FROM pg_settings WHERE
    (name = 'log_min_error_statement' AND setting NOT IN ('log', 'fatal', 'panic'))
    OR (name = 'log_error_verbosity' AND setting <> 'terse')
    OR (name = 'log_statement' AND setting NOT IN ('none', 'ddl'))
    OR (name = 'log_min_duration_statement' AND setting <> '-1') ORDER BY name
"""


@checks.register(checks.Tags.security, deploy=True)
def check_server_log(app_configs: Sequence[Any] | None, **_named: object) -> list[checks.CheckMessage]:  # noqa: ARG001 - Django's signature
    """Warn when the server of the database writes statements, with the texts of people in them, to its log."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_LOGGING)
            found = cursor.fetchall()
    except Error:
        return []  # the check of roles says so
    if not found:
        return []
    return [
        checks.Warning(
            "PostgreSQL writes statements or rows to its log, with what people typed in them:"
            f" {', '.join(f'{name} is {setting}' for name, setting in found)}. A redaction does not reach that file.",
            hint="In postgresql.conf: log_min_error_statement = panic, log_error_verbosity = terse,"
            " log_statement = none, log_min_duration_statement = -1 (docs/operations.md).",
            id=W_LOGGED,
        )
    ]
