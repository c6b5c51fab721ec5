"""The whole way through a real worker: watchdog, qcluster and dispatcher as processes, SSH devices, the queue."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from changes.models import DeviceRun, PlanRevision, RunStep
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.planning import plan_request
from changes.services.requests import change_submit
from tests.integration.changes.conftest import Office, ends, problems, story
from tests.integration.supervision.conftest import Worker

pytestmark = [pytest.mark.lab, pytest.mark.workers]

LINES = [f"logging host 10.9.0.{number}" for number in range(1, 13)]
CONTENT = "\n".join(LINES) + "\n"


@pytest.fixture
def worker(office: Office, process_environment: dict[str, str], tmp_path: Path) -> Iterator[Worker]:
    del office
    environment = {**process_environment, "DEVICE_CREDENTIALS": settings.DEVICE_CREDENTIALS}
    running = Worker(environment, tmp_path / "worker.log", drain_s=5)
    running.cluster()
    yield running
    running.stop(seconds=60)


def wait_until(condition: Callable[[], bool], what: Callable[[], str], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)


def planned_by_workers(office: Office, **draft: object) -> PlanRevision:
    change = office.draft(**draft)  # type: ignore[arg-type]
    revision = plan_request(change_id=change.pk, actor=office.people["olivia"])

    def is_done() -> bool:
        revision.refresh_from_db()
        return revision.state != "building"

    wait_until(is_done, lambda: "the plan was not finished")
    assert revision.state == "ready", problems(revision)
    return revision


def approve(office: Office, revision: PlanRevision) -> None:
    change_submit(change_id=revision.change_id, requester=office.people["olivia"])
    for name, decide in (("pete", change_assess), ("ana", change_approve)):
        plan_open(revision=revision, actor=office.people[name])
        decide(change_id=revision.change_id, approver=office.people[name], plan_digest=revision.digest)


def test_the_queue_the_workers_and_the_dispatcher_bring_a_change_to_review(office: Office, worker: Worker) -> None:
    del worker
    revision = planned_by_workers(office)
    approve(office, revision)
    run = office.started(revision.change)

    def is_ended() -> bool:
        run.refresh_from_db()
        return run.state == "ended"

    wait_until(is_ended, lambda: story(run))
    assert {state for state, _code in ends(run).values()} == {"succeeded"}, story(run)
    revision.change.refresh_from_db()
    assert revision.change.state == "review"


def test_kill_9_of_all_worker_processes_between_two_lines(office: Office, worker: Worker) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    revision = planned_by_workers(office, content=CONTENT, targets={"filter": {"name": "fra-acc-01"}})
    approve(office, revision)
    device.faults.latency_s = 0.2
    run = office.started(revision.change)
    wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 4, lambda: story(run))

    for pid in worker.family():
        os.kill(pid, signal.SIGKILL)
    device.faults.latency_s = 0

    def is_ended() -> bool:
        run.refresh_from_db()
        return run.state == "ended"

    wait_until(is_ended, lambda: story(run), within_s=90)
    assert ends(run) == {"fra-acc-01": ("rolled_back", "LEASE_LOST")}, story(run)
    assert device.running_config() == before
    assert all(device.config_lines().count(line) <= 1 for line in LINES)
    assert DeviceRun.objects.get(run=run).owner is None
    assert RunStep.objects.filter(device_run__run=run, name="applying", outcome="lost").exists()
