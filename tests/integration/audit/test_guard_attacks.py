"""Sessions of the application that try to move rows with events that are none, or that are of another time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import psycopg
import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.migrations.state import ProjectState
from django.db.utils import IntegrityError

from audit.database_roles import EVENT_COLUMNS
from audit.ddl import require_event, require_event_about
from tests.database import analyze, as_owner
from tests.integration.audit.test_require_change import (  # noqa: F401 - fixtures
    _tables,
    draft,
    events_read,
    run,
    to,
)
from tests.integration.audit.test_roles import signed_in

Say = Callable[..., int]

pytestmark = pytest.mark.django_db(transaction=True)
NO_EVENT = "holds no audit event|the last event about it says"


def refused() -> "pytest.RaisesExc[IntegrityError]":
    return pytest.raises(IntegrityError, match=NO_EVENT)


def in_a_transaction(move: Callable[[], None]) -> None:
    with transaction.atomic():
        move()


def at_once() -> None:
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("SET CONSTRAINTS ALL DEFERRED")


def test_an_event_that_leads_nowhere_moves_no_row(say: Say, draft: int) -> None:  # noqa: F811
    def move() -> None:
        say(state_from="approved", state_to="approved")
        to("approved")

    with refused():
        in_a_transaction(move)


@pytest.mark.parametrize("back_to", ["assessment", "approved"])
def test_constraints_asked_at_once_do_not_let_a_row_go_back_under_an_earlier_event(
    say: Say,
    draft: int,  # noqa: F811
    back_to: str,
) -> None:
    steps = ["draft", "assessment", "approved", *(["assessment"] if back_to == "approved" else [])]

    def move() -> None:
        for before, after in pairwise(steps):
            to(after)
            say(state_from=before, state_to=after)
            at_once()
        to(back_to)

    with refused():
        in_a_transaction(move)


def test_a_chain_of_steps_may_be_asked_for_at_once(say: Say, draft: int) -> None:  # noqa: F811
    with transaction.atomic():
        for before, after in (("draft", "assessment"), ("assessment", "draft"), ("draft", "assessment")):
            to(after)
            say(state_from=before, state_to=after)
            at_once()
    with transaction.atomic():
        for before, after in (("assessment", "draft"), ("draft", "assessment")):
            to(after)
            with transaction.atomic():
                say(state_from=before, state_to=after)


@pytest.mark.parametrize("touched", [False, True], ids=["beside it", "having touched the row"])
def test_nobody_takes_the_move_of_another_transaction_for_their_own(say: Say, draft: int, touched: bool) -> None:  # noqa: F811
    """The step before and the row's new state fit such an event; only the other's event after it tells."""

    def lie() -> None:
        say(state_from="draft", state_to="approved")
        with superuser() as session, session.transaction():
            session.execute("UPDATE audit_test_change SET state = 'approved' WHERE id = 17")
            session.execute(
                "INSERT INTO audit_event (actor_name, origin, request_id, ip, action, object_type, object_id,"
                " object_label, state_from, state_to, code, reason, body)"
                " VALUES ('max', 'web', '', '', 'change.moved', 'change', '17', '', 'draft', 'approved', '', '', '{}')"
            )
        if touched:
            run("UPDATE audit_test_change SET title = 'other' WHERE id = 17")

    with pytest.raises(IntegrityError, match="but another transaction has moved it meanwhile"):
        in_a_transaction(lie)
    with transaction.atomic():
        to("closed")
        say(state_from="approved", state_to="closed")


def test_operators_types_and_tables_of_a_session_are_not_believed(draft: int) -> None:  # noqa: F811
    """No login of ours can make a schema; if one ever could, the guards would not ask its operators."""
    evil = (
        "CREATE SCHEMA evil",
        "CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
        "CREATE FUNCTION evil.yes(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
        "CREATE FUNCTION evil.yes(xid, xid) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
        *(
            f"CREATE OPERATOR evil.{name} (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = evil.yes)"
            for kind in ("text", "bigint", "xid")
            for name in ("=", "<=")
        ),
        "CREATE TABLE evil.audit_event AS SELECT * FROM public.audit_event",
        "GRANT USAGE ON SCHEMA evil TO PUBLIC",
        "GRANT ALL ON evil.audit_event TO PUBLIC",
    )
    lie = (
        "INSERT INTO public.audit_event (actor_name, origin, request_id, ip, action, object_type, object_id,"
        " object_label, state_from, state_to, code, reason, body)"
        " VALUES ('max', 'web', '', '', 'change.moved', 'change', '17', '', 'draft', 'approved', '', '', '{}')"
    )
    with superuser() as session:
        for statement in evil:
            session.execute(statement)
        try:
            for move in ("UPDATE public.audit_test_change SET state = 'approved'", lie):
                with signed_in("countersign_app") as app:
                    app.execute("SET search_path = evil, pg_catalog, public")
                    with pytest.raises(psycopg.IntegrityError, match=f"{NO_EVENT}|it says that the change 17 went"):
                        app.execute(move)
        finally:
            session.execute("DROP SCHEMA evil CASCADE")


def test_the_looks_of_a_session_stay_quick_while_the_log_grows(say: Say, draft: int) -> None:  # noqa: F811
    """What a session planned when the log held little reads no more than the thing's own events when it holds more."""
    others = (
        "INSERT INTO audit_event (actor_name, origin, request_id, ip, action, object_type, object_id, object_label,"
        " state_from, state_to, code, reason, body) SELECT 'x', 'web', '', '', 'thing.done', '{}',"
        " (1000 + n)::text, '', '', '', '', '', '{{}}' FROM generate_series(1, {}) n"
    )
    with transaction.atomic():
        run(others.format("device", 300))
    analyze("audit_event", "audit_test_change")
    for before, after in (("draft", "assessment"), ("assessment", "draft")) * 4:
        with transaction.atomic():
            to(after)
            say(state_from=before, state_to=after)
    with transaction.atomic():
        run(others.format("change", 3000))
        to("assessment")
        say(state_from="draft", state_to="assessment")
        read = events_read()
        run("SET CONSTRAINTS ALL IMMEDIATE")
        assert 0 < events_read() - read < 30


