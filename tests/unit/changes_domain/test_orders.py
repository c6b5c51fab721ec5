"""Orders to a run, in every combination: a copy of the tables written by hand, so that neither changes unnoticed."""

import itertools

import pytest

from changes.domain.orders import ORDERS, RETRYABLE, Order, SafePoint, at_step, check_order, orders_from
from changes.domain.run_states import DEVICE_ENDED, DEVICE_TRANSITIONS, DeviceRunState, RunState
from changes.domain.states import IllegalTransitionError

POSSIBLE = {
    "pending": set(),
    "running": {"pause", "stop_after_wave", "abort", "skip"},
    "running, stops after the wave": {"pause", "resume", "abort", "skip"},
    "paused": {"resume", "abort", "skip", "retry"},
    "rolling_back": set(),
    "ended": {"retry"},
}


ABORTS = ("", "finish", "back_out")


@pytest.mark.parametrize("order", list(Order))
def test_an_order_is_possible_only_where_the_table_says(order: Order) -> None:
    for state, stop, abort, asked in itertools.product(RunState, (False, True), ABORTS, ABORTS):
        name = "running, stops after the wave" if stop and state is RunState.RUNNING else state.value
        allowed = order.value in POSSIBLE[name]
        aborting = bool(abort) and state is not RunState.ENDED
        if aborting:
            allowed = (order, state, abort, asked) == (Order.ABORT, RunState.RUNNING, "finish", "back_out")
        refusal = _refusal(order, state, stop=stop, abort=abort, asked=asked)
        says = "" if allowed else "aborting" if aborting else state.value
        assert refusal == says, (state, stop, abort, asked)
        assert not allowed or order in orders_from(state, stop_after_wave=stop, abort=abort), (state, stop, abort)
    assert ORDERS.keys() == set(Order)


def _refusal(order: Order, state: RunState, *, stop: bool, abort: str, asked: str) -> str:
    """The state that the refusal names; empty where the order is possible."""
    try:
        check_order(order, state, stop_after_wave=stop, abort=abort, in_flight=asked)
    except IllegalTransitionError as refused:
        return str(refused.state)
    return ""


UNWRITTEN = ("checking", "snapshotting", "applying")
WRITTEN = ("awaiting_confirm", "verifying", "saving")


def expected(step: str, *, paused: bool, abort: str, killed: bool) -> str:
    if step == "connecting":
        return "skip" if abort else "hold" if killed or paused else "go"
    if step in UNWRITTEN:
        return "skip" if abort == "back_out" else "hold" if killed else "go"
    return "back_out" if step in WRITTEN and abort == "back_out" else "go"


@pytest.mark.parametrize("step", list(DeviceRunState))
def test_at_each_step_the_worker_does_what_was_ordered(step: DeviceRunState) -> None:
    for paused, abort, killed in itertools.product((False, True), ABORTS, (False, True)):
        found = at_step(step, paused=paused, abort=abort, killed=killed)
        wanted = expected(step.value, paused=paused, abort=abort, killed=killed)
        assert found.value == wanted, (paused, abort, killed)


@pytest.mark.parametrize("step", [DeviceRunState.RECONCILING, DeviceRunState.BACKING_OUT])
def test_a_device_is_read_back_and_taken_back_whatever_was_ordered(step: DeviceRunState) -> None:
    for paused, abort, killed in itertools.product((False, True), ("", "finish", "back_out"), (False, True)):
        assert at_step(step, paused=paused, abort=abort, killed=killed) is SafePoint.GO


def test_what_an_order_leads_to_is_a_step_of_the_table() -> None:
    ways = {SafePoint.HOLD: DeviceRunState.PENDING, SafePoint.SKIP: DeviceRunState.SKIPPED}
    before = {
        DeviceRunState.CONNECTING: DeviceRunState.PENDING,
        DeviceRunState.CHECKING: DeviceRunState.CONNECTING,
        DeviceRunState.SNAPSHOTTING: DeviceRunState.CHECKING,
        DeviceRunState.APPLYING: DeviceRunState.SNAPSHOTTING,
    }
    for entering, state in before.items():
        for way, target in ways.items():
            held = way is SafePoint.HOLD and state is DeviceRunState.PENDING
            assert held or target in DEVICE_TRANSITIONS[state], (entering, way)


def test_only_ends_that_left_nothing_on_the_device_are_tried_again() -> None:
    assert {state.value for state in RETRYABLE} == {"failed", "blocked", "skipped", "rolled_back"}
    again = {state for state in DEVICE_ENDED if DeviceRunState.PENDING in DEVICE_TRANSITIONS[state]}
    assert again == RETRYABLE
