"""How a figure reads, how two periods compare, and whether a figure is on target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from changes.domain.kpis.definitions import Better, Kpi, Unit
from changes.domain.labels import Labelled

SMALL: Final = 20
"""Below so many cases a share is given as two counts: 1 of 3 is not 33.3 per cent of anything."""

ALL: Final = 1000
"""A hundred per cent in tenths of a per cent."""


@dataclass(frozen=True, slots=True)
class Value:
    """A figure of one period. For shares ``numerator`` of ``denominator``; for times ``seconds`` over so many cases.

    ``numerator`` of a mean is the sum of the seconds, of a median the median itself; a count has no denominator.
    """

    numerator: int = 0
    denominator: int = 0

    @classmethod
    def median(cls, seconds: float | None, cases: int) -> Self:
        """The median of so many times."""
        return cls(round(seconds or 0), cases)

    def number(self, kpi: Kpi) -> int | None:
        """The figure itself: tenths of a per cent, seconds or things; None without cases."""
        if kpi.unit is Unit.COUNT:
            return self.numerator
        if not self.denominator:
            return None
        if kpi.unit is Unit.SHARE:
            return self._per_mille()
        return self.numerator if kpi.unit is Unit.MEDIAN else round(self.numerator / self.denominator)

    def _per_mille(self) -> int:
        """Rounded, but never up to all where one is missing, nor down to none where there is one."""
        found = round(1000 * self.numerator / self.denominator)
        if 0 < self.numerator < self.denominator:
            return min(max(found, 1), ALL - 1)
        return found

    def text(self, kpi: Kpi) -> str:
        """As people read it: ``96.2 %``, ``3 of 4``, ``2 h 05 min``, ``7``, or ``no data``."""
        number = self.number(kpi)
        if number is None:
            return "no data"
        if kpi.unit is Unit.COUNT:
            return f"{number:,}"
        if kpi.unit is not Unit.SHARE:
            return spoken_seconds(number)
        if self.denominator < SMALL:
            return f"{self.numerator} of {self.denominator}"
        return f"{number / 10:.1f} %"

    def counted(self, kpi: Kpi) -> str:
        """What it is counted over: ``51 of 53``, ``12 cases``, or nothing."""
        if kpi.unit is Unit.COUNT:
            return ""
        if kpi.unit is Unit.SHARE:
            return f"{self.numerator:,} of {self.denominator:,}"
        return f"{self.denominator:,} case{'s' if self.denominator != 1 else ''}"


def spoken_seconds(seconds: int) -> str:
    """``40 s``, ``5 min``, ``2 h 05 min``, ``3 d 4 h``."""
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def target_words(kpi: Kpi) -> str:
    """``on target from 95 %, a gap at 85 % and below``; ``no target`` where there is none."""
    if kpi.green is None or kpi.red is None:
        return "no target"
    green, red = _bound(kpi, kpi.green), _bound(kpi, kpi.red)
    if kpi.better is Better.HIGHER:
        return f"on target from {green}, a gap at {red} and below"
    return f"on target up to {green}, a gap from {red}"


def _bound(kpi: Kpi, number: int) -> str:
    if kpi.unit is Unit.SHARE:
        return f"{number / 10:g} %"
    return f"{number:,}" if kpi.unit is Unit.COUNT else spoken_seconds(number)


class Course(Labelled):
    """How a figure moved."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    MOVED = "moved"
    """It moved, and neither way is better."""
    FEW = "few"
    """Too few cases in one of the periods to say."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure beside that of the period before: the course, and a sentence about it."""

    course: Course
    text: str


def compare(kpi: Kpi, now: Value, before: Value) -> Comparison:
    """How a figure moved since the period before. Shares over fewer than 20 cases are set side by side, not judged."""
    this, last = now.number(kpi), before.number(kpi)
    told = before.text(kpi)
    if this is None or last is None or (kpi.unit is Unit.SHARE and min(now.denominator, before.denominator) < SMALL):
        return Comparison(Course.FEW, f"Before: {told}." if last is not None else "Before: no data.")
    if this == last:
        return Comparison(Course.SAME, f"As before: {told}.")
    up = this > last
    course = {Better.HIGHER: up, Better.LOWER: not up}.get(kpi.better)
    word = {True: Course.BETTER, False: Course.WORSE, None: Course.MOVED}[course]
    by = _difference(kpi, abs(this - last))
    return Comparison(word, f"{'Up' if up else 'Down'} by {by} from {told}.")


def _difference(kpi: Kpi, by: int) -> str:
    if kpi.unit is Unit.SHARE:
        return f"{by / 10:.1f} points"
    return f"{by:,}" if kpi.unit is Unit.COUNT else spoken_seconds(by)


class Rag(Labelled):
    """Red, amber, green, or no judgement; each is told by a word and a shape, never by colour alone."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    NONE = "none"

    @property
    def label(self) -> str:
        """The judgement as people read it."""
        return _RAG[self]


_RAG: Final[Mapping[Rag, str]] = {
    Rag.GREEN: "On target",
    Rag.AMBER: "Near the target",
    Rag.RED: "Gap",
    Rag.NONE: "Not judged",
}


def judge(kpi: Kpi, value: Value) -> Rag:
    """Whether a figure is on target; without a target or without cases it is not judged.

    A share of fewer than 20 cases is not judged either, unless its target is all of them: then one case is a gap.
    """
    number = value.number(kpi)
    if number is None or kpi.green is None or kpi.red is None:
        return Rag.NONE
    if kpi.unit is Unit.SHARE and value.denominator < SMALL and kpi.green != ALL:
        return Rag.NONE
    good, bad = number >= kpi.green, number <= kpi.red
    if kpi.better is Better.LOWER:
        good, bad = number <= kpi.green, number >= kpi.red
    if good:
        return Rag.GREEN
    return Rag.RED if bad else Rag.AMBER


def distance(kpi: Kpi, value: Value) -> int:
    """How far a figure is from its target, in per mille of the way from green to red; 0 on target or not judged."""
    number = value.number(kpi)
    if judge(kpi, value) in {Rag.NONE, Rag.GREEN} or number is None or kpi.green is None or kpi.red is None:
        return 0
    return round(1000 * abs(number - kpi.green) / max(1, abs(kpi.red - kpi.green)))
