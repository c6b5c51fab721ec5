"""When a change may be carried out: its maintenance window, and periods in which nothing may be changed. Pure rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Self

from changes.domain.input import Findings, shown, unknown_names

WINDOW_CLOSED: Final = "PRECHECK_WINDOW_CLOSED"
FREEZE_ACTIVE: Final = "FREEZE_ACTIVE"
LONGEST: Final = timedelta(days=31)
FARTHEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` on and before ``end``, both with a time zone; ``name`` is what people call it."""

    start: datetime
    end: datetime
    name: str = ""

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None) -> Self | None:
        """The period between two stored times; None where there is none."""
        return cls(start, end) if start and end else None

    def includes(self, now: datetime) -> bool:
        """Whether the moment lies in it; its end does not."""
        return self.start <= now < self.end

    @property
    def words(self) -> str:
        """``21 Nov 2026 22:00 to 23:30 UTC``; both days where they differ."""
        return f"{self.by_clock(UTC)} UTC"

    def by_clock(self, zone: tzinfo) -> str:
        """``21 Nov 2026 23:00 to 22 Nov 2026 00:30``, by the clock of a zone, which is not named."""
        start, end = self.start.astimezone(zone), self.end.astimezone(zone)
        last = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%d %b %Y %H:%M}"
        return f"{start:%d %b %Y %H:%M} to {last}"


@dataclass(frozen=True, slots=True)
class Closed:
    """Why nothing may be started now: a reason code, and a sentence that says when it may."""

    code: str
    sentence: str


def why_closed(now: datetime, window: Period | None, freezes: Iterable[Period] = ()) -> Closed | None:
    """Whether something stands against starting anything at this moment; None: it may be started.

    A freeze goes before the window. A change without a window may be carried out at any time that no freeze covers.
    """
    for freeze in freezes:
        if freeze.includes(now):
            return Closed(FREEZE_ACTIVE, f"A change freeze is in force: {freeze.name or 'unnamed'}, {freeze.words}.")
    if window is None or window.includes(now):
        return None
    if now < window.start:
        return Closed(WINDOW_CLOSED, f"The maintenance window has not opened yet: {window.words}.")
    return Closed(WINDOW_CLOSED, f"The maintenance window is over: {window.words}. Set another one.")


def parse_window(value: Mapping[str, object], *, now: datetime) -> Period:
    """Read ``window_start`` and ``window_end`` (ISO 8601; without a zone they mean UTC), and judge them.

    Raises:
        InvalidInputError: with a sentence under each name.
    """
    findings = Findings()
    for name, sentence in unknown_names(value, _NAMES, "field").items():
        findings.add(shown(name), sentence)
    times = {name: moment_in(value, name, f"{what} of the window", findings) for name, what in _NAMES.items()}
    start, end = times["window_start"], times["window_end"]
    if start and end:
        if end <= start:
            findings.add("window_end", "The window must end after it starts.")
        elif end - start > LONGEST:
            findings.add("window_end", f"A window lasts at most {LONGEST.days} days.")
        if end <= now:
            findings.add("window_end", "This is over already; give a time to come.")
        elif start - now > FARTHEST:
            findings.add("window_start", f"A window starts within {FARTHEST.days} days.")
    findings.check()
    assert start and end  # noqa: PT018, S101 - whatever is missing was found above
    return Period(start, end)


_NAMES: Final = {"window_start": "start", "window_end": "end"}


def moment_in(given: Mapping[str, object], name: str, what: str, findings: Findings) -> datetime | None:
    """The moment of this name, in UTC; None, and a finding, where it is none."""
    value = given.get(name)
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        found = found.replace(tzinfo=UTC) if found and found.tzinfo is None else found
        found = found.astimezone(UTC) if found else None
    except (ValueError, OverflowError):
        found = None
    if found is None:
        findings.add(name, f"Give the {what} as date and time in UTC, such as 2026-11-21T22:00.")
    return found
