"""The difference of two configurations: unified text that `patch` understands, and rows for pages.

Which lines belong together is decided in `devices.domain.line_matching`; difflib only marks words inside of lines.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from devices.domain.line_matching import Change, find_changes

Kind = Literal["context", "add", "del"]

_HUNK = re.compile(
    r"^@@ -(?P<old>\d+)(?:,(?P<old_count>\d+))? \+(?P<new>\d+)(?:,(?P<new_count>\d+))? @@ ?(?P<section>.*)$"
)
_NO_NEWLINE = "\\ No newline at end of file"
_TOKENS = re.compile(r"\s+|\w+|.")
_MAX_WORD_TOKENS = 200
_MIN_ALIKE = 0.4


@dataclass(frozen=True, slots=True)
class DiffStat:
    """How many lines a diff adds and removes."""

    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line; ``changed`` where its words differ from the other side's."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line; a number, counted from 1, is None on the side where the line is not."""

    kind: Kind
    old_number: int | None
    new_number: int | None
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """The whole line."""
        return "".join(segment.text for segment in self.segments)


Pair = tuple[Row | None, Row | None]


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that change together, with their context.

    ``rows`` are the unified view; ``pairs`` the side-by-side one. ``hidden_before`` unchanged lines stand between the
    hunk before and this one: the old configuration's lines ``hidden_from`` to ``hidden_from + hidden_before - 1``.
    ``section`` is the header of the block in which the first change stands.
    """

    section: str
    old_start: int
    new_start: int
    hidden_from: int
    hidden_before: int
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...] = field(repr=False)


def unified_diff(before: str, after: str, *, context: int = 3) -> str:
    """The unified diff from ``before`` to ``after``, or "" when they are equal.

    The file names are ``running`` and ``intended``; behind the second ``@@`` stands the enclosing section's header.
    """
    if before == after:
        return ""
    old, new = _lines(before), _lines(after)
    old_headers, new_headers = _Headers(old), _Headers(new)
    out = ["--- running", "+++ intended"]
    for changes in _hunks(find_changes(old, new), len(old), context):
        first = changes[0]
        is_removal = first.old_end > first.old_start
        section = old_headers.above(first.old_start) if is_removal else new_headers.above(first.new_start)
        out.append(_hunk_header(_extent(old, changes, context), section))
        out.extend(_marked(old, new, changes, context))
    return "\n".join(out) + "\n"


def diff_stat(unified: str) -> DiffStat:
    """Count the lines that a unified diff adds and removes."""
    body = [line for line in _body(unified) if line]
    return DiffStat(added=sum(line[0] == "+" for line in body), removed=sum(line[0] == "-" for line in body))


def diff_view(unified: str) -> tuple[Hunk, ...]:
    """A unified diff as hunks for the unified and the side-by-side page, with the words that differ marked."""
    hunks: list[Hunk] = []
    hidden_from = 1
    for header, body in _split(unified):
        old, new = int(header["old"]), int(header["new"])
        rows = tuple(_with_words(_rows(body, old, new)))
        old_count = sum(row.old_number is not None for row in rows)
        first = old if old_count else old + 1
        hunks.append(
            Hunk(
                section=header["section"],
                old_start=first,
                new_start=new,
                hidden_from=hidden_from,
                hidden_before=max(0, first - hidden_from),
                rows=rows,
                pairs=tuple(_pairs(rows)),
            )
        )
        hidden_from = first + old_count
    return tuple(hunks)


def _lines(text: str) -> list[str]:
    """Split at line feeds alone. A last line without one differs from one with, and says so where it is printed."""
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, f"{last}\n{_NO_NEWLINE}"] if last else lines


def _hunks(changes: Sequence[Change], length: int, context: int) -> Iterator[list[Change]]:
    """Changes in groups: those whose context meets are one hunk."""
    group: list[Change] = []
    for change in changes:
        if group and max(0, change.old_start - context) > min(length, group[-1].old_end + context):
            yield group
            group = []
        group.append(change)
    if group:
        yield group


def _extent(old: Sequence[str], changes: Sequence[Change], context: int) -> Change:
    """The lines that a hunk covers, context included."""
    first, last = changes[0], changes[-1]
    lead = min(context, first.old_start)
    tail = min(context, len(old) - last.old_end)
    return Change(first.old_start - lead, last.old_end + tail, first.new_start - lead, last.new_end + tail)


def _marked(old: Sequence[str], new: Sequence[str], changes: Sequence[Change], context: int) -> Iterator[str]:
    extent = _extent(old, changes, context)
    at = extent.old_start
    for change in changes:
        yield from (" " + line for line in old[at : change.old_start])
        yield from ("-" + line for line in old[change.old_start : change.old_end])
        yield from ("+" + line for line in new[change.new_start : change.new_end])
        at = change.old_end
    yield from (" " + line for line in old[at : extent.old_end])


def _hunk_header(extent: Change, section: str) -> str:
    old_count, new_count = extent.old_end - extent.old_start, extent.new_end - extent.new_start
    # By the format's rule an empty range names the line before it.
    old_at = extent.old_start + 1 if old_count else extent.old_start
    new_at = extent.new_start + 1 if new_count else extent.new_start
    return f"@@ -{old_at},{old_count} +{new_at},{new_count} @@" + (f" {section}" if section else "")


class _Headers:
    """The header of the block in which a line stands, for lines asked about in rising order."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._known = (0, "")

    def above(self, first: int) -> str:
        """The last line before ``first`` that is not indented, without looking twice at a line; "" at top level."""
        if not self._lines[first][:1].isspace():
            return ""
        stop, header = self._known
        for at in range(first - 1, stop - 1, -1):
            line = self._lines[at]
            if line.strip() and not line[:1].isspace():
                header = "" if line.startswith("!") else line.strip()
                break
        self._known = (first, header)
        return header


