"""What a worker does when it meets an order: at the step that it is about to enter, at the line it is about to send."""

from __future__ import annotations

import pytest

from changes.domain.orders import SafePoint
from changes.domain.run_states import DeviceRunState
from changes.models import KillSwitch, Run, RunStep
from changes.services.journal import BackoutNeededError, Journal, LineStoppedError, OrderedStopError
from changes.services.kill_switch import kill_switch_engage
from changes.services.run_orders import run_abort, run_pause
from devices.errors import LeaseLostError
from tests.factories import Cast, actor
from tests.integration.control.conftest import started, states_of, taken

S = DeviceRunState
TO_APPLYING = (S.CONNECTING, S.CHECKING, S.SNAPSHOTTING, S.APPLYING)


def at(run: Run, state: DeviceRunState) -> Journal:
    """A worker's journal that has come to a step of the straight way."""
    journal = taken(run.device_runs.order_by("pk")[0])
    for step in (*TO_APPLYING, S.VERIFYING, S.SAVING):
        with journal.step(step):
            pass
        if step is state:
            break
    return journal


def aborted(cast: Cast, run: Run, way: str) -> None:
    run_abort(change_id=run.change_id, actor=actor(cast.implementer), comment="Stop.", in_flight=way)


def test_an_aborted_device_that_was_not_written_ends_before_its_next_step(cast: Cast) -> None:
    run = started(cast, 1)
    journal = at(run, S.SNAPSHOTTING)
    aborted(cast, run, "back_out")
    with pytest.raises(OrderedStopError) as stopped, journal.step(S.APPLYING):
        pytest.fail("the step was entered")
    assert (stopped.value.way, stopped.value.code) == (SafePoint.SKIP, "RUN_ABORTED")
    assert not RunStep.objects.filter(device_run__run=run, name=S.APPLYING).exists()


@pytest.mark.parametrize("state", [S.VERIFYING, S.SAVING])
def test_an_aborted_device_that_was_written_is_taken_back_before_its_next_step(
    cast: Cast, state: DeviceRunState
) -> None:
    run = started(cast, 1)
    journal = at(run, S.APPLYING if state is S.VERIFYING else S.VERIFYING)
    aborted(cast, run, "back_out")
    with pytest.raises(BackoutNeededError) as stopped, journal.step(state):
        pytest.fail("the step was entered")
    assert (stopped.value.code, stopped.value.detail) == ("RUN_ABORTED", "Aborted by implementer: Stop.")
    with journal.step(S.BACKING_OUT):
        pass  # the way back is never stopped
    journal.end(S.ROLLED_BACK, code="RUN_ABORTED")


def test_no_line_leaves_after_an_abort_that_backs_out_and_none_is_counted(cast: Cast) -> None:
    run = started(cast, 1)
    journal = at(run, S.APPLYING)
    journal.before_line(sent=1, applied=0, first=True)
    journal.line(sent=1, applied=1)
    aborted(cast, run, "back_out")
    with pytest.raises(LineStoppedError, match="Stop") as stopped:
        journal.before_line(sent=2, applied=1, first=False)
    assert stopped.value.code == "RUN_ABORTED"
    assert run.device_runs.get().lines_sent == 1
    journal.flush()
    row = run.device_runs.get()
    assert (row.lines_sent, row.lines_applied) == (1, 1)


def test_finishing_lets_lines_and_steps_pass(cast: Cast) -> None:
    run = started(cast, 1)
    journal = at(run, S.APPLYING)
    aborted(cast, run, "finish")
    journal.before_line(sent=1, applied=0, first=True)
    for state in (S.VERIFYING, S.SAVING):
        with journal.step(state):
            pass
    journal.end(S.SUCCEEDED)


def test_the_kill_switch_stops_the_first_line_and_lets_the_others_go(cast: Cast) -> None:
    run = started(cast, 1)
    journal = at(run, S.APPLYING)
    kill_switch_engage(actor=actor(cast.implementer), reason="Something is wrong.")
    with pytest.raises(LineStoppedError) as stopped:
        journal.before_line(sent=1, applied=0, first=True)
    assert stopped.value.code == "KILL_SWITCH_ENGAGED"
    journal.before_line(sent=2, applied=1, first=False)
    with journal.step(S.VERIFYING):
        pass


@pytest.mark.parametrize("reached", [S.CONNECTING, S.CHECKING, S.SNAPSHOTTING])
def test_the_kill_switch_holds_a_device_that_was_not_written(cast: Cast, reached: DeviceRunState) -> None:
    run = started(cast, 1)
    journal = at(run, reached)
    kill_switch_engage(actor=actor(cast.manager), reason="Something is wrong.")
    following = TO_APPLYING[TO_APPLYING.index(reached) + 1]
    with pytest.raises(OrderedStopError) as stopped, journal.step(following):
        pytest.fail("the step was entered")
    assert (stopped.value.way, stopped.value.code) == (SafePoint.HOLD, "KILL_SWITCH_ENGAGED")


def test_a_device_claimed_before_a_pause_is_not_begun_after_it(cast: Cast) -> None:
    run = started(cast, 1)
    journal = taken(run.device_runs.get())
    run_pause(change_id=run.change_id, actor=actor(cast.implementer))
    with pytest.raises(OrderedStopError) as stopped, journal.step(S.CONNECTING):
        pytest.fail("the step was entered")
    assert (stopped.value.way, stopped.value.code) == (SafePoint.HOLD, "RUN_PAUSED")


def test_of_an_aborted_run_what_would_begin_again_is_skipped(cast: Cast) -> None:
    run = started(cast, 1)
    journal = at(run, S.CHECKING)
    aborted(cast, run, "finish")
    journal.hand_back(S.PENDING, wait_s=60, code="TIMEOUT", detail="The session broke.")
    assert states_of(run) == ["skipped"]


def test_a_worker_without_its_lease_learns_that_before_any_order(cast: Cast) -> None:
    run = started(cast, 1)
    journal = at(run, S.APPLYING)
    aborted(cast, run, "back_out")
    run.device_runs.update(fence=99)
    with pytest.raises(LeaseLostError):
        journal.before_line(sent=1, applied=0, first=True)
    assert not KillSwitch.objects.exists()
