"""What a change over thousands of devices costs: queries, bytes read, tasks in the queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from changes.models import Run
from changes.selectors import changes_touching
from changes.services.dispatch import dispatch_once
from changes.services.execution import run_devices
from tests.factories import Cast, DeviceFactory, approved, carried_out, started
from tests.integration.changes.conftest import Office, ends, story


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    return Cast.create()


FOR_A_DEVICE = "/* for a device */ "


def is_reading_all_payloads(sql: str) -> bool:
    """Whether a statement fetches the payloads of a whole revision."""
    wanted, _, rest = sql.partition(" FROM ")
    return '"payload"' in wanted and rest.startswith('"changes_deviceplan" WHERE "changes_deviceplan"."revision_id"')


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every SQL statement of this process from now on, those of threads with new connections included.

    Statements of threads that work on devices begin with a comment that says so.
    """
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: ANN401 - Django's shape
        seen.append(f"{FOR_A_DEVICE}{sql}" if threading.current_thread().name == "device" else sql)
        return execute(sql, params, many, context)

    def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(watch)
    try:
        with connection.execute_wrapper(note):
            yield seen
    finally:
        connection_created.disconnect(watch)


@pytest.mark.lab
def test_a_runner_reads_the_whole_plan_once_however_many_devices_it_works_on(office: Office) -> None:
    run = office.started(office.approved())
    with statements() as seen:
        run_devices(run.pk)

    assert {state for state, _code in ends(run).values()} == {"succeeded"}, story(run)
    assert sum(map(is_reading_all_payloads, seen)) == 1
    lines = sum(len(row.device_plan.content.commands) for row in run.device_runs.select_related("device_plan"))
    assert len([sql for sql in seen if sql.startswith(FOR_A_DEVICE)]) <= 32 * run.device_count + lines


def waiting_tasks() -> list[dict[str, object]]:
    return [SignedPackage.loads(row.payload) for row in OrmQ.objects.order_by("pk")]


def test_a_long_run_does_not_fill_the_queue(cast: Cast) -> None:
    run = started(cast, DeviceFactory.create_batch(3))
    for _ in range(5):
        Run.objects.filter(pk=run.pk).update(rung_at="2000-01-01T00:00:00Z")
        dispatch_once()
    assert len(waiting_tasks()) <= 1


def test_the_queue_does_not_cut_a_device_that_takes_long(cast: Cast) -> None:
    started(cast, DeviceFactory.create_batch(1))
    [task] = waiting_tasks()
    longest_check_s = 300
    assert int(str(task["timeout"])) > settings.COUNTERSIGN_RUNNER_DEADLINE_S + 2 * longest_check_s


def test_the_changes_of_a_device_are_found_without_multiplying_rows(cast: Cast) -> None:
    devices = DeviceFactory.create_batch(3)
    run = carried_out(started(cast, devices))
    planned = approved(cast, devices[:1])
    with CaptureQueriesContext(connection) as captured:
        found = list(changes_touching(devices[0].pk))
    assert found == [planned, run.change]
    assert "DISTINCT" not in captured[0]["sql"], "no join that has to be undone"
    assert list(changes_touching(devices[2].pk)) == [run.change]
