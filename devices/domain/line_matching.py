"""Which lines of two texts belong together: fast, close to minimal, and where a reader expects it.

Equal ends are cut off. What is long in between is divided at lines, or runs of lines, that both texts hold exactly
once, in the longest order that both agree on; the short pieces left are compared by rapidfuzz's bit-parallel longest
common subsequence, which is minimal. A block that could stand in several places is moved to begin with a header.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

_SMALL = 4_000_000
"""Product of the lengths up to which the longest common subsequence costs less than dividing further."""
_RUNS = (1, 24)
"""Lengths of the runs of lines that are tried as dividing points; the long one is unique even in repetitive text."""


class Change(NamedTuple):
    """Old lines ``old_start`` to ``old_end`` (exclusive, from 0) give way to new lines; either may be empty."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def find_changes(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """List the changes that turn ``old`` into ``new``, in order; between them the lines are equal."""
    joined = _join(list(_compare(old, new, Change(0, len(old), 0, len(new)), 0)))
    return _join([_slide(old, new, joined, at) for at in range(len(joined))])


def _compare(left: Sequence[str], right: Sequence[str], part: Change, level: int) -> Iterator[Change]:
    part = _trim(left, right, part)
    old_size, new_size = part.old_end - part.old_start, part.new_end - part.new_start
    if not old_size or not new_size:
        if old_size or new_size:
            yield part
        return
    if old_size * new_size <= _SMALL or level == len(_RUNS):
        yield from _shortest(left, right, part)
        return
    if not level and set(left[part.old_start : part.old_end]).isdisjoint(right[part.new_start : part.new_end]):
        yield part
        return
    anchors = _anchors(left, right, part, _RUNS[level])
    if not anchors:
        yield from _compare(left, right, part, level + 1)
        return
    yield from _between(left, right, part, anchors, level)


def _between(
    left: Sequence[str], right: Sequence[str], part: Change, anchors: list[tuple[int, int]], level: int
) -> Iterator[Change]:
    """Compare what stands between dividing points; pieces with equal lines cost next to nothing."""
    old_at, new_at = part.old_start, part.new_start
    for old_anchor, new_anchor in [*anchors, (part.old_end, part.new_end)]:
        if left[old_at:old_anchor] != right[new_at:new_anchor]:
            yield from _compare(left, right, Change(old_at, old_anchor, new_at, new_anchor), level + 1)
        old_at, new_at = old_anchor, new_anchor


def _trim(left: Sequence[str], right: Sequence[str], part: Change) -> Change:
    old_start, old_end, new_start, new_end = part
    while old_start < old_end and new_start < new_end and left[old_start] == right[new_start]:
        old_start, new_start = old_start + 1, new_start + 1
    while old_end > old_start and new_end > new_start and left[old_end - 1] == right[new_end - 1]:
        old_end, new_end = old_end - 1, new_end - 1
    return Change(old_start, old_end, new_start, new_end)


def _shortest(left: Sequence[str], right: Sequence[str], part: Change) -> Iterator[Change]:
    pieces = left[part.old_start : part.old_end], right[part.new_start : part.new_end]
    for op in LCSseq.opcodes(*pieces):
        if op.tag != "equal":
            yield Change(
                part.old_start + op.src_start,
                part.old_start + op.src_end,
                part.new_start + op.dest_start,
                part.new_start + op.dest_end,
            )


def _anchors(left: Sequence[str], right: Sequence[str], part: Change, length: int) -> list[tuple[int, int]]:
    """Places of runs that both sides hold exactly once, as many as stand in the same order on both."""
    old_places = _unique_runs(left, part.old_start, part.old_end, length)
    new_places = _unique_runs(right, part.new_start, part.new_end, length)
    pairs = [(place, new_places[run]) for run, place in old_places.items() if run in new_places]
    rising = _longest_rising(pairs)
    # Where most of them disagree about the order, they are chance, not structure.
    return rising if len(rising) * 2 > len(pairs) else []


def _unique_runs(lines: Sequence[str], start: int, end: int, length: int) -> dict[object, int]:
    """Each run of lines that occurs once, with its place, in order."""
    runs: Sequence[object] = lines[start:end]
    if length > 1:
        runs = [tuple(lines[at : at + length]) for at in range(start, end - length + 1)]
    counts = Counter(runs)
    return {run: place for place, run in enumerate(runs, start) if counts[run] == 1}


def _longest_rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of the pairs, which rise in the first number, that rises in the second too (patience)."""
    tops: list[int] = []
    chain_ends: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        pile = len(tops) if not tops or place > tops[-1] else bisect_left(tops, place)
        before.append(chain_ends[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(place)
            chain_ends.append(index)
        else:
            tops[pile], chain_ends[pile] = place, index
    chosen = []
    at = chain_ends[-1] if chain_ends else -1
    while at >= 0:
        chosen.append(pairs[at])
        at = before[at]
    return chosen[::-1]


def _join(changes: list[Change]) -> list[Change]:
    """Make one change of those that touch."""
    joined: list[Change] = []
    for change in changes:
        last = joined[-1] if joined else None
        if last is not None and last.old_end == change.old_start and last.new_end == change.new_start:
            joined[-1] = Change(last.old_start, change.old_end, last.new_start, change.new_end)
        else:
            joined.append(change)
    return joined


def _slide(old: Sequence[str], new: Sequence[str], changes: list[Change], at: int) -> Change:
    """Move a block that only comes or only goes, between its neighbours, so that it begins with a header."""
    change = changes[at]
    if change.old_start != change.old_end and change.new_start != change.new_end:
        return change
    lines, start, end = (
        (new, change.new_start, change.new_end)
        if change.old_start == change.old_end
        else (old, change.old_start, change.old_end)
    )
    floor = changes[at - 1].old_end if at else 0
    ceiling = changes[at + 1].old_start if at + 1 < len(changes) else len(old)
    up = _steps(lines, start - 1, end - 1, change.old_start - floor, -1)
    down = _steps(lines, start, end, ceiling - change.old_end, 1)
    best = min(range(-up, down + 1), key=lambda step: (_indent(lines[start + step]), -step))
    return Change(change.old_start + best, change.old_end + best, change.new_start + best, change.new_end + best)


def _steps(lines: Sequence[str], leaving: int, entering: int, limit: int, way: int) -> int:
    """How far a block can move: for each step the line that leaves it must equal the one that enters."""
    steps = 0
    while steps < limit and lines[leaving] == lines[entering]:
        leaving, entering, steps = leaving + way, entering + way, steps + 1
    return steps


def _indent(line: str) -> int:
    """How far in a line stands; a lone ``!`` ends a section and makes a poor beginning."""
    return 99 if line.strip() in {"", "!"} else len(line) - len(line.lstrip())
