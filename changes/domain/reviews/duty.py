"""When a change needs a review after implementation before it may be closed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from changes.domain.approval_policy.vocabulary import Duty
from changes.domain.labels import Labelled
from changes.domain.run_states import RunOutcome
from changes.domain.states import ChangeType, CloseCode

REVIEW_MISSING: Final = "REVIEW_MISSING"


class Ground(Labelled):
    """Why a change has to be reviewed. The value is stored with the review and never changes."""

    EMERGENCY = "emergency"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"
    UNKNOWN = "unknown"
    POLICY = "policy"

    @property
    def clause(self) -> str:
        """The end of a sentence that begins with "because"."""
        return _CLAUSES[self]


_CLAUSES: Final = {
    Ground.EMERGENCY: "it was an emergency change",
    Ground.FAILED: "it failed",
    Ground.ROLLED_BACK: "it was rolled back",
    Ground.ABORTED: "it was aborted",
    Ground.UNKNOWN: "it is not known what it left on a device",
    Ground.POLICY: "its approval policy asks for a review",
}
_BY_OUTCOME: Final = {
    RunOutcome.FAILED: Ground.FAILED,
    RunOutcome.ROLLED_BACK: Ground.ROLLED_BACK,
    RunOutcome.ABORTED: Ground.ABORTED,
    RunOutcome.UNKNOWN: Ground.UNKNOWN,
}
_BY_CODE: Final = {
    CloseCode.FAILED: Ground.FAILED,
    CloseCode.ROLLED_BACK: Ground.ROLLED_BACK,
    CloseCode.ABORTED: Ground.ABORTED,
}


def review_grounds(
    *, change_type: str, outcome: str = "", close_code: str = "", duties: Collection[str] = ()
) -> tuple[Ground, ...]:
    """Every reason for which the change has to be reviewed; empty: a review is welcome and not demanded.

    Both what the runs came to and the close code count, so that a milder close code does not take the duty away. A
    partial success is no ground by itself: its close code says how bad it was.
    """
    found: set[Ground | None] = set()
    if change_type == ChangeType.EMERGENCY:
        found.add(Ground.EMERGENCY)
    if outcome in set(RunOutcome):
        found.add(_BY_OUTCOME.get(RunOutcome(outcome)))
    if close_code in set(CloseCode):
        found.add(_BY_CODE.get(CloseCode(close_code)))
    if Duty.REVIEW in duties:
        found.add(Ground.POLICY)
    return tuple(ground for ground in Ground if ground in found)


def because(grounds: Iterable[Ground]) -> str:
    """The reasons as one clause: "it was an emergency change, and it was rolled back"."""
    return ", and ".join(ground.clause for ground in grounds)
