"""A transition without its event cannot be committed: tried on plain tables that stand for those of the other apps."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.migrations.state import ProjectState
from django.db.utils import IntegrityError, ProgrammingError
from django.test.utils import CaptureQueriesContext

from audit.ddl import require_event
from audit.models import Event
from tests.database import as_owner, as_superuser

Say = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)

NO_EVENT = r"cannot be committed.*holds no audit event"

# The names are of this test alone; "config" and "plan" are object types that exist. The rule of the other direction,
# which asks of events what became of the rows, does not know them.
WITH_STATE = require_event(table="audit_test_change", object_type="config")
WITHOUT_STATE = require_event(table="audit_test_plan", object_type="plan", state_column=None)


def run(sql: str, *params: int | str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def state_of(row: int) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM audit_test_change WHERE id = %s", [row])
        found = cursor.fetchone()
    return found[0] if found else None


@pytest.fixture(autouse=True)
def _tables(transactional_db: None) -> Iterator[None]:
    state = ProjectState.from_apps(apps)
    with as_owner():
        run("CREATE TABLE audit_test_change (id bigint PRIMARY KEY, state text, title text NOT NULL DEFAULT '')")
        run("CREATE TABLE audit_test_plan (id uuid PRIMARY KEY, digest text)")
        for operation in (WITH_STATE, WITHOUT_STATE):
            with connection.schema_editor() as editor:
                operation.database_forwards("audit", editor, state, state)
    yield
    with as_owner():
        run("DROP TABLE audit_test_change, audit_test_plan")


@pytest.fixture
def say(say: Say) -> Say:
    """As elsewhere, about the table of this test."""
    return lambda **given: say(**{"object_type": "config", **given})


@pytest.fixture
def draft(say: Say) -> int:
    """A row in state draft, committed together with its event."""
    with transaction.atomic():
        run("INSERT INTO audit_test_change (id, state) VALUES (17, 'draft')")
        say(action="change.created", object_id=17, state_to="draft")
    return 17


def test_a_row_and_its_event_commit_together(draft: int) -> None:
    assert state_of(draft) == "draft"


def test_a_row_without_event_is_refused_at_commit_and_not_before() -> None:
    reached = False
    with pytest.raises(IntegrityError, match=NO_EVENT) as refusal, transaction.atomic():  # noqa: PT012 - the place of the error matters
        run("INSERT INTO audit_test_change (id, state) VALUES (1, 'draft')")
        assert state_of(1) == "draft"
        reached = True
    assert reached
    assert "The config 1 cannot be committed as draft" in str(refusal.value)
    assert "Call audit.recorder.record()" in str(refusal.value)
    assert state_of(1) is None


def test_a_bare_statement_outside_any_transaction_is_refused_too(draft: int) -> None:
    with pytest.raises(IntegrityError, match=NO_EVENT):
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
    assert state_of(draft) == "draft"


@pytest.mark.parametrize("event_first", [True, False])
def test_a_transition_commits_with_its_event_in_either_order(say: Say, draft: int, *, event_first: bool) -> None:
    with transaction.atomic():
        if event_first:
            say(object_id=draft, state_to="approved")
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
        if not event_first:
            say(object_id=draft, state_to="approved")
    assert state_of(draft) == "approved"


@pytest.mark.parametrize(
    "other",
    [
        {"object_id": 18, "state_to": "approved"},
        {"object_id": "170", "state_to": "approved"},
        {"object_id": 17, "state_to": "assessment"},
        {"object_id": 17},
        {"object_id": 17, "object_type": "plan", "state_to": "approved"},
    ],
)
def test_an_event_about_something_else_does_not_count(say: Say, draft: int, other: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match=NO_EVENT), transaction.atomic():  # noqa: PT012 - COMMIT is what refuses
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
        say(**other)
    assert state_of(draft) == "draft"


def test_an_event_of_an_earlier_transaction_does_not_count(say: Say, draft: int) -> None:
    with transaction.atomic():
        say(object_id=draft, state_to="approved")
    with pytest.raises(IntegrityError, match=NO_EVENT), transaction.atomic():
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
    assert state_of(draft) == "draft"


def test_an_event_that_another_connection_commits_meanwhile_does_not_count(say: Say, draft: int) -> None:
    committed = []

    def elsewhere() -> None:
        try:
            with transaction.atomic():
                event_id = say(object_id=draft, state_to="approved")
            committed.append(event_id)
        finally:
            connection.close()

    with pytest.raises(IntegrityError, match=NO_EVENT), transaction.atomic():  # noqa: PT012 - COMMIT is what refuses
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        assert Event.objects.filter(pk__in=committed).exists()
    assert state_of(draft) == "draft"


def test_an_event_in_a_savepoint_that_was_rolled_back_does_not_count(say: Say, draft: int) -> None:
    with pytest.raises(IntegrityError, match=NO_EVENT), transaction.atomic():  # noqa: PT012 - COMMIT is what refuses
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
        savepoint = transaction.savepoint()
        say(object_id=draft, state_to="approved")
        transaction.savepoint_rollback(savepoint)
    assert state_of(draft) == "draft"


def test_a_transition_in_a_savepoint_that_was_rolled_back_needs_no_event(draft: int) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
        transaction.savepoint_rollback(savepoint)
    assert state_of(draft) == "draft"


def test_row_and_event_may_stand_in_different_savepoints(say: Say, draft: int) -> None:
    with transaction.atomic():
        with transaction.atomic():
            run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
        with transaction.atomic():
            say(object_id=draft, state_to="approved")
    assert state_of(draft) == "approved"


def test_each_of_two_transitions_needs_an_event(say: Say, draft: int) -> None:
    with pytest.raises(IntegrityError, match="as assessment"), transaction.atomic():  # noqa: PT012 - COMMIT is what refuses
        run("UPDATE audit_test_change SET state = 'assessment' WHERE id = %s", draft)
        run("UPDATE audit_test_change SET state = 'authorization' WHERE id = %s", draft)
        say(object_id=draft, state_to="authorization")
    with transaction.atomic():
        run("UPDATE audit_test_change SET state = 'assessment' WHERE id = %s", draft)
        say(object_id=draft, state_to="assessment")
        run("UPDATE audit_test_change SET state = 'authorization' WHERE id = %s", draft)
        say(object_id=draft, state_to="authorization")
    assert state_of(draft) == "authorization"


def test_of_many_rows_the_one_without_event_is_named(say: Say) -> None:
    with pytest.raises(IntegrityError, match="The config 42 cannot"), transaction.atomic():  # noqa: PT012 - COMMIT is what refuses
        run("INSERT INTO audit_test_change (id, state) SELECT n, 'draft' FROM generate_series(1, 50) AS n")
        for row in range(1, 51):
            if row != 42:
                say(object_id=row, state_to="draft")
    assert state_of(1) is None


def test_saving_a_row_whose_state_stays_needs_no_event(draft: int) -> None:
    run("UPDATE audit_test_change SET state = 'draft', title = 'a' WHERE id = %s", draft)
    run("UPDATE audit_test_change SET title = 'b' WHERE id = %s", draft)


@pytest.mark.parametrize(("old", "new"), [("draft", None), (None, "draft")])
def test_a_state_of_null_is_a_state_that_no_event_names(say: Say, old: str | None, new: str | None) -> None:
    with as_owner():
        run("ALTER TABLE audit_test_change DISABLE TRIGGER audit_test_change_needs_event")
        run("INSERT INTO audit_test_change (id, state) VALUES (1, %s)", old)
        run("ALTER TABLE audit_test_change ENABLE ALWAYS TRIGGER audit_test_change_needs_event")
    with pytest.raises(IntegrityError, match=NO_EVENT), transaction.atomic():  # noqa: PT012 - COMMIT is what refuses
        run("UPDATE audit_test_change SET state = %s WHERE id = 1", new)
        say(object_id=1, state_to="")
    assert state_of(1) == old


def test_without_a_state_column_every_write_needs_an_event(say: Say) -> None:
    row = "7c1d1a2e-0000-4000-8000-000000000001"
    with transaction.atomic():
        run("INSERT INTO audit_test_plan (id, digest) VALUES (%s, 'ab')", row)
        say(action="plan.built", object_type="plan", object_id=row)
    with pytest.raises(IntegrityError, match=NO_EVENT):
        run("UPDATE audit_test_plan SET digest = 'cd' WHERE id = %s", row)
    with transaction.atomic():
        run("UPDATE audit_test_plan SET digest = 'cd' WHERE id = %s", row)
        say(action="plan.rebuilt", object_type="plan", object_id=row)


EVASIONS = {
    "playing a replica": "SET LOCAL session_replication_role = replica",
    "deferring": "SET CONSTRAINTS ALL DEFERRED",
    "a temporary table in front": "CREATE TEMPORARY TABLE audit_event ON COMMIT DROP AS "
    "SELECT 'config' AS object_type, '17' AS object_id, 'approved' AS state_to, "
    "pg_current_xact_id()::text::bigint AS txid",
    "another search path": "CREATE TEMPORARY TABLE audit_event ON COMMIT DROP AS "
    "SELECT 'config' AS object_type, '17' AS object_id, 'approved' AS state_to, "
    "pg_current_xact_id()::text::bigint AS txid; SET LOCAL search_path = pg_temp, public",
}


@pytest.mark.parametrize("name", EVASIONS)
def test_there_is_no_way_around(draft: int, name: str) -> None:
    def evade() -> None:
        for part in EVASIONS[name].split("; "):
            run(part)
        run("UPDATE public.audit_test_change SET state = 'approved' WHERE id = %s", draft)
        run("SET CONSTRAINTS ALL IMMEDIATE")

    refusal = pytest.raises((IntegrityError, ProgrammingError), match=rf"{NO_EVENT}|permission denied to (set|create)")
    with refusal, transaction.atomic():
        evade()
    # To a superuser nothing is denied: then the trigger itself has to stand.
    with pytest.raises(IntegrityError, match=NO_EVENT), transaction.atomic(), as_superuser():
        evade()
    assert state_of(draft) == "draft"


def test_asked_to_check_at_once_the_statement_itself_is_refused(draft: int) -> None:
    with transaction.atomic():
        run("SET CONSTRAINTS audit_test_change_needs_event IMMEDIATE")
        with pytest.raises(IntegrityError, match=NO_EVENT), transaction.atomic():
            run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
    assert state_of(draft) == "draft"


def test_the_rule_can_be_taken_back() -> None:
    state = ProjectState.from_apps(apps)
    with as_owner(), connection.schema_editor() as editor:
        WITH_STATE.database_backwards("audit", editor, state, state)
    run("INSERT INTO audit_test_change (id, state) VALUES (1, 'draft')")
    assert state_of(1) == "draft"


def test_the_check_costs_no_statement_of_the_applications(say: Say, draft: int) -> None:
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        run("UPDATE audit_test_change SET state = 'approved' WHERE id = %s", draft)
        say(object_id=draft, state_to="approved")
    assert [query["sql"].split()[0] for query in queries] == ["BEGIN", "UPDATE", "INSERT", "COMMIT"]