def _body(unified: str) -> Iterator[str]:
    for _header, lines in _split(unified):
        yield from lines


def _split(unified: str) -> Iterator[tuple[re.Match[str], list[str]]]:
    header: re.Match[str] | None = None
    body: list[str] = []
    for line in unified.split("\n"):
        found = _HUNK.match(line)
        if found:
            if header:
                yield header, body
            header, body = found, []
        elif header and line and line != _NO_NEWLINE:
            body.append(line)
    if header:
        yield header, body


def _rows(body: Sequence[str], old: int, new: int) -> Iterator[Row]:
    for line in body:
        segments = (Segment(line[1:]),)
        if line[0] == "-":
            yield Row("del", old, None, segments)
            old += 1
        elif line[0] == "+":
            yield Row("add", None, new, segments)
            new += 1
        else:
            yield Row("context", old, new, segments)
            old, new = old + 1, new + 1


def _with_words(rows: Iterator[Row]) -> Iterator[Row]:
    """Mark the words that differ, in lines that go and come at the same place."""
    gone: list[Row] = []
    come: list[Row] = []
    for row in rows:
        if row.kind == "del" and not come:
            gone.append(row)
        elif row.kind == "add":
            come.append(row)
        else:
            yield from _words(gone, come)
            gone, come = ([row], []) if row.kind == "del" else ([], [])
            if row.kind == "context":
                yield row
    yield from _words(gone, come)


def _words(gone: Sequence[Row], come: Sequence[Row]) -> Iterator[Row]:
    left, right = list(gone), list(come)
    for at, (old, new) in enumerate(zip(gone, come, strict=False)):
        left[at], right[at] = _word_marks(old, new)
    yield from left
    yield from right


def _word_marks(old: Row, new: Row) -> tuple[Row, Row]:
    """The two rows with their differing words marked; unmarked where the lines have little in common."""
    a, b = _TOKENS.findall(old.text), _TOKENS.findall(new.text)
    if len(a) > _MAX_WORD_TOKENS or len(b) > _MAX_WORD_TOKENS:
        return old, new
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < _MIN_ALIKE:
        return old, new
    left: list[Segment] = []
    right: list[Segment] = []
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        changed = tag != "equal"
        if a2 > a1:
            left.append(Segment("".join(a[a1:a2]), changed))
        if b2 > b1:
            right.append(Segment("".join(b[b1:b2]), changed))
    return (
        Row(old.kind, old.old_number, None, tuple(left)),
        Row(new.kind, None, new.new_number, tuple(right)),
    )


def _pairs(rows: Sequence[Row]) -> Iterator[Pair]:
    gone: list[Row] = []
    come: list[Row] = []

    def flush() -> Iterator[Pair]:
        for at in range(max(len(gone), len(come))):
            yield (gone[at] if at < len(gone) else None, come[at] if at < len(come) else None)
        gone.clear()
        come.clear()

    for row in rows:
        if row.kind == "del" and not come:
            gone.append(row)
        elif row.kind == "add":
            come.append(row)
        else:
            yield from flush()
            if row.kind == "del":
                gone.append(row)
            else:
                yield row, row
    yield from flush()
