"""Orders to a run while it goes on: which one is possible when, and what a worker does when it meets one.

A worker looks for orders at its safe points: before each step of a device, and before each line that it sends. The
functions here only decide; :mod:`changes.services.run_orders` gives the orders, the journal obeys them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from changes.domain.labels import Labelled
from changes.domain.run_states import DeviceRunState, RunState
from changes.domain.states import IllegalTransitionError
from changes.domain.strategy import InFlight

RUN_ABORTED: Final = "RUN_ABORTED"
RUN_PAUSED: Final = "RUN_PAUSED"
KILL_SWITCH_ENGAGED: Final = "KILL_SWITCH_ENGAGED"
DEVICE_SKIPPED: Final = "DEVICE_SKIPPED"
STOPPED_AFTER_WAVE: Final = "STOPPED_AFTER_WAVE"
WORKER_STOPPING: Final = "WORKER_STOPPING"

_R, _D = RunState, DeviceRunState


class Order(Labelled):
    """What a person may order about a run that was started."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP_AFTER_WAVE = "stop_after_wave"
    ABORT = "abort"
    SKIP = "skip"
    RETRY = "retry"


ORDERS: Final[Mapping[Order, frozenset[RunState]]] = {
    Order.PAUSE: frozenset({_R.RUNNING}),
    # While it runs: only to take an order to stop after the wave back.
    Order.RESUME: frozenset({_R.PAUSED, _R.RUNNING}),
    Order.STOP_AFTER_WAVE: frozenset({_R.RUNNING}),
    Order.ABORT: frozenset({_R.RUNNING, _R.PAUSED}),
    Order.SKIP: frozenset({_R.RUNNING, _R.PAUSED}),
    # Paused: in the same run. Ended: in a new run of the same signed plan, as long as the change is in review.
    Order.RETRY: frozenset({_R.PAUSED, _R.ENDED}),
}


class OrderRefusedError(IllegalTransitionError):
    """The order does not fit how the run stands. Nothing was changed."""

    def __str__(self) -> str:
        state, order = (name.replace("_", " ") for name in (self.state, self.event))
        instead = ", ".join(name.replace("_", " ") for name in self.possible)
        ways = f" Possible now: {instead}." if instead else " Wait until it has ended."
        return f'"{order}" is not possible while the run is {state}.{ways}'


def orders_from(state: RunState, *, stop_after_wave: bool = False, abort: str = "") -> tuple[Order, ...]:
    """Every order that is possible for such a run. While it is being aborted, only "finish" may become "back out"."""
    if abort and state is not _R.ENDED:
        return (Order.ABORT,) if abort == InFlight.FINISH and state is _R.RUNNING else ()
    possible = [order for order, states in ORDERS.items() if state in states]
    if state is _R.RUNNING:
        possible.remove(Order.STOP_AFTER_WAVE if stop_after_wave else Order.RESUME)
    return tuple(possible)


def check_order(
    order: Order, state: RunState, *, stop_after_wave: bool = False, abort: str = "", in_flight: str = ""
) -> None:
    """Refuse an order that does not fit the run's state; ``in_flight`` is what an order to abort asks for.

    Raises:
        OrderRefusedError: it names what is possible instead.
    """
    possible = orders_from(state, stop_after_wave=stop_after_wave, abort=abort)
    aborting = bool(abort) and state is not _R.ENDED
    if order not in possible or (aborting and in_flight != InFlight.BACK_OUT):
        raise OrderRefusedError("aborting" if aborting else state, order, possible)


class SafePoint(Labelled):
    """What a worker does at a safe point.

    *hold*: give the device back unwritten, to begin again later; *skip*: end it unwritten; *back_out*: take back what
    was written.
    """

    GO = "go"
    HOLD = "hold"
    SKIP = "skip"
    BACK_OUT = "back_out"


_UNWRITTEN: Final = frozenset({_D.CONNECTING, _D.CHECKING, _D.SNAPSHOTTING, _D.APPLYING})
"""Steps before which nothing of the change is on the device."""
_WRITTEN: Final = frozenset({_D.AWAITING_CONFIRM, _D.VERIFYING, _D.SAVING})


def at_step(entering: DeviceRunState, *, paused: bool, abort: str, killed: bool, draining: bool = False) -> SafePoint:
    """What becomes of a device whose worker is about to enter a step.

    A device that is read back, or taken back, goes on whatever was ordered: only then is it known what it has. One
    that was written to is finished, unless the run is aborted with "back out". One that was not begun is not begun
    after any order; one that was begun and not written is held back by the kill switch alone, since reading costs
    nothing and pausing never interrupts a device. A worker that is draining, that is, about to end, hands back all that
    it has not written to.
    """
    if entering in _WRITTEN:
        return SafePoint.BACK_OUT if abort == InFlight.BACK_OUT else SafePoint.GO
    if entering not in _UNWRITTEN:
        return SafePoint.GO
    begun = entering is not _D.CONNECTING
    if abort == InFlight.BACK_OUT or (abort and not begun):
        return SafePoint.SKIP
    if killed or draining or (paused and not begun):
        return SafePoint.HOLD
    return SafePoint.GO


RETRYABLE: Final = frozenset({_D.FAILED, _D.BLOCKED, _D.SKIPPED, _D.ROLLED_BACK})
"""Ends after which nothing of the change is on the device. A rolled back one needs a read-back that proves it; unknown
and rollback failed are for people to look at, and never start again."""
