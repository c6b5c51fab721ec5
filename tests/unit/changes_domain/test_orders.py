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


@pytest.mark.parametrize(
    ("order", "state", "stop", "abort", "asked"),
    list(itertools.product(Order, RunState, (False, True), ("", "finish", "back_out"), ("", "finish", "back_out"))),
)
def test_an_order_is_possible_only_where_the_table_says(
    order: Order, state: RunState, stop: bool, abort: str, asked: str
) -> None:
    name = "running, stops after the wave" if stop and state is RunState.RUNNING else state.value
    allowed = order.value in POSSIBLE[name]
    aborting = bool(abort) and state is not RunState.ENDED
    if aborting:
        allowed = (order, state, abort, asked) == (Order.ABORT, RunState.RUNNING, "finish", "back_out")
    if allowed:
        check_order(order, state, stop_after_wave=stop, abort=abort, in_flight=asked)
        assert order in orders_from(state, stop_after_wave=stop, abort=abort)
        return
    with pytest.raises(IllegalTransitionError) as refused:
        check_order(order, state, stop_after_wave=stop, abort=abort, in_flight=asked)
    assert refused.value.state == ("aborting" if aborting else state)
    assert ORDERS.keys() == set(Order)


UNWRITTEN = ("checking", "snapshotting", "applying")
WRITTEN = ("awaiting_confirm", "verifying", "saving")


def expected(step: str, *, paused: bool, abort: str, killed: bool, draining: bool) -> str:
    if step == "connecting":
        return "skip" if abort else "hold" if killed or paused or draining else "go"
    if step in UNWRITTEN:
        return "skip" if abort == "back_out" else "hold" if killed or draining else "go"
    return "back_out" if step in WRITTEN and abort == "back_out" else "go"


@pytest.mark.parametrize(
    ("step", "paused", "abort", "killed", "draining"),
    list(itertools.product(DeviceRunState, (False, True), ("", "finish", "back_out"), (False, True), (False, True))),
)
def test_at_each_step_the_worker_does_what_was_ordered(
    step: DeviceRunState, paused: bool, abort: str, killed: bool, draining: bool
) -> None:
    found = at_step(step, paused=paused, abort=abort, killed=killed, draining=draining)
    assert found.value == expected(step.value, paused=paused, abort=abort, killed=killed, draining=draining)


@pytest.mark.parametrize("step", [DeviceRunState.RECONCILING, DeviceRunState.BACKING_OUT])
def test_a_device_is_read_back_and_taken_back_whatever_was_ordered(step: DeviceRunState) -> None:
    every = itertools.product((False, True), ("", "finish", "back_out"), (False, True), (False, True))
    for paused, abort, killed, draining in every:
        assert at_step(step, paused=paused, abort=abort, killed=killed, draining=draining) is SafePoint.GO


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
