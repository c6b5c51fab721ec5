"""Charts as geometry: stacked columns with a total above each, drawn by `templates/components/_chart.html`.

Tones are told apart by pattern as well as by colour, every column has its number, and a table stands behind each chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDTH: Final = 360
HEIGHT: Final = 176
_LEFT: Final = 6
_TOP: Final = 24
_BASE: Final = 148
_GAP: Final = 0.28
_LEAST: Final = 2.0
"""A count above zero is seen, however small it is beside the others."""

_TONES: Final[Mapping[str, str]] = {
    "Successful": "ok",
    "With issues": "warn",
    "Failed, rolled back or aborted": "bad",
    "Critical": "bad",
    "Functional": "warn",
    "Cosmetic": "idle",
}
_GLYPHS: Final = {"ok": "s-succeeded", "warn": "s-partial", "bad": "s-failed", "idle": "s-pending"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One series' part of a column."""

    y: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class ChartColumn:
    """One column; ``middle`` is where its texts stand."""

    x: float
    width: float
    middle: float
    label: str
    total: int
    told: str
    total_y: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the legend."""

    name: str
    tone: str
    glyph: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its table; ``about`` says in words what it shows."""

    id: str
    title: str
    about: str
    unit: str
    columns: tuple[ChartColumn, ...]
    keys: tuple[Key, ...]
    rows: tuple[tuple[str, tuple[int, ...], int], ...]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = _BASE

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(column.total for column in self.columns)


def chart_of(block: Mapping[str, Any], name: str) -> Chart:
    """The chart of a report's block; ``name`` makes its ids unique on the page."""
    labels: Sequence[str] = block["labels"]
    series: Sequence[Mapping[str, Any]] = block["series"]
    tones = [_TONES.get(item["name"], "live") for item in series]
    values = [[int(item["values"][number]) for item in series] for number in range(len(labels))]
    most = max((sum(column) for column in values), default=0)
    step = (WIDTH - 2 * _LEFT) / max(1, len(labels))
    columns = tuple(
        _column(_LEFT + number * step, step, label, values[number], tones, most) for number, label in enumerate(labels)
    )
    return Chart(
        id=name,
        title=block["title"],
        about=f"{block['about']} {_summary(labels, values, block['unit'])}",
        unit=block["unit"],
        columns=columns,
        keys=tuple(
            Key(item["name"], tone, _GLYPHS.get(tone, "s-pending")) for item, tone in zip(series, tones, strict=True)
        ),
        rows=tuple((label, tuple(values[number]), sum(values[number])) for number, label in enumerate(labels)),
    )


def _column(
    start: float, step: float, label: str, values: Sequence[int], tones: Sequence[str], most: int
) -> ChartColumn:
    room = _BASE - _TOP
    width = step * (1 - _GAP)
    y = float(_BASE)
    pieces = []
    for value, tone in zip(values, tones, strict=True):
        height = max(_LEAST, room * value / most) if value and most else 0.0
        y -= height
        if height:
            pieces.append(Piece(round(y, 1), round(height, 1), tone))
    return ChartColumn(
        x=round(start + step * _GAP / 2, 1),
        width=round(width, 1),
        middle=round(start + step / 2, 1),
        label=label,
        total=sum(values),
        told=_short(sum(values)),
        total_y=round(y - 5, 1),
        pieces=tuple(pieces),
    )


def _short(number: int) -> str:
    """A number that fits above its column; the table has it in full."""
    if number < 10_000:
        return str(number)
    return f"{number / 1000:.0f}k" if number < 1_000_000 else f"{number / 1_000_000:.1f}M"


def _summary(labels: Sequence[str], values: Sequence[Sequence[int]], unit: str) -> str:
    totals = [sum(column) for column in values]
    if not any(totals):
        return f"There were no {unit}."
    peak = max(range(len(totals)), key=totals.__getitem__)
    return f"{totals[-1]:,} {unit} in {labels[-1]}, the last one; the most, {totals[peak]:,}, in {labels[peak]}."
