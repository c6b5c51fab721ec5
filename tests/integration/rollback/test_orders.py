"""Ordering rollbacks on real rows: who may, what is refused, which devices wait, and in what order they begin."""

from __future__ import annotations

import uuid

import pytest

from audit.models import Event
from changes.domain.errors import InvalidInputError
from changes.domain.run_states import DeviceRunState
from changes.domain.states import IllegalTransitionError
from changes.errors import ConflictError, PolicyDeniedError
from changes.models import ChangeRequest, DeviceRun, RollbackOrder, Run
from changes.services.device_run import execute
from changes.services.dispatch import dispatch_once
from changes.services.execution import claimable_device_runs, run_advance
from changes.services.integrity import PlanSeal
from changes.services.journal import Journal, OrderedStopError
from changes.services.people import facts_of, lock_change
from changes.services.retrying import latest_device_runs, run_retry
from changes.services.review import change_close
from changes.services.rollback import Wish, change_rollback
from changes.services.rollback_preview import rollback_preview
from changes.services.run_control import skip_waiting
from devices.models import Device, JournalNote
from devices.services.claims import claim_next
from tests import factories


@pytest.fixture
def cast(db: None) -> factories.Cast:
    return factories.Cast.create()


def executed(cast: factories.Cast, devices: int = 2, **fields: object) -> Run:
    return factories.carried_out(factories.started(cast, factories.DeviceFactory.create_batch(devices), **fields))


def ordered(cast: factories.Cast, run: Run, *devices: Device, comment: str = "") -> Run:
    wish = Wish(device_ids=[device.pk for device in devices], comment=comment)
    return change_rollback(change_id=run.change_id, implementer=factories.actor(cast.implementer), wish=wish)


def state_of(run: Run) -> list[str]:
    return list(run.device_runs.order_by("pk").values_list("state", flat=True))


def device(run: Run, index: int = 0) -> Device:
    return run.device_runs.select_related("device").order_by("pk")[index].device


def rolled_back(row: DeviceRun) -> None:
    ended(row, DeviceRunState.ROLLED_BACK, code="ROLLBACK_ORDERED")


def ended(row: DeviceRun, state: DeviceRunState, *, code: str) -> None:
    """As a worker ends a device that waits for its rollback."""
    claim = claim_next(DeviceRun.objects.filter(pk=row.pk), owner=uuid.uuid4())
    assert claim is not None
    journal = Journal(claim)
    for step in (DeviceRunState.RECONCILING, DeviceRunState.BACKING_OUT):
        with journal.step(step):
            pass
    journal.end(state, code=code)


def test_a_change_in_review_is_rolled_back_and_returns_to_review(cast: factories.Cast) -> None:
    run = executed(cast)
    ordered(cast, run, comment="The clock is wrong.")
    run.refresh_from_db()
    run.change.refresh_from_db()
    assert (run.state, run.change.state) == ("rolling_back", "rolling_back")
    assert state_of(run) == ["rollback_pending"] * 2
    for row in run.device_runs.all():
        assert row.rollback_from_id == row.after_id
        rolled_back(row)
    assert run_advance(run.pk)
    run.refresh_from_db()
    run.change.refresh_from_db()
    assert (run.state, run.outcome, run.change.state) == ("ended", "rolled_back", "review")
    order = RollbackOrder.objects.get()
    assert (order.whole, order.devices, order.ordered_by, order.reason) == (
        True, 2, cast.implementer, "The clock is wrong.",
    )  # fmt: skip
    assert Event.objects.filter(change_id=run.change_id, action="change.rollback_started").count() == 1
    assert cast.implementer.pk in facts_of(run.change).implementer_ids, "who rolled it back cannot close it"


@pytest.mark.parametrize("who", ["approver", "manager", "auditor", "outsider", "superuser"])
def test_only_implementers_may_and_a_refusal_is_audited(cast: factories.Cast, who: str) -> None:
    run = executed(cast, 1)
    with pytest.raises(PolicyDeniedError):
        change_rollback(change_id=run.change_id, implementer=factories.actor(getattr(cast, who)), wish=Wish())
    assert state_of(run) == ["succeeded"]
    assert Event.objects.filter(change_id=run.change_id, action="change.rollback_refused").count() == 1


