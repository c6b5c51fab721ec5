"""Whether a period is legal for a change: inside the windows of all its devices, and in no freeze."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from changes.domain.calendar.freezes import ScopedFreeze
from changes.domain.calendar.recurring import RecurringWindow
from changes.domain.calendar.scope import CalendarDevice, named, names_in
from changes.domain.calendar.spans import Spans, common, covers, joined, spans_of, without
from changes.domain.states import ChangeType
from changes.domain.windows import FREEZE_ACTIVE, LONGEST, WINDOW_CLOSED, Closed, Period

NEEDS_NO_WINDOW: Final = frozenset({ChangeType.EMERGENCY})
"""Change types that may be carried out outside recurring windows. A freeze stops them unless it lets them through."""
_MOMENT: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why a period is not legal: a stable code, a sentence, and every device that it is about."""

    code: str
    sentence: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Legality:
    """Legal exactly when nothing stands against it. ``notes`` say what was looked at."""

    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def legal(self) -> bool:
        """Whether nothing stands against the period."""
        return not self.obstacles

    def __bool__(self) -> bool:
        return self.legal


@dataclass(frozen=True, slots=True)
class Calendar:
    """The recurring windows and the freezes of the installation, as one value."""

    windows: tuple[RecurringWindow, ...] = ()
    freezes: tuple[ScopedFreeze, ...] = ()


def legal(
    start: datetime,
    end: datetime,
    devices: Sequence[CalendarDevice],
    *,
    calendar: Calendar,
    change_type: ChangeType = ChangeType.NORMAL,
) -> Legality:
    """Judge a period for a change on these devices. Both times have a zone.

    A device that is in the scope of recurring windows is changed in one of them only, or in several that touch. A
    device without any may be changed at any time. No moment of the period may lie in a freeze of any device.

    Raises:
        RuleError: a window's rule would take too many steps.
    """
    if end <= start or end - start > LONGEST:
        sentence = f"A period ends after it starts, and lasts at most {LONGEST.days} days."
        return Legality((Obstacle(WINDOW_CLOSED, sentence, ()),))
    frozen = tuple(_frozen(start, end, devices, calendar.freezes, change_type))
    if change_type in NEEDS_NO_WINDOW:
        note = f"{change_type.label} changes need no maintenance window."
        return Legality(frozen, (note,))
    closed, notes = _closed(start, end, devices, calendar.windows)
    return Legality((*frozen, *closed), notes)


def closed_at(now: datetime, devices: Sequence[CalendarDevice], windows: Sequence[RecurringWindow]) -> Closed | None:
    """Why one of these devices may not be changed at this moment, as recurring windows go; None: all may be.

    Whether the change needs a window at all is for the caller to know.

    Raises:
        RuleError: a window's rule would take too many steps.
    """
    for indexes in _by_windows(devices, windows):
        held = [windows[index] for index in indexes]
        if held and not covers(_opened(held, now, now + _MOMENT), now, now + _MOMENT):
            which = " or ".join(f"“{window.name}” ({window.scope.words})" for window in held)
            sentence = f"No maintenance window is open for some of its devices; they are changed in {which} only."
            return Closed(WINDOW_CLOSED, sentence)
    return None


def allowed_spans(
    after: datetime, before: datetime, devices: Sequence[CalendarDevice], *, calendar: Calendar, change_type: ChangeType
) -> Spans:
    """All moments of the time given at which every one of the devices may be changed."""
    allowed: Spans = joined([(after, before)])
    if change_type not in NEEDS_NO_WINDOW:
        for indexes in _by_windows(devices, calendar.windows):
            if indexes:
                opened = _opened([calendar.windows[index] for index in indexes], after, before)
                allowed = common(allowed, opened)
    frozen = [freeze.period for freeze in calendar.freezes if _stops(freeze, devices, change_type)]
    return without(allowed, spans_of(frozen))


def _frozen(
    start: datetime,
    end: datetime,
    devices: Sequence[CalendarDevice],
    freezes: Iterable[ScopedFreeze],
    change_type: ChangeType,
) -> Iterable[Obstacle]:
    for freeze in freezes:
        if not freeze.holds_for(change_type) or end <= freeze.period.start or freeze.period.end <= start:
            continue
        names = names_in(freeze.scope, devices)
        if names:
            sentence = f"A change freeze is in the way: {freeze.words}. It holds for {named(names)}."
            yield Obstacle(FREEZE_ACTIVE, sentence, names)


def _closed(
    start: datetime, end: datetime, devices: Sequence[CalendarDevice], windows: Sequence[RecurringWindow]
) -> tuple[tuple[Obstacle, ...], tuple[str, ...]]:
    obstacles, notes = [], []
    for indexes, names in _by_windows(devices, windows).items():
        held = [windows[index] for index in indexes]
        if not held:
            notes.append(f"No recurring window is set for {named(names)}.")
            continue
        which = " or ".join(f"“{window.name}”" for window in held)
        if covers(_opened(held, start, end), start, end):
            notes.append(f"It lies in {which}, for {named(names)}.")
        else:
            sentence = f"{Period(start, end).words} does not lie in {which}, the maintenance windows of {named(names)}."
            obstacles.append(Obstacle(WINDOW_CLOSED, sentence, tuple(sorted(names))))
    return tuple(obstacles), tuple(notes)


def _by_windows(
    devices: Sequence[CalendarDevice], windows: Sequence[RecurringWindow]
) -> Mapping[tuple[int, ...], list[str]]:
    """The devices' names, by the indexes of the windows that hold for them."""
    found: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for device in devices:
        found[tuple(at for at, window in enumerate(windows) if window.scope.includes(device))].append(device.name)
    return found


def _opened(windows: Iterable[RecurringWindow], after: datetime, before: datetime) -> Spans:
    return spans_of(period for window in windows for period in window.periods(after, before))


def _stops(freeze: ScopedFreeze, devices: Iterable[CalendarDevice], change_type: ChangeType) -> bool:
    return freeze.holds_for(change_type) and any(freeze.scope.includes(device) for device in devices)
