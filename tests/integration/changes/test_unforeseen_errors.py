"""What nobody foresaw: a defect, a damaged row, a database that goes away. No row is held or tried for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import Error, connection, transaction
from django.db.models.functions import Now
from django_q.models import OrmQ

from audit.actor import Actor
from audit.recorder import record
from changes.domain.run_states import DeviceRunState
from changes.models import ChangeRequest, DevicePlan, DeviceRun, Run
from changes.services.dispatch import dispatch_once
from changes.services.execution import run_devices
from changes.services.planning import plan_devices, plan_request
from devices.models import Device
from tests.database import as_owner, as_superuser
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.changes.test_recovery import wait_until

pytestmark = pytest.mark.lab

ONE = {"filter": {"name": "fra-acc-01"}}


def carried_on(run: Run, *, rounds: int = 30) -> Run:
    """Dispatcher and workers, taking turns, until the run has ended; a bounded number of times."""
    for _ in range(rounds):
        dispatch_once()
        run_devices(run.pk)
        run.refresh_from_db()
        if run.state == "ended":
            return run
        # A device whose worker was lost waits for longer each time.
        DeviceRun.objects.filter(run=run).update(not_before=None)
    pytest.fail(f"the run never ended:\n{story(run)}")


def damage_stored_configurations() -> None:
    """As a disk might: what is stored cannot be decompressed any more."""
    with connection.cursor() as cursor:
        cursor.execute(r"UPDATE devices_configblob SET compressed = '\x00'")


@contextmanager
def rule(table: str, condition: str) -> Iterator[None]:
    """A constraint that the product does not expect."""
    with as_owner() as cursor:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT unforeseen CHECK ({condition}) NOT VALID")
    try:
        yield
    finally:
        with as_owner() as cursor:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT unforeseen")


def test_an_error_before_the_first_line_ends_the_device_after_a_few_attempts(office: Office) -> None:
    change = office.approved()
    run = office.started(change)
    damage_stored_configurations()

    carried_on(run)

    assert set(ends(run).values()) == {("failed", "WORKER_FAILED")}, story(run)
    assert all(device.config_lines() == [] for device in office.lab.devices)
    assert "log" in DeviceRun.objects.filter(run=run)[0].detail


def test_an_error_after_the_last_line_leaves_the_device_to_people_and_the_others_go_on(office: Office) -> None:
    change = office.approved(targets=ONE)
    other = office.approved(targets={"filter": {"name": "fra-acc-02"}})

    with rule("devices_configsnapshot", "purpose NOT IN ('after', 'recovery') OR device_id <> "
              f"{Device.objects.get(name='fra-acc-01').pk}"):  # fmt: skip
        run = carried_on(office.started(change))
        succeeding = carried_on(office.started(other))

    assert ends(run) == {"fra-acc-01": ("unknown", "WORKER_FAILED")}, story(run)
    assert run.outcome == "unknown"
    assert ends(succeeding) == {"fra-acc-02": ("succeeded", "")}
    assert office.lab.device("fra-acc-01").config_lines().count("ntp server 10.0.0.123") == 1


def test_an_unforeseen_error_in_planning_fails_that_device_and_the_plan_is_finished(office: Office) -> None:
    revision = plan_request(change_id=office.draft().pk, actor=office.people["olivia"])

    with rule("devices_configsnapshot", f"device_id <> {Device.objects.get(name='fra-acc-01').pk}"):
        for _ in range(20):
            plan_devices(revision.pk)
            dispatch_once()
            revision.refresh_from_db()
            if revision.state != "building":
                break

    assert revision.state == "failed"
    found = dict(DevicePlan.objects.filter(revision=revision).values_list("device__name", "code"))
    assert found == {"fra-acc-01": "WORKER_FAILED", "fra-acc-02": "", "fra-acc-03": ""}


def cut_database_connections() -> None:
    """As a restart of PostgreSQL does: every other session ends, with its advisory locks."""
    with as_superuser() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


def test_a_database_that_restarts_between_two_lines_costs_no_line_and_no_minute(office: Office) -> None:
    lines = [f"logging host 10.9.0.{number}" for number in range(1, 9)]
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    slow = office.lab.device("fra-acc-02")
    run = office.started(
        office.approved(content="\n".join(lines) + "\n", targets={"filter": {"name": ["fra-acc-01", "fra-acc-02"]}})
    )
    device.faults.latency_s = slow.faults.latency_s = 0.1
    runner = threading.Thread(target=_run_devices_quietly, args=(run.pk,))
    runner.start()
    wait_until(lambda: sum(line in device.config_lines() for line in lines) >= 2)

    cut_database_connections()
    runner.join(timeout=30)
    device.faults.latency_s = slow.faults.latency_s = 0

    assert not runner.is_alive()
    held = DeviceRun.objects.filter(run=run, device__name="fra-acc-01", owner__isnull=False, lease_until__gt=Now())
    assert not held.exists(), "a row whose thread has failed is not held on to"
    carried_on(run)
    assert ends(run)["fra-acc-01"] == ("rolled_back", "LEASE_LOST"), story(run)
    assert device.running_config() == before
    assert all(device.config_lines().count(line) <= 1 for line in lines)


def _run_devices_quietly(run_id: int) -> None:
    try:
        run_devices(run_id)
    except Error:
        return  # what the queue sees; the dispatcher rings again
    finally:
        connection.close()


def test_a_database_that_hangs_does_not_keep_a_session_open_past_its_lease(office: Office, settings: object) -> None:
    settings.COUNTERSIGN_LEASE_S = 2  # type: ignore[attr-defined]
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(targets=ONE, content="logging host 10.9.0.1\nlogging host 10.9.0.2\n"))
    device.faults.latency_s = 0.2
    runner = threading.Thread(target=_run_devices_quietly, args=(run.pk,))
    runner.start()
    wait_until(lambda: "logging host 10.9.0.1" in device.config_lines())

    def closed() -> int:
        return sum(entry.get("event") == "close" for entry in device.log())

    before = closed()
    with transaction.atomic():
        list(DeviceRun.objects.select_for_update().filter(run=run))
        wait_until(lambda: closed() > before, within_s=4)
    runner.join(timeout=30)
    device.faults.latency_s = 0

    carried_on(run)
    assert ends(run)["fra-acc-01"][0] in {"rolled_back", "succeeded"}, story(run)


def test_one_run_that_cannot_be_ended_does_not_stop_the_others(office: Office) -> None:
    stuck = office.started(office.approved(targets=ONE))
    change = stuck.change
    # A repair by hand that was recorded but makes no sense: the run can never be finished from here.
    with transaction.atomic():
        ChangeRequest.objects.filter(pk=change.pk).update(state="draft")
        record(
            actor=Actor.system("hand"), action="change.repaired", object_type="change", object_id=change.pk,
            state_from="implementing", state_to="draft",
        )  # fmt: skip
    for row in DeviceRun.objects.filter(run=stuck):
        with transaction.atomic():
            DeviceRun.objects.filter(pk=row.pk).update(state=DeviceRunState.SKIPPED)
            record(
                actor=Actor.system("hand"), action="device_run.ended", object_type="device_run", object_id=row.pk,
                state_from="pending", state_to="skipped",
            )  # fmt: skip
    run = office.started(office.approved(targets={"filter": {"name": "fra-acc-02"}}))
    Run.objects.filter(pk=run.pk).update(rung_at=None)
    OrmQ.objects.all().delete()

    report = dispatch_once()

    assert report.rung == 1


def test_a_device_run_that_nobody_holds_in_the_middle_of_a_step_is_taken_up_again(office: Office) -> None:
    run = office.started(office.approved(targets=ONE))
    row = DeviceRun.objects.get(run=run)
    with transaction.atomic():
        DeviceRun.objects.filter(pk=row.pk).update(state=DeviceRunState.CHECKING, owner=None, lease_until=None)
        record(
            actor=Actor.system("hand"), action="device_run.step_entered", object_type="device_run", object_id=row.pk,
            state_from="pending", state_to="checking",
        )  # fmt: skip

    carried_on(run)

    assert ends(run) == {"fra-acc-01": ("succeeded", "")}, story(run)
