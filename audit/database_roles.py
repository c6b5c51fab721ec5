"""The roles of the database, and the statements that make them; plain values, so that they can be printed and read.

``countersign_owner`` owns tables and functions and cannot log in; migrations run as it. The web server, the workers and
the commands are ``countersign_app``, which is no member of it: it cannot switch a trigger off, and it can append to
the log and read it, and nothing else. ``countersign_sealer`` alone takes the queue of what is to be sealed.
``countersign_reader`` reads what an auditor reads. Every statement may be run again and again. Imports no Django.
"""

# ruff: noqa: S608 - every name that is put into a statement is a constant of this module

from dataclasses import dataclass
from typing import Final

from audit.stateful import STATEFUL

OWNER: Final = "countersign_owner"
APPLICATION: Final = "countersign_app"
SEALER: Final = "countersign_sealer"
READER: Final = "countersign_reader"
LOGINS: Final = (APPLICATION, SEALER, READER)
SCHEMA: Final = "public"

EVENT_COLUMNS: Final = (
    "actor_id", "actor_name", "origin", "request_id", "ip", "action", "object_type", "object_id", "object_label",
    "change_id", "device_id", "state_from", "state_to", "code", "reason", "body",
)  # fmt: skip
"""What the application may say of an event. ``id``, ``at``, ``txid`` and ``db_user`` are the database's own."""

OPENING_COLUMNS: Final = ("event_id", "path", "salt", "value")
"""What is said of a text beside the log. Only a redaction names itself there."""
ARCHIVE_COLUMNS: Final = (
    "file", "size", "sha256", "manifest_sha256", "events", "leaves", "tree_size", "first_at", "last_at",
)  # fmt: skip
"""What the sealer's user may say of an archive. That its events have left the table, only the database says."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role may do with one table of the audit log; with ``columns``, INSERT names no others."""

    role: str
    table: str
    privileges: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        """The SQL, without its semicolon."""
        listed = f" ({', '.join(self.columns)})" if self.columns else ""
        privileges = (f"{name}{listed if name in {'INSERT', 'UPDATE'} else ''}" for name in self.privileges)
        return f"GRANT {', '.join(privileges)} ON {SCHEMA}.{self.table} TO {self.role}"


AUDIT_GRANTS: Final = (
    Grant(APPLICATION, "audit_event", ("SELECT", "INSERT"), EVENT_COLUMNS),
    # The sealer's own events: an anchor that fails, a key that comes or goes.
    Grant(SEALER, "audit_event", ("SELECT", "INSERT"), EVENT_COLUMNS),
    Grant(READER, "audit_event", ("SELECT",)),
    # What opens the commitments of events comes with them. Nobody changes it: a redaction's trigger does.
    Grant(APPLICATION, "audit_opening", ("SELECT", "INSERT"), OPENING_COLUMNS),
    # Archives hold the texts, too.
    Grant(SEALER, "audit_opening", ("SELECT", "INSERT"), OPENING_COLUMNS),
    Grant(READER, "audit_opening", ("SELECT",)),
    Grant(APPLICATION, "audit_redaction", ("SELECT", "INSERT", "UPDATE")),
    # What was redacted goes out of the files of archives, too.
    *(Grant(role, "audit_redaction", ("SELECT",)) for role in (SEALER, READER)),
    Grant(SEALER, "audit_pending", ("SELECT", "DELETE")),
    *(
        Grant(role, table, ("SELECT",))
        for table in ("audit_pending", "audit_leaf", "audit_tile", "audit_checkpoint", "audit_anchoring")
        for role in (APPLICATION, READER)
    ),
    *(Grant(role, "audit_stateful", ("SELECT",)) for role in LOGINS),
    # Searches that people keep. They are marked as deleted, never taken away.
    Grant(APPLICATION, "audit_saved_search", ("SELECT", "INSERT", "UPDATE")),
    Grant(READER, "audit_saved_search", ("SELECT",)),
    # Retention: people place holds and set periods, the sealer's user makes archives. No login removes an event.
    Grant(APPLICATION, "audit_legal_hold", ("SELECT", "INSERT", "UPDATE")),
    Grant(APPLICATION, "audit_retention_period", ("SELECT", "INSERT", "UPDATE")),
    Grant(APPLICATION, "audit_retrieval_test", ("SELECT", "INSERT")),
    Grant(SEALER, "audit_retrieval_test", ("SELECT", "INSERT")),
    Grant(SEALER, "audit_archive", ("SELECT", "INSERT"), ARCHIVE_COLUMNS),
    *(
        Grant(role, view, ("SELECT",))
        for view in ("audit_due_event", "audit_ended_change")
        for role in (APPLICATION, SEALER)
    ),
    *(Grant(role, "audit_archived_event", ("SELECT",)) for role in LOGINS),
    *(Grant(role, "audit_archive", ("SELECT",)) for role in (APPLICATION, READER)),
    *(
        Grant(role, table, ("SELECT",))
        for table in ("audit_legal_hold", "audit_retention_period")
        for role in (SEALER, READER)
    ),
    Grant(READER, "audit_retrieval_test", ("SELECT",)),
    Grant(SEALER, "audit_leaf", ("SELECT", "INSERT")),
    Grant(SEALER, "audit_tile", ("SELECT", "INSERT", "UPDATE")),
    Grant(SEALER, "audit_checkpoint", ("SELECT", "INSERT")),
    Grant(SEALER, "audit_anchoring", ("SELECT", "INSERT", "UPDATE")),
)
"""All that anybody but the owner may do with tables whose names begin with ``audit_``; a missing one is skipped."""