def test_the_second_of_two_clicks_is_told_that_it_is_under_way(cast: factories.Cast) -> None:
    run = executed(cast)
    ordered(cast, run)
    with pytest.raises(ConflictError, match="under way"):
        ordered(cast, run)
    with pytest.raises(ConflictError, match="waiting for its rollback already"):
        ordered(cast, run, device(run))
    assert RollbackOrder.objects.count() == 1


def test_before_the_start_and_after_the_end_nothing_can_be_rolled_back(cast: factories.Cast) -> None:
    change = factories.approved(cast, factories.DeviceFactory.create_batch(1))
    actor = factories.actor(cast.implementer)
    with pytest.raises(IllegalTransitionError):
        change_rollback(change_id=change.pk, implementer=actor, wish=Wish())
    run = executed(cast, 1)
    manager = factories.actor(cast.manager)
    change_close(change_id=run.change_id, manager=manager, close_code="successful", comment="")
    with pytest.raises(IllegalTransitionError):
        ordered(cast, run)


def test_a_skipped_device_is_refused_by_name_and_left_out_of_the_whole(cast: factories.Cast) -> None:
    run = factories.started(cast, factories.DeviceFactory.create_batch(2), strategy={"canary": 1})
    factories.wave_carried_out(run, advance=False)
    skip_waiting(run, actor=factories.actor(cast.author), code="DEVICE_SKIPPED", detail="")
    for _ in range(3):
        run_advance(run.pk)
    run.refresh_from_db()
    assert sorted(state_of(run)) == ["skipped", "succeeded"]
    skipped = run.device_runs.get(state="skipped").device
    with pytest.raises(ConflictError, match="nothing on it that could be rolled back"):
        ordered(cast, run, skipped)
    ordered(cast, run)
    assert sorted(state_of(run)) == ["rollback_pending", "skipped"]


def test_a_device_of_another_change_is_bad_input(cast: factories.Cast) -> None:
    run, other = executed(cast, 1), executed(cast, 1)
    with pytest.raises(InvalidInputError) as refused:
        ordered(cast, run, device(other))
    assert "not part of this change" in refused.value.fields["device_ids"][0]


def test_a_later_change_at_the_same_place_is_named_until_it_is_undone(cast: factories.Cast) -> None:
    first = executed(cast, 1)
    target = device(first)
    second = factories.carried_out(factories.started(cast, [target]))
    number = second.change.number
    with pytest.raises(ConflictError, match=number) as refused:
        ordered(cast, first)
    assert refused.value.code == "ROLLBACK_CONFLICT"
    (shown,) = rollback_preview(first.change).devices
    assert (shown.kind, number in shown.note) == ("refused", True)
    ordered(cast, second)
    rolled_back(second.device_runs.get())
    run_advance(second.pk)
    ordered(cast, first)
    assert state_of(first) == ["rollback_pending"]


def test_a_conflict_that_arises_later_ends_the_device_without_a_visit(cast: factories.Cast) -> None:
    """The other devices of the change go on."""
    first = executed(cast, 2)
    factories.carried_out(factories.started(cast, [device(first)]))
    ordered(cast, first)
    row = first.device_runs.order_by("pk").first()
    assert row is not None
    claim = claim_next(DeviceRun.objects.filter(pk=row.pk), owner=uuid.uuid4())
    assert claim is not None
    execute(claim, seal=PlanSeal(first), on_driver=lambda _driver: None)
    row.refresh_from_db()
    assert (row.state, row.code) == ("rollback_failed", "ROLLBACK_CONFLICT")
    assert not row.steps.filter(sequence__gt=row.goal_step).exists(), "nobody connected"
    assert state_of(first)[1] == "rollback_pending"


def test_the_last_wave_begins_first_and_an_earlier_one_when_it_has_ended(cast: factories.Cast) -> None:
    run = factories.started(cast, factories.DeviceFactory.create_batch(4), strategy={"canary": 1, "batch_percent": 50})
    while run.state != "ended":
        factories.wave_carried_out(run)
    ordered(cast, run)
    seen = []
    while rows := list(claimable_device_runs(run.pk).select_related("wave")):
        seen.append(sorted({row.wave.number for row in rows}))
        for row in rows:
            rolled_back(row)
    waves = run.waves.count()
    assert waves > 2
    assert seen == [[number] for number in range(waves, 0, -1)]