@pytest.fixture
def _plan_table(transactional_db: None) -> Iterator[None]:
    state = ProjectState.from_apps(apps)
    with as_owner():
        run("CREATE TABLE audit_test_plan (id bigint PRIMARY KEY, digest text)")
        run("CREATE TABLE audit_test_part (id bigint PRIMARY KEY, plan_id bigint)")
        for operation in (
            require_event(table="audit_test_plan", object_type="plan", state_column=None),
            require_event_about(table="audit_test_part", object_type="plan", column="plan_id", name="audit_test_born"),
        ):
            with connection.schema_editor() as editor:
                operation.database_forwards("audit", editor, state, state)
    yield
    with as_owner():
        run("DROP TABLE audit_test_plan, audit_test_part")


def as_if_restored(event: int, txid: int) -> None:
    """Give an event the number of a running transaction, from another session: so it comes out of a restored backup."""
    with signed_in("countersign_owner") if not embedded() else superuser() as session, session.transaction():
        session.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        session.execute("UPDATE audit_event SET txid = %s WHERE id = %s", (txid, event))
        guards = session.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_event'::regclass AND NOT tgisinternal"
        ).fetchall()
        for (guard,) in guards:
            session.execute(f"ALTER TABLE audit_event ENABLE ALWAYS TRIGGER {guard}")


def embedded() -> bool:
    return str(connection.get_connection_params().get("host", "")).startswith("/")


def superuser() -> psycopg.Connection[tuple[object, ...]]:
    values = connection.get_connection_params()
    return psycopg.connect(host=values["host"], dbname=values["dbname"], user=values["user"], autocommit=True)


def own_txid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return int(cursor.fetchone()[0])


def test_an_event_of_a_restored_backup_is_none_of_a_transaction_with_its_number(say: Say, _plan_table: None) -> None:
    with transaction.atomic():
        run("INSERT INTO audit_test_plan VALUES (17, 'old')")
        event = say(object_type="plan", object_id=17)
    for statement in ("UPDATE audit_test_plan SET digest = 'new'", "INSERT INTO audit_test_part VALUES (1, 17)"):

        def move(statement: str = statement) -> None:
            as_if_restored(event, own_txid())
            run(statement)

        with refused():
            in_a_transaction(move)
    with transaction.atomic():
        own_txid()
        with transaction.atomic():
            run("UPDATE audit_test_plan SET digest = 'new'")
            say(object_type="plan", object_id=17)


@pytest.mark.parametrize("body", ['{"a":' + "[" * 600 + "]" * 600 + "}", '{"a":' * 5000 + "1" + "}" * 5000])
def test_a_body_that_no_program_can_read_is_refused(body: str) -> None:
    texts = dict.fromkeys((name for name in EVENT_COLUMNS if name not in {"actor_id", "change_id", "device_id"}), "")
    values = {**texts, "body": body}
    with pytest.raises(IntegrityError, match="audit_event_body_is_readable"), transaction.atomic():
        run(
            f"INSERT INTO audit_event ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",  # noqa: S608 - names
            *values.values(),
        )
