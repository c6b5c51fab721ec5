"""No event without its change: tried on a plain table that stands for that of the change requests."""

from collections.abc import Callable, Iterator

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.migrations.state import ProjectState
from django.db.utils import IntegrityError

from audit.ddl import require_event
from audit.stateful import STATEFUL
from tests.database import analyze, as_owner

Say = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)

LIES = r"The event .* cannot be committed: it says that the change \d+ went from \w+ to \w+, but "


def run(sql: str, *params: int | str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


@pytest.fixture(autouse=True)
def _tables(transactional_db: None) -> Iterator[None]:
    state = ProjectState.from_apps(apps)
    with as_owner():
        run("CREATE TABLE audit_test_change (id bigint PRIMARY KEY, state text, title text NOT NULL DEFAULT '')")
        with connection.schema_editor() as editor:
            require_event(table="audit_test_change", object_type="change").database_forwards(
                "audit", editor, state, state
            )
        run("UPDATE audit_stateful SET table_name = 'audit_test_change' WHERE object_type IN ('change', 'template')")
        run("SELECT audit_stateful_compile()")
    yield
    with as_owner():
        run("UPDATE audit_stateful SET table_name = 'changes_changerequest' WHERE object_type = 'change'")
        run("UPDATE audit_stateful SET table_name = 'changes_template' WHERE object_type = 'template'")
        run("SELECT audit_stateful_compile()")
        run("DROP TABLE audit_test_change")


@pytest.fixture
def draft(say: Say) -> int:
    with transaction.atomic():
        run("INSERT INTO audit_test_change (id, state) VALUES (17, 'draft')")
        say(action="change.created", state_to="draft")
    return 17


def to(state: str) -> None:
    run("UPDATE audit_test_change SET state = %s WHERE id = 17", state)


def refused(why: str) -> "pytest.RaisesExc[IntegrityError]":
    return pytest.raises(IntegrityError, match=LIES + why)


def say_in_a_transaction(say: Say, *events: tuple[str, str], touch: bool = False) -> None:
    with transaction.atomic():
        if touch:
            run("UPDATE audit_test_change SET title = 'other', state = state WHERE id = 17")
        for before, after in events:
            say(state_from=before, state_to=after)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([("draft", "approved")], "the row is draft"),
        ([("assessment", "draft")], "by the events before it, it was draft"),
        ([("", "draft")], "by the events before it, it was draft"),
        ([("", "approved")], "by the events before it, it was draft"),
        ([("draft", "approved"), ("approved", "closed")], "the row is draft"),
        ([("draft", "approved"), ("closed", "draft")], "by the events before it, it was approved"),
    ],
)
@pytest.mark.parametrize("touch", [False, True], ids=["untouched", "touched otherwise"])
def test_an_event_about_a_row_that_did_not_move_is_refused(
    say: Say, draft: int, events: list[tuple[str, str]], why: str, touch: bool
) -> None:
    with refused(why):
        say_in_a_transaction(say, *events, touch=touch)


def test_an_event_about_no_row_at_all_is_refused(say: Say) -> None:
    for unknown in (18, "unknown", "9" * 30):
        with pytest.raises(IntegrityError, match="there is no such row"), transaction.atomic():
            say(object_id=unknown, state_to="draft")


def test_a_row_that_was_made_earlier_is_not_made_by_an_event(say: Say) -> None:
    with as_owner():
        run("ALTER TABLE audit_test_change DISABLE TRIGGER ALL")
        run("INSERT INTO audit_test_change (id, state) VALUES (17, 'draft')")
        run("ALTER TABLE audit_test_change ENABLE ALWAYS TRIGGER audit_test_change_needs_event")
    with refused("the row was not written in this transaction"):
        say_in_a_transaction(say, ("", "draft"))


def test_several_steps_of_one_transaction_are_a_chain(say: Say, draft: int) -> None:
    with transaction.atomic():
        for before, after in (("draft", "assessment"), ("assessment", "approved"), ("approved", "draft")):
            to(after)
            say(state_from=before, state_to=after)
    with transaction.atomic():
        to("approved")
        say(state_from="draft", state_to="approved")


def test_the_last_of_several_steps_is_what_the_row_has_to_be(say: Say, draft: int) -> None:
    message = "The change 17 cannot be committed as approved: the last event about it says closed"
    with pytest.raises(IntegrityError, match=message), transaction.atomic():  # noqa: PT012 - at the end of it
        to("approved")
        say(state_from="draft", state_to="approved")
        say(state_from="approved", state_to="closed")


