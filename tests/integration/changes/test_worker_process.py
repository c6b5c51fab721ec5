"""The whole way through a real worker: watchdog, qcluster and dispatcher as processes, SSH devices, the queue."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from changes.models import DeviceRun, PlanRevision, Run, RunStep
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.planning import plan_request
from changes.services.requests import change_submit
from changes.services.run_orders import run_abort, run_pause, run_resume
from changes.services.windows import database_now
from tests.integration.changes.conftest import Office, ends, problems, story
from tests.integration.supervision.conftest import Worker

pytestmark = [pytest.mark.lab, pytest.mark.workers]

LINES = [f"logging host 10.9.0.{number}" for number in range(1, 13)]
CONTENT = "\n".join(LINES) + "\n"
TWO_SECONDS = timedelta(seconds=2)


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


def began_after(run: Run, moment: datetime) -> list[tuple[str, str]]:
    """The steps that were entered later than that on devices which had not been begun before it, by the journal."""
    begun = run.device_runs.filter(steps__intent_at__lt=moment).values("pk")
    steps = RunStep.objects.filter(device_run__run=run, intent_at__gte=moment).exclude(device_run__in=begun)
    return list(steps.values_list("device_run__device__name", "name"))


def test_each_order_takes_effect_within_two_seconds(office: Office, worker: Worker) -> None:
    del worker
    devices = [office.lab.device(f"fra-acc-0{number}") for number in (1, 2, 3)]
    revision = planned_by_workers(office, content=CONTENT, strategy={"max_parallel": 1})
    approve(office, revision)
    for device in devices:
        device.faults.latency_s = 0.1
    run, olivia = office.started(revision.change), office.people["olivia"]
    order: dict[str, Any] = {"change_id": run.change_id, "actor": olivia}

    def applies(number: int) -> Callable[[], bool]:
        return lambda: any(line in devices[number].config_lines() for line in LINES)

    wait_until(applies(0), lambda: story(run))
    run_pause(**order)
    paused = database_now()
    wait_until(lambda: ends(run)["fra-acc-01"][0] == "succeeded", lambda: story(run))
    wait_until(lambda: database_now() > paused + TWO_SECONDS, lambda: "")
    assert began_after(run, paused) == [], "nothing is begun after a pause"

    run_resume(**order)
    resumed = database_now()
    wait_until(applies(1), lambda: story(run))
    [connected] = RunStep.objects.filter(device_run__device__name="fra-acc-02", name="connecting")
    assert connected.intent_at - resumed < TWO_SECONDS

    run_abort(**order, comment="Stop.", in_flight="back_out")
    aborted = database_now()
    assert ends(run)["fra-acc-03"] == ("skipped", "RUN_ABORTED"), "at once"
    wait_until(lambda: ends(run)["fra-acc-02"][0] == "rolled_back", lambda: story(run))
    [applying] = RunStep.objects.filter(device_run__device__name="fra-acc-02", name="applying")
    assert applying.ended_at
    assert applying.ended_at - aborted < TWO_SECONDS
    received = [datetime.fromisoformat(entry["at"]) for entry in devices[1].log() if entry.get("line") in LINES]
    assert received
    assert max(received) - aborted < TWO_SECONDS, "the device's own log"


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
