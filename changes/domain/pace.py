"""How fast a run goes, and how long it will go on: said only where there is something to say it from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RECENT_S: Final = 300
"""The last minutes that the pace is taken from."""
LEAST_ENDED: Final = 3
"""Devices that must have ended before anybody says how long the others will take."""
LEAST_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which devices of one wave were worked on, in seconds before now; ``until_s`` 0: they still are."""

    since_s: float
    until_s: float = 0.0

    def within(self, seconds: float) -> float:
        """How much of it lies within the last ``seconds``."""
        return max(0.0, min(self.since_s, seconds) - self.until_s)


@dataclass(frozen=True, slots=True)
class Done:
    """What the pace is judged by: devices that ended in all and in the last :data:`RECENT_S`, and when they could."""

    ended: int
    ended_recently: int
    worked: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is left: devices, times that the strategy waits (seconds), and gates that wait for a person."""

    devices: int
    waits_s: float = 0.0
    gates: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """Devices a minute while devices are worked on, and seconds left without gates; None where it is not known.

    ``unknown`` says why the time left is not known.
    """

    per_minute: float | None
    left_s: float | None
    gates: int
    unknown: str = ""


def pace_of(done: Done, ahead: Ahead, *, stands: str = "") -> Pace:
    """The pace of a run, over the last minutes where enough ended in them, else over all of it.

    Soaking, cooldown and waiting for a person are no working time, so they slow nothing down; they are added to the
    time left instead, except for people, whom nobody can predict. ``stands`` says why the run does not go on now.
    """
    per_minute = _per_minute(done)
    if stands:
        return Pace(per_minute, None, ahead.gates, stands)
    if not ahead.devices:
        return Pace(per_minute, ahead.waits_s, ahead.gates)
    if per_minute is None:
        few = f"Not known before {LEAST_ENDED} devices have ended."
        return Pace(None, None, ahead.gates, few if done.ended < LEAST_ENDED else "Not known yet.")
    if not per_minute:
        return Pace(per_minute, None, ahead.gates, f"No device ended in the last {RECENT_S // 60} minutes.")
    return Pace(per_minute, ahead.devices / per_minute * 60 + ahead.waits_s, ahead.gates)


def _per_minute(done: Done) -> float | None:
    recent_s = sum(span.within(RECENT_S) for span in done.worked)
    if done.ended < LEAST_ENDED:
        return None
    if done.ended_recently >= LEAST_ENDED and recent_s >= LEAST_S:
        return done.ended_recently / recent_s * 60
    if not done.ended_recently and recent_s >= RECENT_S:
        return 0.0
    worked_s = sum(span.within(span.since_s) for span in done.worked)
    return done.ended / worked_s * 60 if worked_s >= LEAST_S else None
