"""Conflicts between changes that are scheduled for the same time, with every device named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from changes.domain.calendar.scope import CalendarDevice, named
from changes.domain.labels import Labelled
from changes.domain.windows import Period

SCHEDULE_CONFLICT: Final = "SCHEDULE_CONFLICT"


class ConflictKind(Labelled):
    """What two changes share, heaviest first."""

    DEVICE = "device"
    REDUNDANCY = "redundancy"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Booking:
    """A change with its window and its devices; ``key`` is its id, ``number`` what people call it."""

    key: int
    number: str
    period: Period
    devices: tuple[CalendarDevice, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that two changes share in the same time.

    Attributes:
        other_key, other_number: the other change.
        subject: the redundancy set or the site; empty for devices.
        ours, theirs: the names of all devices of either change that it is about, sorted.
        overlap: the time that both have.
    """

    kind: ConflictKind
    other_key: int
    other_number: str
    subject: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    overlap: Period

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices of both changes, sorted."""
        return tuple(sorted({*self.ours, *self.theirs}))

    @property
    def sentence(self) -> str:
        """What it is about, and when. Long lists of devices are cut; ``devices`` has them all."""
        when = f"at the same time, {self.overlap.words}"
        if self.kind is ConflictKind.DEVICE:
            verb = "is" if len(self.ours) == 1 else "are"
            return f"{named(self.ours)} {verb} changed by {self.other_number} as well, {when}."
        if self.kind is ConflictKind.REDUNDANCY:
            return (
                f"{named(self.ours)} must not be changed together with {named(self.theirs)} ({self.subject}): "
                f"{self.other_number} changes the latter {when}."
            )
        return f"{self.other_number} changes {named(self.theirs)} at the same site {self.subject} {when}."


def conflicts(ours: Booking, others: Iterable[Booking]) -> tuple[Conflict, ...]:
    """All conflicts of a change with others, by time and then by weight; those with itself are none.

    Two periods of which one ends when the other starts do not overlap. A device that both changes have is named as
    such, and not again under its redundancy set or its site. Time grows with the devices of all, not with pairs.
    """
    index = _Index.of(ours.devices)
    found: list[Conflict] = []
    for other in others:
        if other.key != ours.key and overlap(ours.period, other.period):
            found.extend(index.against(ours.period, other))
    return tuple(sorted(found, key=_order))


def overlap(one: Period, other: Period) -> Period | None:
    """The time that two periods share; None: there is none."""
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Period(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class _Index:
    """The devices of the one change, by what they may share with another."""

    names: frozenset[str]
    by_set: Mapping[str, frozenset[str]]
    by_site: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, devices: Sequence[CalendarDevice]) -> _Index:
        names = frozenset(device.name for device in devices)
        return cls(
            names,
            _grouped((each, device.name) for device in devices for each in device.apart_from),
            _grouped((device.site, device.name) for device in devices if device.site),
        )

    def against(self, period: Period, other: Booking) -> Iterable[Conflict]:
        both = overlap(period, other.period)
        assert both  # noqa: S101 - asked for what overlaps only
        theirs = _Index.of(other.devices)
        shared = tuple(sorted(self.names & theirs.names))
        if shared:
            yield Conflict(ConflictKind.DEVICE, other.key, other.number, "", shared, shared, both)
        for subject in sorted(self.by_set.keys() & theirs.by_set.keys()):
            left, right = self.by_set[subject], theirs.by_set[subject]
            # One member in both changes is a conflict of its own kind; a partner of it in either is one of this kind.
            if len(left | right) > 1:
                yield _conflict(ConflictKind.REDUNDANCY, other, subject, left, right, both)
        for subject in sorted(self.by_site.keys() & theirs.by_site.keys()):
            left, right = self.by_site[subject] - theirs.names, theirs.by_site[subject] - self.names
            if left and right:
                yield _conflict(ConflictKind.SITE, other, subject, left, right, both)


def _conflict(
    kind: ConflictKind, other: Booking, subject: str, left: frozenset[str], right: frozenset[str], both: Period
) -> Conflict:
    return Conflict(kind, other.key, other.number, subject, tuple(sorted(left)), tuple(sorted(right)), both)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key, name in pairs:
        found[key].add(name)
    return {key: frozenset(names) for key, names in found.items()}


def _order(conflict: Conflict) -> tuple[object, ...]:
    rank = tuple(ConflictKind).index(conflict.kind)
    return conflict.overlap.start, rank, conflict.other_number, conflict.other_key, conflict.subject