REVOKED: Final = (
    # Nothing that has a history goes away.
    *((each.table, ("DELETE",)) for each in STATEFUL),
    # A group that is renamed gives other rights to those who are in it.
    ("auth_group", ("UPDATE", "DELETE")),
    ("auth_group_permissions", ("INSERT", "UPDATE", "DELETE")),
    ("auth_permission", ("INSERT", "UPDATE", "DELETE")),
    ("django_content_type", ("INSERT", "UPDATE", "DELETE")),
    ("django_migrations", ("INSERT", "UPDATE", "DELETE")),
)
"""What the application may not do with tables whose rows it otherwise writes."""

READ_BY_AUDITORS: Final = ("changes\\_%", "devices\\_%")
"""Names of the tables that the reader sees beside the log, as patterns of LIKE; secrets stand in none of them."""
PEOPLE_COLUMNS: Final = (
    "id", "username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser", "date_joined",
)  # fmt: skip
_PEOPLE_TABLES: Final = ("auth_group", "auth_user_groups", "auth_group_permissions", "auth_user_user_permissions")


def role_statements() -> list[str]:
    """Make the roles. Needs CREATEROLE. No login gets a password here, and none may become another."""
    made = [_unless_there(OWNER, "NOLOGIN"), *(_unless_there(name, "LOGIN") for name in LOGINS)]
    apart = [_never_a_member(name, of) for name in LOGINS for of in (OWNER, *LOGINS) if of not in {name, READER}]
    return [*made, *apart, _MEMBERSHIP]


def database_statements(database: str) -> list[str]:
    """Hand the database and all that stands in it to the owner. Needs a superuser, or the present owner of it all.

    Temporary tables are taken from everybody: in one named like a table of ours, a guard could be shown what is not so.
    """
    name = '"' + database.replace('"', '""') + '"'
    logins = ", ".join(LOGINS)
    return [
        f"ALTER DATABASE {name} OWNER TO {OWNER}",
        f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {logins}",
        f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {OWNER}",
        f"REVOKE CREATE ON SCHEMA {SCHEMA} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {logins}",
        _OWNERSHIP,
    ]


