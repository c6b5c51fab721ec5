"""The life of a drift record: what may happen to it, as a table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class DriftState(StrEnum):
    """Where a drift record stands."""

    OPEN = "open"
    DEFERRED = "deferred"
    REVERTING = "reverting"
    ACCEPTED = "accepted"
    REVERTED = "reverted"

    @property
    def label(self) -> str:
        """The state as people read it."""
        return _LABELS[self]


_LABELS: Final = {
    DriftState.OPEN: "To review",
    DriftState.DEFERRED: "Deferred",
    DriftState.REVERTING: "Being reverted",
    DriftState.ACCEPTED: "Accepted",
    DriftState.REVERTED: "Gone from the device",
}


class DriftEvent(StrEnum):
    """What happens to a drift record; all but the last two are decisions of people."""

    ACCEPT = "accept"
    DEFER = "defer"
    REVERT = "revert"
    REOPEN = "reopen"
    FALL_DUE = "fall_due"
    VANISH = "vanish"


_S, _E = DriftState, DriftEvent

TRANSITIONS: Final[Mapping[tuple[DriftState, DriftEvent], DriftState]] = {
    (_S.OPEN, _E.ACCEPT): _S.ACCEPTED,
    (_S.OPEN, _E.DEFER): _S.DEFERRED,
    (_S.OPEN, _E.REVERT): _S.REVERTING,
    (_S.OPEN, _E.VANISH): _S.REVERTED,
    (_S.DEFERRED, _E.ACCEPT): _S.ACCEPTED,
    (_S.DEFERRED, _E.DEFER): _S.DEFERRED,
    (_S.DEFERRED, _E.REVERT): _S.REVERTING,
    (_S.DEFERRED, _E.REOPEN): _S.OPEN,
    (_S.DEFERRED, _E.FALL_DUE): _S.OPEN,
    (_S.DEFERRED, _E.VANISH): _S.REVERTED,
    (_S.REVERTING, _E.REOPEN): _S.OPEN,
    (_S.REVERTING, _E.VANISH): _S.REVERTED,
}
"""From a state by an event to a state; whatever is not here is refused."""

OPEN_STATES: Final = frozenset({_S.OPEN, _S.DEFERRED, _S.REVERTING})


def next_drift_state(state: DriftState, event: DriftEvent) -> DriftState | None:
    """Where the event leads, or None where the table has no such step."""
    return TRANSITIONS.get((state, event))


def events_of(state: DriftState) -> frozenset[DriftEvent]:
    """What may happen to a record in this state."""
    return frozenset(event for from_state, event in TRANSITIONS if from_state == state)
