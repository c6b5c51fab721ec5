"""The walk would notice a write without an event, with one of another transaction, or with one that says nothing."""

from __future__ import annotations

from django.db import connection, transaction

from audit.recorder import record
from devices.models import DriftRule
from tests.factories import TESTER
from tests.integration.coverage.excused import CLAIMED, CLAIMS, COLUMNS, MADE, TABLES
from tests.integration.coverage.noting import Notes


def rule(name: str) -> DriftRule:
    return DriftRule.objects.create(position=1, name=name, pattern="ntp", drift_class="cosmetic")


def said(found: DriftRule, **parts: object) -> None:
    record(
        actor=TESTER, action="drift_rule.changed", object_type="drift_rule", object_id=found.pk, **parts  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_is_written_without_an_event_of_its_transaction_is_missed(notes: Notes) -> None:
    found = rule("first")
    assert notes.untold() == ["INSERT devices_driftrule"]
    with transaction.atomic():
        said(found)
    assert notes.untold() == ["INSERT devices_driftrule"], "an event that comes later is none of the same transaction"
    notes.forget()
    with transaction.atomic():
        said(rule("second"))
    assert notes.untold() == []


def test_an_event_that_says_nothing_of_a_changed_value_is_missed(notes: Notes) -> None:
    found = rule("first")
    notes.forget()
    for parts, missed in (({}, ["UPDATE devices_driftrule of pattern"]), ({"after": {"pattern": "x"}}, [])):
        with transaction.atomic():
            DriftRule.objects.filter(pk=found.pk).update(pattern=f"pattern {len(parts)}")
            said(found, **parts)
        assert notes.unsaid() == missed
        notes.forget()


def test_a_write_that_changes_nothing_is_none(notes: Notes) -> None:
    found = rule("first")
    notes.forget()
    DriftRule.objects.filter(pk=found.pk).update(pattern=found.pattern)
    assert notes.written() == []


def test_what_is_excused_exists_and_each_has_its_reason(notes: Notes) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
        columns = set(cursor.fetchall())
    tables = {table for table, _column in columns}
    assert {*TABLES, *MADE, *COLUMNS} <= tables
    assert not {*TABLES} & {*MADE, *COLUMNS}, "excused once is enough"
    assert {(table, column) for table, (names, _why) in COLUMNS.items() for column in names} <= columns
    assert {column for table, column in columns if table in CLAIMED} >= CLAIMS
    assert {table for table, column in columns if column in CLAIMS} >= CLAIMED
    assert not CLAIMED & {*TABLES}
    reasons = [*TABLES.values(), *MADE.values(), *(why for _names, why in COLUMNS.values())]
    assert all(reason.endswith(".") for reason in reasons)
    assert notes.written() == []


def test_an_event_that_says_another_value_than_the_row_has_lies(notes: Notes) -> None:
    found = rule("first")
    for was, became, told, lies in (
        ("ntp", "one", {"before": {"pattern": "ntp"}, "after": {"pattern": "one"}}, []),
        ("one", "two", {"before": {"pattern": "ntp"}, "after": {"pattern": "two"}}, ["before pattern='ntp', but"]),
        ("two", "three", {"before": {"pattern": "two"}, "after": {"pattern": "3"}}, ["after pattern='3', but"]),
        ("three", "four", {"after": {"name": "another"}}, []),
    ):
        notes.forget()
        with transaction.atomic():
            assert DriftRule.objects.filter(pk=found.pk, pattern=was).update(pattern=became)
            said(found, **told)
        assert [lie.partition(" says ")[2][: len(part)] for part, lie in zip(lies, notes.lies(), strict=True)] == lies
