import re

from audit.database_roles import (
    APPLICATION,
    AUDIT_GRANTS,
    EVENT_COLUMNS,
    LOGINS,
    OWNER,
    SEALER,
    all_statements,
    database_statements,
    role_statements,
)
from audit.recorder import _COLUMNS


def test_the_application_may_say_of_an_event_what_the_recorder_sends_and_nothing_else() -> None:
    assert tuple(_COLUMNS) == EVENT_COLUMNS
    (grant,) = (each for each in AUDIT_GRANTS if (each.role, each.table) == (APPLICATION, "audit_event"))
    assert grant.statement == (
        f"GRANT SELECT, INSERT ({', '.join(EVENT_COLUMNS)}) ON public.audit_event TO {APPLICATION}"
    )


def test_only_the_sealer_writes_the_tree() -> None:
    not_sealed = {"audit_event", "audit_saved_search", "audit_opening", "audit_redaction", "audit_legal_hold",
                  "audit_retention_period", "audit_retrieval_test"}  # fmt: skip
    writers = {each.role for each in AUDIT_GRANTS if each.table not in not_sealed and set(each.privileges) - {"SELECT"}}
    assert writers == {SEALER}
    assert not any("DELETE" in each.privileges for each in AUDIT_GRANTS if each.table == "audit_saved_search")
    assert not any({"UPDATE", "DELETE", "TRUNCATE"} & set(each.privileges) for each in AUDIT_GRANTS
                   if each.table in {"audit_event", "audit_opening", "audit_leaf", "audit_checkpoint"})  # fmt: skip


def test_nobody_can_log_in_as_the_owner_and_no_login_becomes_it() -> None:
    statements = role_statements()
    assert sum(f"CREATE ROLE {OWNER} NOLOGIN" in each for each in statements) == 1
    for login in LOGINS:
        assert any(f"REVOKE {OWNER} FROM {login}" in each for each in statements)
        assert not any(re.search(rf"GRANT {OWNER} TO {login}\b", each) for each in statements)


def test_the_name_of_a_database_is_quoted() -> None:
    assert database_statements('my "own" db')[0] == f'ALTER DATABASE "my ""own"" db" OWNER TO {OWNER}'


def test_no_statement_holds_another_and_none_a_password() -> None:
    for statement in all_statements("countersign"):
        assert statement.startswith("DO $do$") or ";" not in statement
        assert "PASSWORD" not in statement
