"""Letting a conflict through: who may, and which conflicts a waiver covers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from changes.domain.calendar.conflicts import Conflict, ConflictKind
from changes.domain.manager_duties import MIN_REASON, REASON_MISSING, own_denial, role_denial, started_denial
from changes.domain.policy import ChangeFacts, Denial, Person, Verdict
from changes.domain.roles import Role
from changes.domain.windows import Period


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody's word that a conflict may stand, and why. It names what they saw, and covers no more."""

    kind: ConflictKind
    other_key: int
    subject: str
    devices: frozenset[str]
    period: Period
    by_id: int
    reason: str

    @classmethod
    def of(cls, conflict: Conflict, *, by_id: int, reason: str) -> Waiver:
        """A waiver of exactly this conflict."""
        devices = frozenset(conflict.devices)
        return cls(conflict.kind, conflict.other_key, conflict.subject, devices, conflict.overlap, by_id, reason)

    def covers(self, conflict: Conflict) -> bool:
        """Whether the conflict is the one that was waived, or less: no device and no minute more."""
        return (
            (self.kind, self.other_key, self.subject) == (conflict.kind, conflict.other_key, conflict.subject)
            and self.devices >= set(conflict.devices)
            and self.period.start <= conflict.overlap.start
            and conflict.overlap.end <= self.period.end
        )


def unwaived(conflicts: Iterable[Conflict], waivers: Iterable[Waiver]) -> tuple[Conflict, ...]:
    """The conflicts that still stand in the way."""
    held = tuple(waivers)
    return tuple(conflict for conflict in conflicts if not any(waiver.covers(conflict) for waiver in held))


def may_waive(person: Person, facts: ChangeFacts, other: ChangeFacts, *, reason: str) -> Verdict:
    """Let a conflict of two changes through: a change manager, or a member of the CAB or the ECAB, with a reason.

    They have no hand in either change, and this one was not started.
    """
    what = "waive a conflict of it"
    short = None
    if len(reason.strip()) < MIN_REASON:
        short = Denial(REASON_MISSING, f"To {what} you must say why, so that the others can judge it.")
    found = (
        role_denial(person, what, Role.CHANGE_MANAGER, Role.CAB, Role.ECAB),
        own_denial(person, facts, what) or own_denial(person, other, "waive a conflict of it with another one"),
        short,
        started_denial(facts, "Pause the run if the conflict does harm."),
    )
    return Verdict(tuple(denial for denial in found if denial is not None))
