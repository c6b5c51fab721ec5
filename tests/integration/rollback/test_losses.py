"""Rollbacks whose workers are lost: nobody is forgotten, nobody is given up for another one's sake, no end is false."""

from __future__ import annotations

import uuid

import pytest
from django.conf import settings
from django.utils import timezone

from audit.actor import Actor
from changes.domain.run_states import DeviceRunState
from changes.models import DeviceRun, RecomputedBackout, Run
from changes.services.device_events import audit_device_run
from changes.services.dispatch import dispatch_once
from changes.services.journal import Journal
from changes.services.losses import MAX_LOSSES
from changes.services.rollback_scope import texts_of, with_texts
from changes.services.rollback_ways import FROM, WANTED, way_for
from devices.domain.config_text import normalise
from devices.domain.platforms import platform_for
from devices.models import ConfigBlob, SnapshotPurpose
from devices.services.claims import Claim, claim_next
from devices.services.snapshots import snapshot_store
from tests import factories
from tests.integration.rollback.test_orders import device, ended, executed, ordered, rolled_back, state_of

LONG_AGO = "2020-01-01T00:00:00Z"
THEIRS = "interface GigabitEthernet1/0/2\n description theirs\n"


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


@pytest.fixture
def run(cast: factories.Cast) -> Run:
    run = executed(cast, 1)
    ordered(cast, run)
    return run


def claimed(run: Run) -> Claim:
    DeviceRun.objects.filter(run=run).update(not_before=None)
    claim = claim_next(DeviceRun.objects.filter(run=run), owner=uuid.uuid4())
    assert claim is not None
    return claim


def lose(run: Run) -> DeviceRun:
    """The worker vanishes, and the dispatcher notices."""
    DeviceRun.objects.filter(run=run).update(lease_until=LONG_AGO)
    dispatch_once()
    return DeviceRun.objects.get(run=run)


def test_a_worker_lost_after_the_last_device_had_ended_leaves_no_run_that_never_ends(run: Run) -> None:
    rolled_back(run.device_runs.get())
    dispatch_once()
    run.refresh_from_db()
    run.change.refresh_from_db()
    assert (run.state, run.outcome, run.change.state) == ("ended", "rolled_back", "review")


@pytest.mark.parametrize(("began", "end"), [(False, "rollback_failed"), (True, "unknown")])
def test_a_rollback_that_loses_worker_after_worker_is_unknown_only_if_something_was_sent(
    cast: factories.Cast, run: Run, began: bool, end: str
) -> None:
    for _ in range(MAX_LOSSES):
        journal = Journal(claimed(run))
        with journal.step(DeviceRunState.RECONCILING):
            pass
        if began:
            with journal.step(DeviceRunState.BACKING_OUT) as notes:
                notes.data.update({FROM: "a", WANTED: "b"})
                journal.intend(notes)
        row = lose(run)
    assert (row.state, row.code, row.losses) == (end, "LEASE_LOST", MAX_LOSSES)
    run.refresh_from_db()
    assert run.state == "ended", "the dispatcher ends it too"
    if not began:
        assert "Nothing was sent" in row.detail
        ordered(cast, run)
        assert state_of(run) == ["rollback_pending"]


