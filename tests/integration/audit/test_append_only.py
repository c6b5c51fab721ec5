from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseError, ProgrammingError

from audit.database_roles import EVENT_COLUMNS
from audit.models import Event
from tests.database import as_owner, as_superuser

Say = Callable[..., int]

REFUSED = {
    "update": "UPDATE audit_event SET reason = 'nicer' WHERE id = {id}",
    "update that meets no row": "UPDATE audit_event SET reason = 'nicer' WHERE false",
    "update only": "UPDATE ONLY audit_event SET reason = 'nicer'",
    "delete": "DELETE FROM audit_event WHERE id = {id}",
    "delete that meets no row": "DELETE FROM audit_event WHERE false",
    "delete in a query": "WITH gone AS (DELETE FROM audit_event RETURNING id) SELECT count(*) FROM gone",
    "truncate": "TRUNCATE audit_event",
    "truncate cascade": "TRUNCATE audit_event RESTART IDENTITY CASCADE",
    "upsert": "INSERT INTO audit_event OVERRIDING SYSTEM VALUE SELECT * FROM audit_event WHERE id = {id} "
    "ON CONFLICT (id) DO UPDATE SET reason = 'nicer'",
    "merge update": "MERGE INTO audit_event e USING (SELECT 1) s ON e.id = {id} "
    "WHEN MATCHED THEN UPDATE SET reason = 'nicer'",
    "merge delete": "MERGE INTO audit_event e USING (SELECT 1) s ON e.id = {id} WHEN MATCHED THEN DELETE",
    "through a view": "CREATE VIEW pretty AS SELECT * FROM audit_event; UPDATE pretty SET reason = 'nicer'",
    "through a parent": "CREATE TABLE parent (LIKE audit_event); ALTER TABLE audit_event INHERIT parent; "
    "UPDATE parent SET reason = 'nicer'",
    "delete through a parent": "CREATE TABLE parent (LIKE audit_event); ALTER TABLE audit_event INHERIT parent; "
    "DELETE FROM parent",
}  # fmt: skip


Who = Callable[[], AbstractContextManager[CursorWrapper]]


def _attempt(statement: str, event_id: int, who: Who = connection.cursor) -> None:
    with transaction.atomic(), who() as cursor:
        for part in statement.format(id=event_id).split("; "):
            cursor.execute(part)


@pytest.mark.django_db
@pytest.mark.parametrize("name", REFUSED)
def test_the_applications_own_role_may_not_even_try(say: Say, name: str) -> None:
    event_id = say(reason="as it was")
    with pytest.raises(ProgrammingError, match=r"permission denied for (table audit_event|schema public)"):
        _attempt(REFUSED[name], event_id)
    assert Event.objects.get(pk=event_id).reason == "as it was"


@pytest.mark.django_db
@pytest.mark.parametrize("who", [as_owner, as_superuser])
@pytest.mark.parametrize("name", REFUSED)
def test_the_owner_of_the_table_and_a_superuser_are_refused_too(say: Say, name: str, who: Who) -> None:
    event_id = say(reason="as it was")
    with pytest.raises(ProgrammingError, match=r"The audit log only grows: (UPDATE|DELETE|TRUNCATE)") as refusal:
        _attempt(REFUSED[name], event_id, who)
    assert "record another one" in str(refusal.value)
    assert Event.objects.get(pk=event_id).reason == "as it was"


@pytest.mark.django_db
@pytest.mark.parametrize("name", REFUSED)
def test_playing_a_replica_does_not_help(say: Say, name: str) -> None:
    event_id = say(reason="as it was")
    with pytest.raises(ProgrammingError, match="permission denied to set parameter"):
        _attempt("SET LOCAL session_replication_role = replica", event_id)
    with pytest.raises(ProgrammingError, match="audit log only grows"):
        _attempt(f"SET LOCAL session_replication_role = replica; {REFUSED[name]}", event_id, as_superuser)
    assert Event.objects.get(pk=event_id).reason == "as it was"


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in REFUSED if "parent" not in name and "view" not in name])
def test_another_role_with_all_grants_is_refused_too(say: Say, name: str) -> None:
    event_id = say(reason="as it was")
    with as_superuser() as cursor:
        cursor.execute("CREATE ROLE audit_test_stranger")
        cursor.execute("GRANT ALL ON audit_event TO audit_test_stranger")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO audit_test_stranger")
    # TRUNCATE … RESTART IDENTITY already fails on the sequence, which a stranger does not own.
    with pytest.raises(ProgrammingError, match=r"audit log only grows|must be owner"):
        _attempt(f"SET LOCAL ROLE audit_test_stranger; {REFUSED[name]}", event_id)
    assert Event.objects.get(pk=event_id).reason == "as it was"


@pytest.mark.django_db
def test_an_id_cannot_be_chosen(say: Say) -> None:
    event_id = say()
    insert = "INSERT INTO audit_event (id, body) VALUES ({id}, '')"
    with pytest.raises(DatabaseError, match="permission denied"):
        _attempt(insert.replace("VALUES", "OVERRIDING SYSTEM VALUE VALUES"), event_id)
    with pytest.raises(DatabaseError, match="cannot insert a non-DEFAULT value"):
        _attempt(insert, event_id, as_owner)


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["", "no json", "[1]", '"text"', '{"a":1}\n', '{"a":"\u00e9"}', '{"a":'])
def test_a_body_that_would_break_an_export_is_refused(body: str) -> None:
    texts = [
        field.attname
        for field in Event._meta.fields
        if field.get_internal_type() == "TextField" and field.attname in EVENT_COLUMNS
    ]
    values = {**dict.fromkeys(texts, ""), "body": body}
    insert = f"INSERT INTO audit_event ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})"  # noqa: S608 - column names
    refusal = pytest.raises(DatabaseError, match=r"audit_event_body_is_json|invalid input syntax for type json")
    with refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert, [*values.values()])


@pytest.mark.django_db
def test_the_triggers_cannot_be_undone_by_deferring_or_by_a_temporary_table(say: Say) -> None:
    event_id = say(reason="as it was")
    _attempt("SET CONSTRAINTS ALL DEFERRED", event_id)
    table = "CREATE TEMPORARY TABLE audit_event (LIKE public.audit_event) ON COMMIT DROP"
    with pytest.raises(ProgrammingError, match="permission denied to create temporary tables"):
        _attempt(table, event_id)
    _attempt(table, event_id, as_superuser)
    with pytest.raises(ProgrammingError, match="audit log only grows"):
        _attempt("UPDATE public.audit_event SET reason = 'nicer'", event_id, as_owner)
    _attempt("DROP TABLE pg_temp.audit_event", event_id, as_superuser)
    assert Event.objects.get(pk=event_id).reason == "as it was"
