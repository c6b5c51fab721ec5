"""Orders that meet real workers: lines on their way, claims at the same moment, a kill switch before a first write."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection

from audit.models import Event
from changes.domain.run_states import DeviceRunState
from changes.domain.states import IllegalTransitionError
from changes.models import DeviceRun, Run
from changes.services.execution import claimable_device_runs, run_devices
from changes.services.journal import Journal, OrderedStopError
from changes.services.kill_switch import kill_switch_engage, kill_switch_release
from changes.services.run_orders import run_abort, run_pause, run_resume
from devices.services.claims import claim_next
from tests import factories
from tests.factories import Cast, actor
from tests.integration.changes.conftest import Office, ends, story
from tests.integration.changes.test_races import at_once
from tests.integration.changes.test_recovery import CONTENT, LINES, ONE, wait_until

pytestmark = [pytest.mark.lab]


@contextmanager
def runner(run: Run) -> Iterator[None]:
    """A runner at work in a thread of its own; it has ended when the block has."""

    def work() -> None:
        try:
            run_devices(run.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        yield
        future.result(timeout=30)


def test_an_abort_between_two_lines_sends_no_further_one_and_takes_the_others_back(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    before = device.running_config()
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.1
    with runner(run):
        wait_until(lambda: sum(line in device.config_lines() for line in LINES) >= 3)
        run_abort(change_id=run.change_id, actor=office.people["olivia"], comment="Stop.", in_flight="back_out")
        sent_at_abort = DeviceRun.objects.get(run=run).lines_sent
        device.faults.latency_s = 0
    office.worked_on(run)

    sent = [line for line in device.config_lines() if line in LINES]
    assert sent == LINES[: len(sent)]
    assert len(sent) <= sent_at_abort < len(LINES), "the device's own log shows a line that left after the abort"
    assert ends(run) == {"fra-acc-01": ("rolled_back", "RUN_ABORTED")}, story(run)
    assert device.running_config() == before
    steps = list(DeviceRun.objects.get(run=run).steps.values_list("name", "outcome", "code"))
    assert ("applying", "failed", "RUN_ABORTED") in steps
    assert steps[-1] == ("backing_out", "ok", "")


def test_a_kill_switch_between_claim_and_first_write_holds_the_device_unwritten(office: Office) -> None:
    device = office.lab.device("fra-acc-01")
    run = office.started(office.approved(content=CONTENT, targets=ONE))
    device.faults.latency_s = 0.1
    with runner(run):
        wait_until(lambda: DeviceRun.objects.filter(run=run, state=DeviceRunState.CHECKING).exists())
        kill_switch_engage(actor=office.people["olivia"], reason="Devices reload.")
        device.faults.latency_s = 0
    row = DeviceRun.objects.get(run=run)
    assert (row.state, row.code, row.owner) == ("pending", "KILL_SWITCH_ENGAGED", None)
    assert not set(LINES) & set(device.config_lines())
    assert not row.steps.filter(name=DeviceRunState.APPLYING).exists()

    kill_switch_release(actor=office.people["maria"], reason="It was the power.")
    run.refresh_from_db()
    assert run.state == "paused"
    run_resume(change_id=run.change_id, actor=office.people["olivia"])
    office.worked_on(run)
    assert ends(run) == {"fra-acc-01": ("succeeded", "")}


def test_the_first_device_that_fails_stops_the_run_before_another_one_is_begun(office: Office) -> None:
    first = office.lab.device("fra-acc-01")
    first.faults.reject = "^logging"
    run = office.started(office.approved(content=CONTENT, strategy={"max_parallel": 1}))
    run_devices(run.pk)  # one runner, and no dispatcher
    run.refresh_from_db()
    assert (run.state, run.code) == ("paused", "ABORT_THRESHOLD_HIT")
    assert [state for state, _code in ends(run).values()] == ["rolled_back", "pending", "pending"], story(run)
    for name in ("fra-acc-02", "fra-acc-03"):
        assert not set(LINES) & set(office.lab.device(name).config_lines())


@pytest.fixture
def waiting(transactional_db: None) -> Run:
    """A run of three devices that no worker has looked at; its devices are rows only."""
    return factories.started(Cast.create(), factories.DeviceFactory.create_batch(3))


def test_of_a_pause_and_an_abort_at_once_the_run_ends_aborted(waiting: Run) -> None:
    who = actor(waiting.started_by)
    paused, aborted = at_once(
        lambda: run_pause(change_id=waiting.change_id, actor=who),
        lambda: run_abort(change_id=waiting.change_id, actor=who, comment="Stop."),
    )
    waiting.refresh_from_db()
    assert isinstance(aborted, Run)
    assert (waiting.state, waiting.outcome) == ("ended", "aborted")
    assert set(waiting.device_runs.values_list("state", flat=True)) == {"skipped"}
    events = Event.objects.filter(change_id=waiting.change_id)
    refused = events.filter(action="change.pause_refused").count()
    assert refused == isinstance(paused, IllegalTransitionError)
    assert events.filter(action="run.paused").count() == 1 - refused


def test_a_pause_while_a_worker_claims_begins_no_device_after_it(waiting: Run) -> None:
    def claims() -> list[Journal]:
        owner, mine = uuid.uuid4(), []
        while claim := claim_next(claimable_device_runs(waiting.pk), owner=owner):
            mine.append(Journal(claim))
        return mine

    claimed, paused = at_once(claims, lambda: run_pause(change_id=waiting.change_id, actor=actor(waiting.started_by)))

    assert isinstance(claimed, list)
    assert isinstance(paused, Run)
    assert claim_next(claimable_device_runs(waiting.pk), owner=uuid.uuid4()) is None
    for journal in claimed:
        with pytest.raises(OrderedStopError), journal.step(DeviceRunState.CONNECTING):
            pytest.fail("a device was begun after the pause")
    assert set(waiting.device_runs.values_list("state", flat=True)) == {"pending"}
