"""Diffs as blocks of rows, with what is folded between them, and the unchanged lines that unfolding brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from django.utils.http import urlencode

from devices.domain.diffing import Pair, Row, Segment, diff_view
from portal.presenters.visible import Mask

FOLD_STEP = 80
"""Unchanged lines that one unfolding brings."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, after ``hidden_before`` unchanged ones that ``fold_url`` brings.

    ``section`` None draws no header of its own.
    """

    section: str | None
    hidden_before: int
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    fold_url: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Unchanged lines that are not shown, by their numbers in the running configuration, both included.

    The intended configuration's numbers are ``shift`` higher. ``below`` says that a hunk follows, so that lines are
    unfolded from there upwards.
    """

    first: int
    last: int
    shift: int
    below: bool = True

    @property
    def size(self) -> int:
        """How many lines are hidden."""
        return max(0, self.last - self.first + 1)

    def query(self) -> str:
        """The gap as the query string of an address."""
        return urlencode({"first": self.first, "last": self.last, "shift": self.shift, "below": int(self.below)})

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """The gap that an address names.

        Raises:
            ValueError: a number is missing, or the numbers make no gap.
        """
        first, last, shift, below = (int(query.get(name, "")) for name in ("first", "last", "shift", "below"))
        if not 1 <= first <= last < 10**7 or first + shift < 1:
            raise ValueError("These numbers name no lines.")
        return cls(first, last, shift, below=bool(below))

    def split(self) -> tuple[Self, Self]:
        """The lines to bring now, and the gap that stays; the second may be empty."""
        if self.size <= FOLD_STEP + FOLD_STEP // 4:
            return self, type(self)(self.last + 1, self.last, self.shift, below=self.below)
        if self.below:
            cut = self.last - FOLD_STEP
            return type(self)(cut + 1, self.last, self.shift), type(self)(self.first, cut, self.shift)
        cut = self.first + FOLD_STEP
        now, rest = (self.first, cut - 1), (cut, self.last)
        return type(self)(*now, self.shift, below=False), type(self)(*rest, self.shift, below=False)


def diff_blocks(diff: str, mask: Mask, *, line_count: int = 0, fold_url: str = "") -> tuple[Block, ...]:
    """The blocks of a unified diff, masked.

    ``line_count`` is the length of the running configuration where it is known: then what follows the last hunk is a
    fold too. ``fold_url`` brings folded lines; each gap becomes its query. Without it folds only count.
    """
    blocks: list[Block] = []
    after, shift = 1, 0
    for hunk in diff_view(mask.text(diff)) if diff else ():
        gap = Gap(hunk.hidden_from, hunk.hidden_from + hunk.hidden_before - 1, shift)
        url = f"{fold_url}{gap.query()}" if fold_url and gap.size else ""
        blocks.append(Block(hunk.section, gap.size, hunk.rows, hunk.pairs, url))
        after = hunk.old_start + sum(row.old_number is not None for row in hunk.rows)
        shift += sum({"add": 1, "del": -1}.get(row.kind, 0) for row in hunk.rows)
    rest = Gap(after, line_count, shift, below=False)
    if blocks and rest.size:
        blocks.append(Block(None, rest.size, (), (), f"{fold_url}{rest.query()}" if fold_url else ""))
    return tuple(blocks)


def unfolded(lines: Sequence[str], gap: Gap, *, fold_url: str) -> tuple[Block, ...]:
    """The unchanged lines of a gap, out of all masked lines of the running configuration, and what stays folded."""
    now, rest = gap.split()
    rows = tuple(
        Row("context", number, number + gap.shift, (Segment(lines[number - 1]),))
        for number in range(now.first, min(now.last, len(lines)) + 1)
    )
    shown = Block(None, 0, rows, tuple((row, row) for row in rows))
    if not rest.size:
        return (shown,)
    folded = Block(None, rest.size, (), (), f"{fold_url}{rest.query()}")
    return (folded, shown) if gap.below else (shown, folded)
