"""What a session with a device is opened for, which decides the credential and stands in the record of its use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class OccasionKind(StrEnum):
    """The kinds of work that open sessions."""

    PLAN = "plan"
    RUN = "run"
    BACKUP = "backup"
    HEALTH = "health"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One piece of work; ``id`` is the key of its row (plan revision, run, backup run), 0 where there is none.

    A visit between two waves, for their health, names its run.
    """

    kind: OccasionKind
    id: int = 0
    change_id: int | None = None

    @property
    def purpose(self) -> str:
        """``write`` for the run of an approved change, ``read`` for everything else."""
        return "write" if self.kind is OccasionKind.RUN else "read"


UNDECLARED: Final = Occasion(OccasionKind.OTHER)
"""A session of which nobody said what it is for. It reads, and it raises an audit event."""


def is_unusual(occasion: Occasion, purpose: str) -> bool:
    """Whether a credential is asked for out of place: for no declared work, or to write outside of a run."""
    return occasion.kind is OccasionKind.OTHER or purpose != occasion.purpose
