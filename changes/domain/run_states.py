"""The states of a run, of its waves and of its device runs, as data.

The tables are the only place that says which step may follow which; ``docs/states.md`` is drawn from them. Those of
a change request are in :mod:`changes.domain.states`.
"""

from collections.abc import Iterable

from changes.domain.labels import Labelled
from changes.domain.states import CloseCode, IllegalTransitionError


class RunState(Labelled):
    """Where one execution of a plan stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    ROLLING_BACK = "rolling_back"
    ENDED = "ended"


class DeviceRunState(Labelled):
    """Where the execution on one device stands."""

    PENDING = "pending"
    CONNECTING = "connecting"
    CHECKING = "checking"
    SNAPSHOTTING = "snapshotting"
    APPLYING = "applying"
    AWAITING_CONFIRM = "awaiting_confirm"
    VERIFYING = "verifying"
    SAVING = "saving"
    BACKING_OUT = "backing_out"
    RECONCILING = "reconciling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    ROLLBACK_PENDING = "rollback_pending"


class Goal(Labelled):
    """What a device run is to bring about: the change, or the configuration from before it."""

    APPLY = "apply"
    ROLL_BACK = "roll_back"


class WaveState(Labelled):
    """Where a wave of a run stands.

    *working*: its devices are carried out; *soaking*: all have ended, and nothing is opened until the soak time is
    over; *checking*: the devices are looked at once more; *waiting*: for a person who lets the run go on.
    """

    PENDING = "pending"
    WORKING = "working"
    SOAKING = "soaking"
    CHECKING = "checking"
    WAITING = "waiting"
    HELD = "held"
    STOPPED = "stopped"


class RunOutcome(Labelled):
    """What an ended run came to, over all its devices."""

    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


_R = RunState

RUN_TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    _R.PENDING: frozenset({_R.RUNNING, _R.ENDED}),
    _R.RUNNING: frozenset({_R.PAUSED, _R.ROLLING_BACK, _R.ENDED}),
    _R.PAUSED: frozenset({_R.RUNNING, _R.ROLLING_BACK, _R.ENDED}),
    _R.ROLLING_BACK: frozenset({_R.ENDED}),
    # The change is in review, and is rolled back before it is closed.
    _R.ENDED: frozenset({_R.ROLLING_BACK}),
}

_W = WaveState

WAVE_TRANSITIONS: dict[WaveState, frozenset[WaveState]] = {
    _W.PENDING: frozenset({_W.WORKING, _W.STOPPED}),
    _W.WORKING: frozenset({_W.SOAKING, _W.STOPPED}),
    # Back to working: failed devices of it are tried again.
    _W.SOAKING: frozenset({_W.WORKING, _W.CHECKING, _W.WAITING, _W.HELD, _W.STOPPED}),
    _W.CHECKING: frozenset({_W.WORKING, _W.WAITING, _W.HELD, _W.STOPPED}),
    _W.WAITING: frozenset({_W.WORKING, _W.HELD, _W.STOPPED}),
    # Back to working: while the run is paused, failed devices of it are set to be tried again.
    _W.HELD: frozenset({_W.WORKING}),
    _W.STOPPED: frozenset(),
}
"""*held*: it showed what the strategy asks for. *stopped*: the run went no further."""

WAVE_ENDED: frozenset[WaveState] = frozenset({_W.HELD, _W.STOPPED})

_D = DeviceRunState

DEVICE_BEFORE_WRITE: frozenset[DeviceRunState] = frozenset({_D.PENDING, _D.CONNECTING, _D.CHECKING, _D.SNAPSHOTTING})
"""Steps in which no configuration line can have been sent: a lost worker's run may simply start again."""

DEVICE_AFTER_WRITE: frozenset[DeviceRunState] = frozenset(
    {_D.APPLYING, _D.AWAITING_CONFIRM, _D.VERIFYING, _D.SAVING, _D.BACKING_OUT, _D.RECONCILING}
)
"""Steps in which lines may have been sent: after a loss the device is read back before anything else."""

DEVICE_ACTIVE: frozenset[DeviceRunState] = (DEVICE_BEFORE_WRITE | DEVICE_AFTER_WRITE) - {_D.PENDING}
"""A worker holds, or held, the device."""

DEVICE_ENDED: frozenset[DeviceRunState] = (
    frozenset(DeviceRunState) - DEVICE_BEFORE_WRITE - DEVICE_AFTER_WRITE - {_D.ROLLBACK_PENDING}
)

DEVICE_HOLDS_CHANGE: frozenset[DeviceRunState] = frozenset(
    {_D.SUCCEEDED, _D.ROLLBACK_PENDING, _D.ROLLBACK_FAILED, _D.UNKNOWN}
)
"""Nobody works on the device, and the change, or a part of it, is or may be on it."""

DEVICE_TO_ROLL_BACK: frozenset[DeviceRunState] = frozenset({_D.SUCCEEDED, _D.ROLLBACK_FAILED})
"""Ends from which a rollback may be ordered."""

_STOPPED_BEFORE_WRITE = frozenset({_D.FAILED, _D.BLOCKED, _D.SKIPPED})