def test_from_the_second_loss_on_a_device_waits_apart_from_its_neighbours(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest: list[float] = []

    def chance(_least: float, most: float) -> float:
        longest.append(most / settings.COUNTERSIGN_LEASE_S)
        return most

    monkeypatch.setattr("changes.services.losses.random.uniform", chance)
    waits = []
    for _ in range(MAX_LOSSES - 1):
        claimed(run)
        waits.append(lose(run).not_before is not None)
    assert waits == [False, True, True, True]
    assert longest == [0.5, 1, 2]


def test_only_an_attempt_that_came_to_its_end_ends_a_row_of_losses(run: Run) -> None:
    claimed(run)
    assert lose(run).losses == 1
    journal = Journal(claimed(run))
    journal.hand_back(DeviceRunState.ROLLBACK_PENDING, wait_s=0, code="DEVICE_BUSY", tried=False)
    assert DeviceRun.objects.get(run=run).losses == 1, "the device was busy, nothing was tried"
    Journal(claimed(run)).hand_back(DeviceRunState.ROLLBACK_PENDING, wait_s=0, code="TIMEOUT")
    assert DeviceRun.objects.get(run=run).losses == 0


def test_what_is_about_to_be_sent_is_on_record_before_and_outlives_the_worker(run: Run) -> None:
    journal = Journal(claimed(run))
    with journal.step(DeviceRunState.RECONCILING):
        pass
    step = journal.step(DeviceRunState.BACKING_OUT)
    notes = step.__enter__()
    notes.data.update({FROM: "a", WANTED: "b", "timer_s": 120})
    journal.intend(notes)
    journal.before_backout_line(sent=1, applied=0, begins=True)
    row = lose(run)
    assert (row.backout_sent, row.backout_applied) == (1, 0)
    lost = row.steps.get(name="backing_out")
    assert (lost.outcome, lost.data["timer_s"]) == ("lost", 120)


def test_the_rest_of_an_interrupted_rollback_beside_others_work_is_ours_and_no_conflict(run: Run) -> None:
    """Others had changed another place. The worker died after the first of several lines of ours was taken back."""
    row = run.device_runs.get()
    name = row.device.name
    wanted = normalise(factories.BASELINE.format(name=name) + THEIRS, platform_for(row.device.platform))
    ours = "ntp server 192.0.2.9\nntp server 192.0.2.123\nntp server 192.0.2.124\n"
    begun = wanted.replace("ntp server 192.0.2.9\n", ours)
    actual = begun.replace("ntp server 192.0.2.124\n", "")
    journal = Journal(claimed(run))
    with journal.step(DeviceRunState.RECONCILING):
        pass
    with journal.step(DeviceRunState.BACKING_OUT) as notes:
        notes.data.update({FROM: ConfigBlob.store(begun).sha256, WANTED: ConfigBlob.store(wanted).sha256})
        journal.intend(notes)
    way = way_for(row, actual)
    assert (way.source, way.commands, way.wanted) == ("rest", ("no ntp server 192.0.2.123",), wanted)
    assert way_for(row, wanted).source == "nothing"


def test_what_others_did_during_a_change_that_failed_is_never_taken_for_the_change(cast: factories.Cast) -> None:
    """The backout had stopped, since it would have undone their work; an ordered rollback must not do it instead."""
    run = executed(cast, 1)
    row = run.device_runs.get()
    target = factories.TARGET.format(name=row.device.name)
    mixed = snapshot_store(device=row.device, text=target + THEIRS, purpose=SnapshotPurpose.AFTER)
    DeviceRun.objects.filter(run=run).update(state="rollback_failed", code="ROLLBACK_CONFLICT", after=mixed)
    audit_device_run(row, actor=Actor.system("worker"), state_from=row.state, state_to="rollback_failed")
    for _ in ("before it is ordered", "after it was ordered"):
        row = with_texts(DeviceRun.objects.filter(run=run)).get()
        assert "theirs" not in texts_of(row)[1]
        way = way_for(row, target + THEIRS)
        assert (way.commands, "theirs" in way.wanted) == (factories.BACKOUT, True)
        if row.state == "rollback_failed":
            ordered(cast, run)


def test_a_confirmation_is_good_for_the_order_that_it_came_with(cast: factories.Cast, run: Run) -> None:
    row = run.device_runs.select_related("after").get()
    ended(row, DeviceRunState.ROLLBACK_FAILED, code="ROLLBACK_UNCONFIRMED")
    assert row.after
    RecomputedBackout.objects.create(
        device_run=row, digest="a" * 64, actual=row.after, line_count=1, confirmed_by=cast.implementer,
        confirmed_at=timezone.now(),
    )  # fmt: skip
    ordered(cast, run, device(run))
    assert RecomputedBackout.objects.get().confirmed_at is None, "nobody confirmed it this time"
