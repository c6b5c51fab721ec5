"""Many devices wait and a few threads work: what waits stays in the tables, and is pulled when a thread is free."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections, transaction
from django_q.models import OrmQ

from audit.actor import Actor
from changes.models import DevicePlan, DeviceRun, Run
from changes.services import execution
from changes.services.dispatch import dispatch_once
from changes.services.execution import claimable_device_runs, run_devices
from changes.services.queueing import MOST_RINGS
from changes.services.run_control import audit_run
from devices.models import Device
from devices.services.claims import Claim, claimable
from tests.database import analyze
from tests.factories import Cast, DeviceFactory, started
from tests.integration.supervision.conftest import wait_for
from tests.large_runs import plans_beside
from tests.sealing import seal_what_waits

COUNT = 1_000
THREADS = 4


@pytest.fixture
def run(transactional_db: None) -> Run:
    """A run over so many devices that no worker has looked at: one made by the services, and copies of its rows."""
    run = started(Cast.create(), [DeviceFactory.create(name="dev-00000")], strategy={"max_parallel": 100})
    first = DeviceRun.objects.select_related("device", "device_plan").get(run=run)
    devices = Device.objects.bulk_create(
        Device(
            source="lab", source_key=f"dev-{number:05}", name=f"dev-{number:05}", platform="cisco_ios",
            address="192.0.2.1", port=22, hostname=f"dev-{number:05}", serial=f"S{number}",
            synced_at=first.device.synced_at,
        )
        for number in range(1, COUNT)
    )  # fmt: skip
    plan = first.device_plan
    plans = plans_beside(
        DevicePlan(revision_id=run.revision_id, device=device, position=position, state="ready", payload=plan.payload)
        for position, device in enumerate(devices, start=1)
    )
    with transaction.atomic():
        DeviceRun.objects.bulk_create(
            DeviceRun(run=run, wave_id=first.wave_id, device_id=each.device_id, device_plan=each) for each in plans
        )
        audit_run(run, "run.filled", actor=Actor.system("test"))
    seal_what_waits()
    return run


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Claim]]:
    """Device runs that were begun; none of them comes to an end before the test has looked."""
    begun: list[Claim] = []
    go = threading.Event()

    def execute(claim: Claim, **_: Any) -> None:  # noqa: ANN401 - whatever the runner gives
        begun.append(claim)
        go.wait(20)

    monkeypatch.setattr(execution, "execute", execute)
    monkeypatch.setattr(django_settings, "COUNTERSIGN_THREADS", THREADS)
    # Nothing more is claimed after the test has looked.
    monkeypatch.setattr(django_settings, "COUNTERSIGN_RUNNER_DEADLINE_S", 1.0)

    def work(run_id: int) -> None:
        try:
            run_devices(run_id)
        finally:
            connections.close_all()

    runner = threading.Thread(target=lambda: work(Run.objects.get().pk))
    runner.start()
    yield begun
    go.set()
    runner.join(20)
    assert not runner.is_alive()


def test_a_runner_claims_as_many_as_it_has_threads_and_the_queue_does_not_grow(run: Run, stuck: list[Claim]) -> None:
    wait_for(lambda: len(stuck) == THREADS, "busy threads")
    for _ in range(5):
        # Workers are busy for so long that the dispatcher rings again and again.
        Run.objects.filter(pk=run.pk).update(rung_at="2000-01-01T00:00:00Z")
        dispatch_once()
    assert len(stuck) == THREADS
    assert DeviceRun.objects.filter(owner__isnull=False).count() == THREADS
    assert DeviceRun.objects.filter(owner=None, fence=0, attempts=0).count() == COUNT - THREADS
    assert OrmQ.objects.count() <= MOST_RINGS, "tasks ring for a run, not for each device"


def test_as_many_workers_are_called_at_once_as_there_is_work_for(run: Run) -> None:
    OrmQ.objects.all().delete()
    threads, parallel = django_settings.COUNTERSIGN_THREADS, 100
    Run.objects.filter(pk=run.pk).update(rung_at=None, max_parallel=parallel)
    dispatch_once()
    assert OrmQ.objects.count() == -(-parallel // threads)
    dispatch_once()
    assert OrmQ.objects.count() == -(-parallel // threads), "no more are called while some have not come"


def test_the_next_device_is_found_without_looking_at_all_that_wait(run: Run) -> None:
    analyze("changes_devicerun", "changes_wave", "changes_run")
    waiting = claimable(claimable_device_runs(run.pk)).select_for_update(skip_locked=True, of=("self",))
    with transaction.atomic():
        assert waiting[:THREADS].count() == THREADS
        (plan,) = json.loads(waiting[:THREADS].explain(analyze=True, format="json"))
    assert most_rows(plan["Plan"]) < COUNT // 10, json.dumps(plan, indent=1)


def most_rows(node: dict[str, Any]) -> float:
    """The most rows that one step of an executed plan looked at."""
    removed = sum(float(value) for name, value in node.items() if name.startswith("Rows Removed"))
    looked_at = (float(node["Actual Rows"]) + removed) * float(node["Actual Loops"])
    return max([looked_at, *(most_rows(child) for child in node.get("Plans", []))])
