"""Two edits of one text brought together, where they stand apart: a three-way merge by lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devices.domain.line_matching import find_changes

_Edit = tuple[int, int, Sequence[str]]
"""Lines from, to (not included) of the common text, and what stands there instead."""


def merged(common: str, one: str, other: str) -> str | None:
    """The text with both edits of ``common``; None where they overlap, or add lines at one point in an unknown order.

    Who needs to know that the meaning is that of both edits has to compare it; lines know nothing of it.
    """
    base = common.split("\n")
    edits = sorted([*_edits(base, one.split("\n")), *_edits(base, other.split("\n"))], key=lambda edit: edit[:2])
    lines: list[str] = []
    position, added_at = 0, -1
    for start, end, instead in edits:
        if start < position or start == added_at == end:
            return None
        lines += [*base[position:start], *instead]
        position, added_at = end, start if start == end else -1
    return "\n".join([*lines, *base[position:]])


def _edits(base: Sequence[str], text: Sequence[str]) -> Iterator[_Edit]:
    for change in find_changes(base, text):
        yield change.old_start, change.old_end, text[change.new_start : change.new_end]