def test_from_a_running_rollout_what_waits_is_skipped_and_what_succeeds_later_is_rolled_back(
    cast: factories.Cast,
) -> None:
    run = factories.started(cast, factories.DeviceFactory.create_batch(3), strategy={"canary": 2, "batch_cap": 1})
    done, working = list(claimable_device_runs(run.pk))[:2]
    factories._carry_out(done, rejects=False)
    claim = claim_next(DeviceRun.objects.filter(pk=working.pk), owner=uuid.uuid4())
    assert claim is not None
    journal = Journal(claim)
    names = ("connecting", "checking", "snapshotting", "applying", "verifying", "saving")
    steps = [DeviceRunState(name) for name in names]
    for state in steps:
        with journal.step(state):
            pass
    ordered(cast, run)
    assert sorted(state_of(run)) == ["rollback_pending", "saving", "skipped"]
    journal.end(DeviceRunState.SUCCEEDED)
    run_advance(run.pk)
    assert sorted(state_of(run)) == ["rollback_pending", "rollback_pending", "skipped"]
    assert claimable_device_runs(run.pk).count() == 2
    dispatch_once()
    for row in run.device_runs.filter(state="rollback_pending"):
        rolled_back(row)
    run_advance(run.pk)
    run.refresh_from_db()
    assert (run.state, run.outcome) == ("ended", "rolled_back")
    assert set(run.waves.values_list("state", flat=True)) == {"stopped"}


def test_a_spent_failure_budget_rolls_the_whole_change_back_where_the_strategy_says_so(cast: factories.Cast) -> None:
    devices = factories.DeviceFactory.create_batch(3)
    strategy = {"failures_allowed_percent": 0, "on_budget_spent": "roll_back"}
    run = factories.started(cast, devices, strategy=strategy)
    factories.wave_carried_out(run, rejected=devices[:1])
    assert run.state == "rolling_back"
    assert sorted(state_of(run)) == ["rollback_pending", "rollback_pending", "rolled_back"]
    assert (run.code, RollbackOrder.objects.get().ordered_by) == ("ABORT_THRESHOLD_HIT", None)
    assert ChangeRequest.objects.get(pk=run.change_id).state == "rolling_back"


def test_a_worker_lost_before_its_first_step_leaves_the_device_waiting(cast: factories.Cast) -> None:
    run = executed(cast, 1)
    ordered(cast, run)
    rows = DeviceRun.objects.filter(run=run)
    assert claim_next(rows, owner=uuid.uuid4()) is not None
    rows.update(lease_until="2020-01-01T00:00:00Z")
    dispatch_once()
    row = rows.get()
    assert (row.state, row.owner, row.losses) == ("rollback_pending", None, 1)
    lock_change(run.change_id)


def test_what_would_be_sent_is_shown_before_the_order(cast: factories.Cast) -> None:
    run = executed(cast, 2)
    preview = rollback_preview(run.change)
    assert (preview.total, preview.more) == (2, False)
    assert {shown.kind for shown in preview.devices} == {"commands"}
    assert preview.devices[0].lines == tuple(factories.BACKOUT)
    one = rollback_preview(run.change, [device(run, 1).pk])
    assert [shown.device_id for shown in one.devices] == [device(run, 1).pk]


def retried(cast: factories.Cast) -> tuple[Run, Run]:
    """A change of three devices of which one failed at first and succeeded in a second run."""
    devices = factories.DeviceFactory.create_batch(3)
    started = factories.started(cast, devices, strategy={"failures_allowed_percent": 100})
    first = factories.carried_out(started, rejected=devices[:1])
    assert first.state == "ended"
    second = run_retry(change_id=first.change_id, actor=factories.actor(cast.implementer))
    return first, factories.carried_out(second)


def test_after_a_retry_a_whole_change_is_rolled_back_run_by_run_the_newest_first(cast: factories.Cast) -> None:
    first, second = retried(cast)
    begun = ordered(cast, first)
    assert begun == second
    assert (state_of(second), sorted(state_of(first))) == (
        ["rollback_pending"], ["rollback_pending", "rollback_pending", "rolled_back"],
    )  # fmt: skip
    assert not claimable_device_runs(first.pk).exists(), "one run at a time, so that waves stay apart"
    with pytest.raises(ConflictError, match="under way already"):
        ordered(cast, first)
    rolled_back(second.device_runs.get())
    dispatch_once()
    first.refresh_from_db()
    second.refresh_from_db()
    first.change.refresh_from_db()
    assert (second.state, first.state, first.change.state) == ("ended", "rolling_back", "rolling_back")
    for row in claimable_device_runs(first.pk):
        rolled_back(row)
    dispatch_once()
    first.refresh_from_db()
    first.change.refresh_from_db()
    assert (first.state, first.outcome, first.change.state) == ("ended", "rolled_back", "review")
    assert sorted(RollbackOrder.objects.values_list("devices", flat=True)) == [1, 2]
    assert set(latest_device_runs(first.change).values_list("state", flat=True)) == {"rolled_back"}


