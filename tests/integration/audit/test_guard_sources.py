"""A guard that was replaced, weakened or removed is named by the verification, though its triggers stand there."""

from __future__ import annotations

import pytest
from django.db import connection

from audit.sealing.keys import SealingKey
from audit.sealing.trust import trusted_keys
from audit.verification.findings import FindingCode
from audit.verification.guard_sources import SOURCES, source_digest
from audit.verify import verify
from tests.database import as_owner

pytestmark = pytest.mark.django_db

ALLOWING = "CREATE OR REPLACE FUNCTION {name} RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"


def test_the_functions_are_those_of_the_migrations() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, prosrc FROM pg_proc WHERE proname = ANY (%s)", [list(SOURCES)])
        found = {name: source_digest(source) for name, source in cursor.fetchall()}
    assert found == SOURCES, f"a migration has changed a guard: write down in guard_sources.py {found}"


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (ALLOWING.format(name="audit_require_event()"), "The function audit_require_event, which guards the log"),
        (ALLOWING.format(name="audit_refuse_change()"), "The function audit_refuse_change, which guards the log"),
        (
            "CREATE OR REPLACE FUNCTION audit_written_here(row_xmin xid) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
            "The function audit_written_here, which guards the log",
        ),
        (ALLOWING.format(name="audit_require_change()"), "The function audit_require_change, which guards the log"),
        (
            "UPDATE audit_stateful SET state_sql = NULL; SELECT audit_stateful_compile()",
            "The function audit_refuse_unchanged, which guards the log",
        ),
        (
            "DROP TRIGGER audit_event_account_needs_change ON audit_event",
            "The guard audit_event_account_needs_change of the table audit_event is missing",
        ),
        (
            "ALTER TABLE changes_approval ENABLE TRIGGER changes_approval_needs_event",
            "changes_approval_needs_event of the table changes_approval is not fired always",
        ),
        (
            "DROP TRIGGER changes_maintenancewindow_needs_event ON changes_maintenancewindow",
            "of who changes the table changes_maintenancewindow: its trigger was removed",
        ),
    ],
)
def test_a_guard_that_guards_nothing_is_named(sealing_key: SealingKey, done: str, words: str) -> None:
    assert verify(keys=trusted_keys()).finding is None
    with as_owner() as cursor:
        cursor.execute(done)
    finding = verify(keys=trusted_keys()).finding
    assert finding is not None
    assert finding.code is FindingCode.GUARD_MISSING
    assert words in finding.sentence
