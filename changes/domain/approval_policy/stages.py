"""One step of an approval, as the rules about people see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from changes.domain.states import ChangeEvent


class GivenApproval(Protocol):
    """What is asked of a stored approval when it is counted."""

    @property
    def stage(self) -> str:
        """The name of the stage that it was given in."""

    @property
    def group(self) -> str:
        """The group by whose right it was given; "" where that was not kept."""

    @property
    def people(self) -> frozenset[int]:
        """Who gave it, and for whom: one person, or two."""


Approved = TypeVar("Approved", bound=GivenApproval)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the approval: ``quorum`` different members of its groups approve, then ``event`` happens.

    Attributes:
        group: the first of its groups.
        other_groups: the members of these may act as well.
        from_each_group: at least one of the approvals comes from each group.
        expires_after_h: hours for which an approval counts; 0: without end.
        delegates: groups whose members may act here for an absent member; empty: nobody may.
        escalate_after_h: hours after which ``escalate_to`` is told that the stage still waits; 0: never.
        escalate_to: the groups that are told. It gives them no right to decide.
        remind_every_h: hours between two reminders of who may act; 0: none.
    """

    name: str
    group: str
    quorum: int
    event: ChangeEvent
    other_groups: tuple[str, ...] = ()
    from_each_group: bool = False
    expires_after_h: int = 0
    delegates: tuple[str, ...] = ()
    escalate_after_h: int = 0
    escalate_to: tuple[str, ...] = ()
    remind_every_h: int = 0

    @property
    def groups(self) -> tuple[str, ...]:
        """All groups whose members may act."""
        return (self.group, *self.other_groups)

    def expires_at(self, given_at: datetime) -> datetime | None:
        """When an approval that was given at this moment stops to count; None: never."""
        return given_at + timedelta(hours=self.expires_after_h) if self.expires_after_h else None

    def has_expired(self, given_at: datetime | None, now: datetime | None) -> bool:
        """Whether an approval no longer counts. Where one of the moments is not known, it does not count either."""
        if not self.expires_after_h:
            return False
        return given_at is None or now is None or now >= given_at + timedelta(hours=self.expires_after_h)


def quorum_met(stage: Stage, approvals: Iterable[GivenApproval]) -> bool:
    """Whether enough different people approved in this stage. Pass only approvals that count.

    Nobody counts twice, neither by two approvals nor by acting for others; with ``from_each_group`` every group has
    given one.
    """
    counted = counted_in(stage, approvals)
    return len(counted) >= stage.quorum and not groups_lacking(stage, counted)


def counted_in(stage: Stage, approvals: Iterable[Approved]) -> tuple[Approved, ...]:
    """The approvals of this stage that share no person with an earlier one, in the order given."""
    seen: set[int] = set()
    counted = []
    for approval in approvals:
        if approval.stage == stage.name and seen.isdisjoint(approval.people):
            seen |= approval.people
            counted.append(approval)
    return tuple(counted)


def groups_lacking(stage: Stage, counted: Iterable[GivenApproval]) -> tuple[str, ...]:
    """The groups that still have to give an approval of their own; empty unless ``from_each_group``."""
    given = {approval.group for approval in counted}
    return tuple(group for group in stage.groups if group not in given) if stage.from_each_group else ()


def stage_open(stages: Sequence[Stage], approvals: Sequence[GivenApproval]) -> Stage | None:
    """The first stage that still lacks approvals; None when all have them. Pass only approvals that count."""
    return next((stage for stage in stages if not quorum_met(stage, approvals)), None)
