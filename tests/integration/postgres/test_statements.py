"""Statements that are planned once behave like those of Django's cursors."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from devices.services.statements import prepared

pytestmark = pytest.mark.django_db

QUESTION = "SELECT %s::int + 1, %s::text"


def test_the_server_plans_a_statement_once_and_keeps_the_plan() -> None:
    assert [prepared(QUESTION, [number, "x"]) for number in range(4)] == [[(number + 1, "x")] for number in range(4)]
    kept = prepared(
        "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE %s", ["%+ 1%"]
    )
    assert kept
    assert kept[0][0] >= 1


def test_what_gives_no_rows_gives_an_empty_list() -> None:
    assert prepared("UPDATE devices_device SET site = site WHERE id = %s", [0]) == []


def test_errors_and_counted_queries_are_those_of_django() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        prepared("INSERT INTO devices_hostkey (device_id) VALUES (%s)", [1])
    with CaptureQueriesContext(connection) as seen:
        prepared(QUESTION, [1, "x"])
    assert [query["sql"] for query in seen.captured_queries] == ["SELECT 1::int + 1, 'x'::text"]
