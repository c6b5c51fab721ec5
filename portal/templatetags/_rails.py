"""What the state rail and the step track show, worked out from states alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from changes.domain.run_states import DeviceRunState
from changes.domain.states import ChangeState, ChangeType
from portal.templatetags._states import Look, label_of, look_of

_S = ChangeState
MAIN_LINE: Final = (
    _S.DRAFT,
    _S.ASSESSMENT,
    _S.AUTHORIZATION,
    _S.APPROVED,
    _S.IMPLEMENTING,
    _S.REVIEW,
    _S.CLOSED,
)

# A state beside the main line is drawn in the place of the step that it belongs to.
_STANDS_FOR: Final = {
    _S.SCHEDULED: _S.APPROVED,
    _S.STALE: _S.APPROVED,
    _S.PAUSED: _S.IMPLEMENTING,
    _S.ROLLING_BACK: _S.IMPLEMENTING,
}
_EXITS: Final = frozenset({_S.REJECTED, _S.CANCELED})
_SKIPPED_BY_TYPE: Final = {
    ChangeType.STANDARD: frozenset({_S.ASSESSMENT, _S.AUTHORIZATION}),
    ChangeType.EMERGENCY: frozenset({_S.ASSESSMENT}),
}


@dataclass(frozen=True, slots=True)
class RailStep:
    """One step as drawn; ``status`` is done, current, todo or exit."""

    label: str
    status: str
    look: Look


def rail_steps(
    state: ChangeState, change_type: ChangeType, *, left_from: ChangeState | None = None, close_code: str = ""
) -> list[RailStep]:
    """The rail of one change; after a side exit the line ends there.

    ``left_from`` is the last state before the exit.
    """
    skipped = _SKIPPED_BY_TYPE.get(change_type, frozenset())
    line = [step for step in MAIN_LINE if step not in skipped]
    here = _STANDS_FOR.get(state, state)
    if state in _EXITS:
        last = left_from or _S.DRAFT
        reached = line[: line.index(_STANDS_FOR.get(last, last)) + 1]
        return [_done(step) for step in reached] + [RailStep(label_of(state), "exit", look_of(state))]
    at = line.index(here)
    now = RailStep(label_of(state), "current", look_of(close_code if state is _S.CLOSED and close_code else state))
    return (
        [_done(step) for step in line[:at]]
        + [now]
        + [RailStep(label_of(step), "todo", look_of("todo")) for step in line[at + 1 :]]
    )


def _done(step: ChangeState) -> RailStep:
    return RailStep(label_of(step), "done", Look("s-succeeded"))


_D = DeviceRunState
TRACK: Final = (_D.CONNECTING, _D.CHECKING, _D.SNAPSHOTTING, _D.APPLYING, _D.VERIFYING, _D.SAVING)
_FAILED_ENDS: Final = frozenset({_D.FAILED, _D.ROLLED_BACK, _D.ROLLBACK_FAILED, _D.BLOCKED, _D.UNKNOWN})


class StepFact(Protocol):
    """What the track reads of a recorded step; ``outcome`` is empty while the step is under way."""

    name: str
    outcome: str


@dataclass(frozen=True, slots=True)
class TrackStep:
    """One dot of the track; ``status`` is ok, current, failed, lost or todo."""

    label: str
    status: str
    look: Look


def track_steps(state: DeviceRunState, steps: Iterable[StepFact]) -> list[TrackStep]:
    """The six steps of a device run as far as they are recorded.

    Waiting for a confirm, backing out and reconciling follow where they happened.
    """
    latest = {DeviceRunState(step.name): step for step in steps}
    extra: Sequence[DeviceRunState] = [
        step for step in (_D.AWAITING_CONFIRM, _D.BACKING_OUT, _D.RECONCILING) if step in latest or step is state
    ]
    return [_track_step(name, _status(name, state, latest.get(name))) for name in (*TRACK, *extra)]


def _track_step(name: DeviceRunState, status: str) -> TrackStep:
    # A backout that went well is no success: it keeps its own shape and tone.
    look = look_of("rolled_back" if name is _D.BACKING_OUT and status == "ok" else status)
    return TrackStep(label_of(name), status, look)


def _status(name: DeviceRunState, state: DeviceRunState, step: StepFact | None) -> str:
    if name is state:
        return "current"
    if step is None:
        return "todo"
    return step.outcome or ("failed" if state in _FAILED_ENDS else "current")