def test_after_a_retry_a_device_of_each_run_is_found_where_it_holds_the_change(cast: factories.Cast) -> None:
    first, second = retried(cast)
    failed = second.device_runs.get().device
    other = first.device_runs.select_related("device").filter(state="succeeded")[0].device
    assert ordered(cast, first, other) == first
    assert sorted(state_of(first)) == ["rollback_pending", "rolled_back", "succeeded"]
    # Of a device that failed at first, the run that succeeded counts. It waits until the run before has ended.
    assert ordered(cast, first, failed) == first
    assert state_of(second) == ["rollback_pending"]
    rolled_back(first.device_runs.get(device=other))
    dispatch_once()
    second.refresh_from_db()
    assert second.state == "rolling_back"
    rolled_back(second.device_runs.get())
    dispatch_once()
    assert ChangeRequest.objects.get(pk=first.change_id).state == "review"
    assert state_of(first).count("succeeded") == 1, "nobody ordered the third one back"


def test_the_inventory_is_told_of_each_rollback_once_and_of_nobody_else(cast: factories.Cast) -> None:
    """Without it NetBox would go on to say that the change succeeded."""
    devices = factories.DeviceFactory.create_batch(2, source="netbox")
    run = factories.carried_out(factories.started(cast, devices))
    for target in devices:
        ordered(cast, run, target)
        rolled_back(run.device_runs.get(device=target))
        run_advance(run.pk)
    told = [(note.device, note.kind, note.reference) for note in JournalNote.objects.order_by("pk")]
    number = run.change.number
    assert sorted(told[:2], key=lambda note: note[0].pk) == [
        (target, "success", f"{number}, run {run.pk}") for target in devices
    ]
    assert told[2:] == [
        (target, "warning", f"{number}, rollback {order} of run {run.pk}") for order, target in enumerate(devices, 1)
    ]


def test_after_some_devices_the_whole_change_may_still_be_ordered_back_once(cast: factories.Cast) -> None:
    """A device is in flight, which the first order lets be finished."""
    run = factories.started(cast, factories.DeviceFactory.create_batch(2), strategy={"canary": 2})
    done, working = list(claimable_device_runs(run.pk))
    factories._carry_out(done, rejects=False)
    claim = claim_next(DeviceRun.objects.filter(pk=working.pk), owner=uuid.uuid4())
    assert claim is not None
    journal = Journal(claim)
    with journal.step(DeviceRunState.CONNECTING):
        pass
    assert ordered(cast, run, done.device).abort == "finish"
    assert ordered(cast, run).abort == "back_out"
    with pytest.raises(ConflictError, match="under way already"):
        ordered(cast, run)
    with pytest.raises(OrderedStopError), journal.step(DeviceRunState.CHECKING):
        pass
    journal.end(DeviceRunState.SKIPPED, code="ROLLBACK_ORDERED")
    rolled_back(done)
    dispatch_once()
    run.refresh_from_db()
    assert (run.state, sorted(state_of(run))) == ("ended", ["rolled_back", "skipped"])


def test_a_rollback_waits_while_a_later_change_is_on_the_device_and_then_ends_in_conflict(cast: factories.Cast) -> None:
    first = executed(cast, 1)
    second = factories.started(cast, [device(first)])
    ordered(cast, first)
    later = second.device_runs.get()
    claim = claim_next(DeviceRun.objects.filter(pk=later.pk), owner=uuid.uuid4())
    assert claim is not None
    journal = Journal(claim)
    with journal.step(DeviceRunState.CONNECTING):
        pass
    assert not claimable_device_runs(first.pk).exists()
    journal.hand_back(DeviceRunState.PENDING, wait_s=0)
    factories.carried_out(second)
    mine = claim_next(claimable_device_runs(first.pk), owner=uuid.uuid4())
    assert mine is not None
    execute(mine, seal=PlanSeal(first), on_driver=lambda _driver: None)
    row = first.device_runs.get()
    assert (row.state, row.code) == ("rollback_failed", "ROLLBACK_CONFLICT")
    assert second.change.number in row.detail
