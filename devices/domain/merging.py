"""Two edits of one text brought together, where they stand apart: a three-way merge by lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devices.domain.line_matching import find_changes

_Edit = tuple[int, int, Sequence[str]]
"""Lines from, to (not included) of the common text, and what stands there instead."""


def merged(common: str, one: str, other: str) -> str | None:
    """The text with both edits of ``common``; None where they overlap or touch, so that their order is not known."""
    base = common.split("\n")
    edits = sorted([*_edits(base, one.split("\n")), *_edits(base, other.split("\n"))], key=lambda edit: edit[:2])
    lines: list[str] = []
    position = -1
    for start, end, instead in edits:
        if start <= position:
            return None
        lines += [*base[max(position, 0) : start], *instead]
        position = end
    return "\n".join([*lines, *base[max(position, 0) :]])


def _edits(base: Sequence[str], text: Sequence[str]) -> Iterator[_Edit]:
    for change in find_changes(base, text):
        yield change.old_start, change.old_end, text[change.new_start : change.new_end]