def grant_statements() -> list[str]:
    """Say who may do what with the tables, as their owner; after each migration, in one transaction."""
    default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA {SCHEMA} GRANT"
    return [
        f"{default} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APPLICATION}",
        f"{default} USAGE, SELECT ON SEQUENCES TO {APPLICATION}",
        _APPLICATION_GRANTS,
        _READER_GRANTS,
        _AUDIT_REVOKES,
        *(_if_there(grant.table, grant.statement) for grant in AUDIT_GRANTS),
        _AUDIT_IDS_STAY,
        *(
            _block(
                f"IF to_regprocedure('{SCHEMA}.{function}') IS NOT NULL THEN\n"
                f"    GRANT EXECUTE ON FUNCTION {SCHEMA}.{function} TO {SEALER};\nEND IF;"
            )
            for function in ("audit_archive_remove(bigint, text)", "audit_archive_give_up(bigint)")
        ),
        *(
            _if_there(table, f"REVOKE {', '.join(privileges)} ON {SCHEMA}.{table} FROM {APPLICATION}")
            for table, privileges in REVOKED
        ),
        _FIXED_PATHS,
    ]


def all_statements(database: str) -> list[str]:
    """Everything, in the order in which it is run."""
    return [*role_statements(), *database_statements(database), *grant_statements()]


def _unless_there(role: str, login: str) -> str:
    return _block(
        f"CREATE ROLE {role} {login};\n"
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN\n"  # another process was quicker
        "    NULL;",
    )


def _never_a_member(role: str, of: str) -> str:
    return _block(
        "IF EXISTS (SELECT FROM pg_auth_members\n"
        f"           WHERE roleid = '{of}'::regrole AND member = '{role}'::regrole) THEN\n"
        f"    REVOKE {of} FROM {role};\n"
        "END IF;"
    )


def _if_there(table: str, statement: str) -> str:
    return _block(f"IF to_regclass('{SCHEMA}.{table}') IS NOT NULL THEN\n    {statement};\nEND IF;")


