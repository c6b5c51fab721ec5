"""SIGTERM to a real worker in the middle of its work: it finishes what it has written to and hands back the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from changes.models import DeviceRun, RunStep
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.supervision.conftest import Worker, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.workers]

LINES = [f"logging host 10.9.0.{number}" for number in range(1, 9)]
Start = Callable[[], Worker]
DRAIN_S = 40


@pytest.fixture
def start(office: Office, process_environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start a worker with two threads in one process; those that are left are ended."""
    environment = {
        **process_environment,
        "DEVICE_CREDENTIALS": settings.DEVICE_CREDENTIALS,
        "COUNTERSIGN_WORKERS": "1",
        "COUNTERSIGN_THREADS": "2",
    }
    running: list[Worker] = []

    def begin() -> Worker:
        running.append(Worker(environment, tmp_path / f"worker-{len(running)}.log", drain_s=DRAIN_S))
        return running[-1]

    yield begin
    for worker in running:
        if worker.process.poll() is None:
            worker.stop(seconds=60)


def test_a_worker_that_is_ended_finishes_what_it_writes_and_hands_back_the_rest(office: Office, start: Start) -> None:
    writes, reads, waits = (office.lab.device(f"fra-acc-0{number}") for number in (1, 2, 3))
    change = office.approved(content="\n".join(LINES) + "\n", strategy={"max_parallel": 2})
    writes.faults.latency_s, reads.faults.latency_s = 0.1, 1.0
    run = office.started(change)
    rows = {row.device.name: row.pk for row in DeviceRun.objects.filter(run=run).select_related("device")}

    def row(name: str) -> DeviceRun:
        return DeviceRun.objects.get(pk=rows[name])

    first = start()
    wait_for(lambda: row(writes.name).lines_sent >= 3, "the third line", seconds=60, log=first.log)
    assert row(reads.name).state in {"connecting", "checking"}, story(run)
    began = time.monotonic()
    assert first.stop(seconds=60) == 0, first.log.read_text()
    took_s = time.monotonic() - began

    assert took_s < DRAIN_S, "what was being written to was waited for, not the drain's limit"
    finished, handed_back, untouched = row(writes.name), row(reads.name), row(waits.name)
    assert finished.state == "succeeded", story(run)
    assert (handed_back.state, handed_back.code, handed_back.owner) == ("pending", "WORKER_STOPPING", None), story(run)
    assert (untouched.state, untouched.owner, untouched.fence) == ("pending", None, 0), story(run)
    assert not reads.config_lines()

    reads.faults.latency_s = 0
    second = start()
    wait_for(lambda: _ended(run.pk), "the end", seconds=60, log=second.log)
    assert set(ends(run).values()) == {("succeeded", "")}, story(run)
    for device in (writes, reads, waits):
        assert [line for line in device.config_lines() if line in LINES] == LINES, "each line once"
    assert not RunStep.objects.filter(device_run__run=run, outcome="lost").exists(), story(run)


def _ended(run_id: int) -> bool:
    return not DeviceRun.objects.filter(run_id=run_id, ended_at=None).exists()