DEVICE_TRANSITIONS: dict[DeviceRunState, frozenset[DeviceRunState]] = {
    _D.PENDING: frozenset({_D.CONNECTING}) | _STOPPED_BEFORE_WRITE,
    # Back to pending: a transient error or a lost worker before anything was written.
    _D.CONNECTING: frozenset({_D.CHECKING, _D.PENDING}) | _STOPPED_BEFORE_WRITE,
    _D.CHECKING: frozenset({_D.SNAPSHOTTING, _D.PENDING}) | _STOPPED_BEFORE_WRITE,
    _D.SNAPSHOTTING: frozenset({_D.APPLYING, _D.PENDING}) | _STOPPED_BEFORE_WRITE,
    # Failed means that nothing was written, so only a refusal of the very first line may lead there.
    _D.APPLYING: frozenset({_D.AWAITING_CONFIRM, _D.VERIFYING, _D.BACKING_OUT, _D.RECONCILING, _D.FAILED}),
    # Rolled back without backing out: the platform's own timer took the change back.
    _D.AWAITING_CONFIRM: frozenset({_D.VERIFYING, _D.BACKING_OUT, _D.RECONCILING, _D.ROLLED_BACK}),
    _D.VERIFYING: frozenset({_D.SAVING, _D.BACKING_OUT, _D.RECONCILING}),
    _D.SAVING: frozenset({_D.SUCCEEDED, _D.BACKING_OUT, _D.RECONCILING}),
    _D.BACKING_OUT: frozenset({_D.ROLLED_BACK, _D.ROLLBACK_FAILED, _D.RECONCILING}),
    # Read back: applied → verifying, or awaiting confirmation while the device's timer runs; not applied → pending, or
    # an end without a write; partial, or a backout had begun → backing out; at the baseline again though lines had been
    # taken, as after a restart → rolled back; fits nothing, or cannot be read → unknown.
    _D.RECONCILING: frozenset(
        {
            _D.AWAITING_CONFIRM,
            _D.VERIFYING,
            _D.PENDING,
            _D.BACKING_OUT,
            _D.ROLLED_BACK,
            _D.ROLLBACK_FAILED,
            _D.ROLLBACK_PENDING,
            _D.UNKNOWN,
        }
    )
    | _STOPPED_BEFORE_WRITE,
    # The change is to be rolled back after this device was done. It waits without holding the device, is read back
    # first, and goes back to waiting where the device is busy; a refusal before that ends it.
    _D.SUCCEEDED: frozenset({_D.ROLLBACK_PENDING}),
    _D.ROLLBACK_PENDING: frozenset({_D.RECONCILING, _D.ROLLBACK_FAILED}),
    # People decided to read the device again.
    _D.UNKNOWN: frozenset({_D.RECONCILING}),
    # Back to pending: a person has failed devices tried again. Nothing of the change is on them: nothing was sent, or
    # a read-back has proved that all of it was taken back. Where that is not known, nothing starts again.
    _D.FAILED: frozenset({_D.PENDING}),
    _D.ROLLED_BACK: frozenset({_D.PENDING}),
    # It is ordered once more: the cause was removed, or a person confirmed lines that were computed again.
    _D.ROLLBACK_FAILED: frozenset({_D.ROLLBACK_PENDING}),
    _D.SKIPPED: frozenset({_D.PENDING}),
    _D.BLOCKED: frozenset({_D.PENDING}),
}


def check_run_step(state: RunState, target: RunState) -> RunState:
    """``target``, when a run may go there from ``state``.

    Raises:
        IllegalTransitionError: the table has no such step.
    """
    if target not in RUN_TRANSITIONS[state]:
        raise IllegalTransitionError(state, target, sorted(RUN_TRANSITIONS[state]))
    return target


def check_wave_step(state: WaveState, target: WaveState) -> WaveState:
    """``target``, when a wave may go there from ``state``.

    Raises:
        IllegalTransitionError: the table has no such step.
    """
    if target not in WAVE_TRANSITIONS[state]:
        raise IllegalTransitionError(state, target, sorted(WAVE_TRANSITIONS[state]))
    return target


def check_device_step(state: DeviceRunState, target: DeviceRunState) -> DeviceRunState:
    """``target``, when a device run may go there from ``state``.

    Raises:
        IllegalTransitionError: the table has no such step.
    """
    if target not in DEVICE_TRANSITIONS[state]:
        raise IllegalTransitionError(state, target, sorted(DEVICE_TRANSITIONS[state]))
    return target


def run_outcome(device_states: Iterable[DeviceRunState]) -> RunOutcome:
    """What a run came to, from the ends of its device runs; green only where every single device succeeded.

    Unknown beats everything, since somebody must look. Some but not all succeeded: partial, whatever became
    of the others. None succeeded: failed where a backout failed, rolled back where one held, failed where a
    device could not be written, else aborted: every device was skipped or refused by a gate.

    Raises:
        ValueError: a device run has not ended.
    """
    states = set(device_states)
    running = sorted(states - DEVICE_ENDED)
    if running:
        raise ValueError(f"A run has no outcome while a device run is {', '.join(running)}.")
    if _D.UNKNOWN in states:
        return RunOutcome.UNKNOWN
    if _D.SUCCEEDED in states:
        return RunOutcome.SUCCEEDED if states == {_D.SUCCEEDED} else RunOutcome.PARTIAL
    if _D.ROLLBACK_FAILED in states:
        return RunOutcome.FAILED
    if _D.ROLLED_BACK in states:
        return RunOutcome.ROLLED_BACK
    return RunOutcome.FAILED if _D.FAILED in states else RunOutcome.ABORTED


_CLOSE_CODES = {
    RunOutcome.SUCCEEDED: CloseCode.SUCCESSFUL,
    RunOutcome.PARTIAL: CloseCode.SUCCESSFUL_WITH_ISSUES,
    RunOutcome.FAILED: CloseCode.FAILED,
    RunOutcome.ROLLED_BACK: CloseCode.ROLLED_BACK,
    RunOutcome.ABORTED: CloseCode.ABORTED,
    RunOutcome.UNKNOWN: CloseCode.FAILED,
}


def suggested_close_code(outcome: RunOutcome) -> CloseCode:
    """The close code that the page offers first; the change manager decides."""
    return _CLOSE_CODES[outcome]