def _block(body: str, declare: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"DO $do$\n{declare}BEGIN\n{lines}\nEND\n$do$"


# Who runs migrations is a member of the owner, or may become any role anyway.
_MEMBERSHIP = _block(f"""\
IF NOT pg_has_role(current_user, '{OWNER}', 'MEMBER') THEN
    GRANT {OWNER} TO CURRENT_USER;
END IF;""")

_OWNERSHIP = _block(
    f"""\
FOR statement IN
    SELECT format('ALTER %s %I.%I OWNER TO {OWNER}', kinds.kind, '{SCHEMA}', c.relname)
    FROM pg_class c JOIN (VALUES ('r', 'TABLE'), ('p', 'TABLE'), ('v', 'VIEW'), ('m', 'MATERIALIZED VIEW'))
        AS kinds (letter, kind) ON kinds.letter = c.relkind::text
    WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(c.relowner) <> '{OWNER}'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.deptype = 'e')
    UNION ALL
    SELECT format('ALTER SEQUENCE %I.%I OWNER TO {OWNER}', '{SCHEMA}', c.relname)
    FROM pg_class c
    WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND c.relkind = 'S' AND pg_get_userbyid(c.relowner) <> '{OWNER}'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.deptype IN ('a', 'i', 'e'))
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO {OWNER}', p.oid::regprocedure)
    FROM pg_proc p
    WHERE p.pronamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(p.proowner) <> '{OWNER}'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                      AND d.deptype = 'e')
LOOP
    EXECUTE statement;
END LOOP;""",
    "DECLARE\n    statement text;\n",
)

# A row keeps its id: who could exchange the ids of two rows would move their states without touching a state.
_APPLICATION_GRANTS = _block(
    f"""\
FOR thing IN
    SELECT c.oid::regclass AS name, c.relkind = 'S' AS is_sequence, columns.others
    FROM pg_class c LEFT JOIN LATERAL (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attname <> 'id') AS others,
               bool_and(has_column_privilege('{APPLICATION}', c.oid, a.attnum, 'UPDATE') = (a.attname <> 'id')) AS fit
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) columns ON true
    WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(c.relowner) = '{OWNER}'
      AND c.relname NOT LIKE 'audit\\_%'
      AND ((c.relkind IN ('r', 'p', 'v') AND NOT (
                has_table_privilege('{APPLICATION}', c.oid, 'SELECT')
                AND has_table_privilege('{APPLICATION}', c.oid, 'INSERT')
                AND has_table_privilege('{APPLICATION}', c.oid, 'DELETE')
                AND columns.fit))
           OR (c.relkind = 'S' AND NOT has_sequence_privilege('{APPLICATION}', c.oid, 'USAGE')))
LOOP
    IF thing.is_sequence THEN
        EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE %s TO {APPLICATION}', thing.name);
    ELSE
        EXECUTE format('GRANT SELECT, INSERT, DELETE ON %s TO {APPLICATION}', thing.name);
        EXECUTE format('REVOKE UPDATE ON %s FROM {APPLICATION}', thing.name);
        IF thing.others IS NOT NULL THEN
            EXECUTE format('GRANT UPDATE (%s) ON %s TO {APPLICATION}', thing.others, thing.name);
        END IF;
    END IF;
END LOOP;""",
    "DECLARE\n    thing record;\n",
)

# The same for the tables of the log of which it may change rows at all.
_AUDIT_IDS_STAY = _block(
    f"""\
FOR thing IN
    SELECT c.oid::regclass AS name,
           (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'id') AS others
    FROM pg_class c JOIN pg_attribute id ON id.attrelid = c.oid AND id.attname = 'id'
    WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(c.relowner) = '{OWNER}'
      AND c.relname LIKE 'audit\\_%' AND c.relkind = 'r' AND has_table_privilege('{APPLICATION}', c.oid, 'UPDATE')
LOOP
    EXECUTE format('REVOKE UPDATE ON %s FROM {APPLICATION}', thing.name);
    EXECUTE format('GRANT UPDATE (%s) ON %s TO {APPLICATION}', thing.others, thing.name);
END LOOP;""",
    "DECLARE\n    thing record;\n",
)

_READER_GRANTS = _block(
    f"""\
FOR thing IN
    SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(c.relowner) = '{OWNER}'
      AND c.relkind IN ('r', 'p', 'v')
      AND (c.relname LIKE ANY (ARRAY[{", ".join(f"'{pattern}'" for pattern in READ_BY_AUDITORS)}])
           OR c.relname = ANY (ARRAY[{", ".join(f"'{name}'" for name in _PEOPLE_TABLES)}]))
      AND NOT has_table_privilege('{READER}', c.oid, 'SELECT')
LOOP
    EXECUTE format('GRANT SELECT ON %s TO {READER}', thing.name);
END LOOP;
IF to_regclass('{SCHEMA}.auth_user') IS NOT NULL THEN
    GRANT SELECT ({", ".join(PEOPLE_COLUMNS)}) ON {SCHEMA}.auth_user TO {READER};
END IF;""",
    "DECLARE\n    thing record;\n",
)

# What nobody is granted below, nobody but the owner may do. A trigger fires for who may not call its function.
_AUDIT_REVOKES = _block(
    f"""\
FOR thing IN
    SELECT c.oid::regclass AS name, c.relkind = 'S' AS is_sequence FROM pg_class c
    WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(c.relowner) = '{OWNER}'
      AND c.relname LIKE 'audit\\_%' AND c.relkind IN ('r', 'p', 'v', 'S')
LOOP
    EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC, {", ".join(LOGINS)}',
                   CASE WHEN thing.is_sequence THEN 'SEQUENCE' ELSE 'TABLE' END, thing.name);
END LOOP;
FOR thing IN
    SELECT p.oid::regprocedure AS name FROM pg_proc p
    WHERE p.pronamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(p.proowner) = '{OWNER}'
      AND p.prorettype = 'trigger'::regtype AND has_function_privilege('public', p.oid, 'EXECUTE')
LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', thing.name);
END LOOP;""",
    "DECLARE\n    thing record;\n",
)

# A guard that looks for its tables where the session says could be shown others.
_FIXED_PATHS = _block(
    f"""\
FOR thing IN
    SELECT p.oid::regprocedure AS name FROM pg_proc p
    WHERE p.pronamespace = '{SCHEMA}'::regnamespace AND pg_get_userbyid(p.proowner) = '{OWNER}'
      AND p.proname NOT LIKE 'audit\\_%'
      AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search\\_path=%')
LOOP
    EXECUTE format('ALTER ROUTINE %s SET search_path = pg_catalog, {SCHEMA}, pg_temp', thing.name);
END LOOP;""",
    "DECLARE\n    thing record;\n",
)
