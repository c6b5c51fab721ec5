"""The facts of a change as its record tells them, in words that stay with the review."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

PHRASES: Final[Mapping[str, str]] = {
    "change.created": "wrote the change",
    "change.submitted": "submitted it",
    "change.withdrawn": "withdrew it",
    "change.changes_requested": "sent it back to draft",
    "change.assessed": "moved it on to authorization",
    "change.approval_added": "added an approval",
    "change.authorized": "gave the last approval",
    "change.scheduled": "set the maintenance window",
    "change.rescheduled": "moved the maintenance window",
    "change.expired": "found that its approvals no longer hold",
    "change.revised": "took it up again",
    "change.started": "started it",
    "change.paused": "paused it",
    "change.resumed": "let it go on",
    "change.retried": "had devices tried again",
    "change.rollback_started": "ordered the rollback",
    "change.finished": "ended the run",
    "change.closed": "closed the change",
    "run.aborted": "aborted the run",
    "run.stop_ordered": "ordered a stop after the wave",
    "run.recomputed_backout_confirmed": "confirmed a backout that was computed again",
    "wave.opened": "opened a wave",
    "wave.released": "let it go on to the next wave",
    "wave.refused": "decided that it goes no further",
    "wave.stopped": "stopped the wave",
}
"""The audit actions that a review's timeline tells, each as the rest of a sentence that begins with who did it."""
LONGEST_RECORD: Final = 200


@dataclass(frozen=True, slots=True)
class RecordedFact:
    """One line of the timeline: when, who, what, and the reason code or the reason that was given."""

    at: datetime
    who: str
    what: str
    code: str = ""
    note: str = ""

    def to_data(self) -> dict[str, object]:
        """As JSON; the time in UTC to the second."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"at": at, "who": self.who, "what": self.what, "code": self.code, "note": self.note}


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """What the record says: the timeline, oldest first, and the three times as the runs' steps show them.

    ``began_at`` is when the first line was sent to a device of which a step failed later, ``detected_at`` when the
    first step failed, ``restored_at`` when the last backout ended; None where nothing of the kind happened.
    ``left_out`` counts further events.
    """

    facts: tuple[RecordedFact, ...]
    began_at: datetime | None = None
    detected_at: datetime | None = None
    restored_at: datetime | None = None
    left_out: int = 0


def merged(*parts: Iterable[RecordedFact]) -> tuple[RecordedFact, ...]:
    """All facts in the order of time; those of the same moment stay in the order given."""
    return tuple(sorted((fact for part in parts for fact in part), key=lambda fact: fact.at))
