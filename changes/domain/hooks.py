"""Where hooks are called, what may come of a call, and what an answer means."""

from __future__ import annotations

from typing import Final

from changes.domain.labels import Labelled


class HookPoint(Labelled):
    """A moment in a change at which hooks are called."""

    BEFORE_PLAN = "before_plan"
    AFTER_PLAN = "after_plan"
    BEFORE_WAVE = "before_wave"
    AFTER_DEVICE = "after_device"
    AFTER_RUN = "after_run"


OBJECTING: Final = frozenset({HookPoint.BEFORE_PLAN, HookPoint.BEFORE_WAVE})
"""Where a required hook is waited for, and may object. Everywhere else a hook only learns what happened."""


class HookCallState(Labelled):
    """How far one call of one hook has come."""

    WAITING = "waiting"
    ANSWERED = "answered"
    OBJECTED = "objected"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    BAD_ANSWER = "bad_answer"
    MISSING = "missing"
    LOST = "lost"
    DROPPED = "dropped"


CALL_ENDED: Final = frozenset(HookCallState) - {HookCallState.WAITING}
TROUBLE: Final = CALL_ENDED - {HookCallState.ANSWERED, HookCallState.OBJECTED, HookCallState.DROPPED}
"""Ends in which the hook gave no answer that can be used."""


class OnObjection(Labelled):
    """What becomes of a run when a required hook objects before a wave.

    A required hook that gave no usable answer always pauses: a broken program is no reason to end a change.
    """

    PAUSE = "pause"
    ABORT = "abort"

    @property
    def label(self) -> str:
        """As a form's choice reads."""
        return {"pause": "Pause the run", "abort": "End the run"}[self.value]


SHORTEST_LIMIT_S: Final = 1
LONGEST_LIMIT_S: Final = 60
DEFAULT_LIMIT_S: Final = 10
DETAIL_LIMIT: Final = 500
