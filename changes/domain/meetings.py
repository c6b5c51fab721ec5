"""CAB meetings: who runs one, what its agenda is made of, and what is recorded. Nothing here decides about a change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from changes.domain.labels import Labelled
from changes.domain.manager_duties import role_denial
from changes.domain.policy import Person, Verdict
from changes.domain.roles import Role

MAX_NAME: Final = 100
MAX_MINUTES: Final = 10_000
MAX_ITEMS: Final = 200
MAX_GUESTS: Final = 50
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
COMING: Final = timedelta(days=7)
"""How far the agenda looks ahead."""
LOOK_BACK: Final = timedelta(days=14)
"""How far the first meeting looks back; each later one begins where the one before was closed."""
CHAIRS: Final = (Role.CHANGE_MANAGER, Role.CAB, Role.ECAB)


class MeetingState(Labelled):
    """Where a meeting stands. Its agenda is frozen when it opens, everything when it is closed or canceled."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"


class ItemKind(Labelled):
    """Why something is on the agenda, in the order in which a meeting takes them."""

    EMERGENCY = "emergency"
    FAILED = "failed"
    DECIDE = "decide"
    UPCOMING = "upcoming"
    FREEZE = "freeze"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The heading of such items."""
        return _HEADINGS[self]


_HEADINGS: Final = {
    ItemKind.EMERGENCY: "Emergency changes since the last meeting",
    ItemKind.FAILED: "Changes that did not succeed",
    ItemKind.DECIDE: "Changes that wait for authorization",
    ItemKind.UPCOMING: "The coming week",
    ItemKind.FREEZE: "Change freezes",
    ItemKind.OTHER: "Other points",
}


class Outcome(Labelled):
    """What became of an item in the meeting. A decision about a change is an approval, which is not recorded here."""

    NOTED = "noted"
    DISCUSSED = "discussed"
    DEFERRED = "deferred"


def version_of(*parts: str) -> str:
    """A short digest of what somebody reads and then changes: it tells whether another person changed it meanwhile."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Point:
    """One item that an agenda proposes; ``facts`` are what is frozen of it, as words for a page."""

    kind: ItemKind
    title: str
    change_id: int | None = None
    facts: dict[str, object] = field(default_factory=dict)


def period_of(starts_at: datetime, last_closed: datetime | None) -> tuple[datetime, datetime]:
    """What a meeting looks at: from the end of the one before, to :data:`COMING` after its start."""
    return max(last_closed or starts_at - LOOK_BACK, starts_at - 13 * COMING), starts_at + COMING


def may_run_meeting(person: Person, *, chair_id: int | None = None) -> Verdict:
    """Plan, open, minute and close a meeting: change managers, and its chair."""
    if person.id == chair_id and may_chair(person):
        return Verdict()
    denial = role_denial(person, "run a CAB meeting", Role.CHANGE_MANAGER)
    return Verdict(() if denial is None else (denial,))


def may_chair(person: Person) -> bool:
    """Whether somebody can chair a meeting: a member of the CAB or ECAB, or a change manager, who is no auditor."""
    return Role.AUDITOR not in person.roles and not person.roles.isdisjoint(CHAIRS)