def test_an_event_that_says_the_state_stayed_changes_nothing_of_the_chain(say: Say, draft: int) -> None:
    say_in_a_transaction(say, ("approved", "approved"))
    with refused("by the events before it, it was draft"):
        say_in_a_transaction(say, ("approved", "draft"))


def test_row_and_event_may_stand_in_savepoints_of_their_own(say: Say) -> None:
    with transaction.atomic():
        with transaction.atomic():
            run("INSERT INTO audit_test_change (id, state) VALUES (17, 'draft')")
        with transaction.atomic(), transaction.atomic():
            say(state_to="draft")
        with transaction.atomic():
            to("approved")
        say(state_from="draft", state_to="approved")


def test_a_change_in_a_savepoint_that_was_rolled_back_bears_no_event(say: Say, draft: int) -> None:
    with refused("the row is draft"), transaction.atomic():
        savepoint = transaction.savepoint()
        to("approved")
        transaction.savepoint_rollback(savepoint)
        say(state_from="draft", state_to="approved")


def test_an_event_in_a_savepoint_that_was_rolled_back_is_forgotten(say: Say, draft: int) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        to("closed")
        say(state_from="draft", state_to="closed")
        transaction.savepoint_rollback(savepoint)
        to("approved")
        say(state_from="draft", state_to="approved")


def test_many_rows_may_change_in_one_statement_with_an_event_each(say: Say) -> None:
    with transaction.atomic():
        run("INSERT INTO audit_test_change (id, state) SELECT n, 'draft' FROM generate_series(1, 20) n")
        for row in range(1, 21):
            say(object_id=row, state_to="draft")
    with pytest.raises(IntegrityError, match="the change 20 went"), transaction.atomic():  # noqa: PT012 - COMMIT refuses
        run("UPDATE audit_test_change SET state = 'approved' WHERE id < 20")
        for row in range(1, 21):
            say(object_id=row, state_from="draft", state_to="approved")


def test_what_the_guards_read_does_not_grow_with_an_objects_events(say: Say) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (actor_name, origin, request_id, ip, action, object_type, object_id, object_label,"
            " state_from, state_to, code, reason, body) SELECT 'x', 'web', '', '', 'change.noted', 'change', '17', '',"
            " '', '', '', '', '{}' FROM generate_series(1, 3000)"
        )
    analyze("audit_event")  # so that the planner believes that nearly all events are about this object
    with transaction.atomic():
        run("INSERT INTO audit_test_change (id, state) VALUES (17, 'draft')")
        say(action="change.created", state_to="draft")
    with transaction.atomic():
        to("approved")
        say(state_from="draft", state_to="approved")
        before = events_read()
        run("SET CONSTRAINTS ALL IMMEDIATE")
        assert 0 < events_read() - before < 10


def events_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0) FROM pg_stat_xact_user_tables"
            " WHERE relid = 'audit_event'::regclass"
        )
        return int(cursor.fetchone()[0])


def test_of_a_thing_without_states_an_event_of_one_needs_a_row_written_now(say: Say, draft: int) -> None:
    with pytest.raises(IntegrityError, match="not written in this transaction"), transaction.atomic():
        say(object_type="template", state_to="renamed")
    with transaction.atomic():
        with transaction.atomic():
            run("UPDATE audit_test_change SET title = 'other' WHERE id = 17")
        say(object_type="template", state_to="renamed")


def test_the_registry_says_what_the_list_says() -> None:
    with as_owner():
        run("UPDATE audit_stateful SET table_name = 'changes_changerequest' WHERE object_type = 'change'")
        run("UPDATE audit_stateful SET table_name = 'changes_template' WHERE object_type = 'template'")
    with connection.cursor() as cursor:
        cursor.execute("SELECT object_type, table_name, state_sql FROM audit_stateful")
        known = set(cursor.fetchall())
    assert known == {(each.object_type, each.table, each.state_sql) for each in STATEFUL}


def test_every_table_of_the_list_demands_events_too() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgenabled = 'A' FROM pg_trigger"
            " WHERE tgname LIKE '%%needs_event' OR tgname LIKE '%%born_with_run'"
        )
        guarded = dict(cursor.fetchall())
    assert {each.table for each in STATEFUL} <= guarded.keys()
    assert all(guarded.values())
