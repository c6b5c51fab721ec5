"""The difference of two configurations: unified text that `patch` understands, and rows for pages.

Lines are numbered, equal ends are cut off, and the middle is compared by rapidfuzz's bit-parallel LCS, which is minimal
and takes milliseconds where difflib takes seconds. Blocks that could stand in several places are moved to where a
reader expects them: beginning with a section's header.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from rapidfuzz.distance import LCSseq

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


@dataclass(slots=True)
class _Edit:
    """Both texts as lines, and for each line whether it goes or comes."""

    old: list[str]
    new: list[str]
    gone: list[bool]
    come: list[bool]


def unified_diff(before: str, after: str, *, context: int = 3) -> str:
    """The unified diff from ``before`` to ``after``, or "" when they are equal.

    The file names are ``running`` and ``intended``; behind the second ``@@`` stands the enclosing section's header.
    """
    if before == after:
        return ""
    edit = _compare(_lines(before), _lines(after))
    out = ["--- running", "+++ intended"]
    for old_start, old_end, new_start, new_end in _hunks(edit, context):
        out.append(_hunk_header(edit, old_start, old_end, new_start, new_end))
        for mark, line in _marked(edit, old_start, old_end, new_start, new_end):
            text, newline, _rest = line.partition("\n")
            out.append(mark + text)
            if not newline:
                out.append(_NO_NEWLINE)
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
    return re.findall(r"[^\n]*\n|[^\n]+$", text)


def _compare(old: list[str], new: list[str]) -> _Edit:
    edit = _Edit(old, new, [False] * len(old), [False] * len(new))
    start, old_end, new_end = _trim(old, new)
    numbers: dict[str, int] = {}
    left = [numbers.setdefault(line, len(numbers)) for line in old[start:old_end]]
    right = [numbers.setdefault(line, len(numbers)) for line in new[start:new_end]]
    for op in LCSseq.opcodes(left, right):
        if op.tag != "equal":
            for at in range(op.src_start, op.src_end):
                edit.gone[start + at] = True
            for at in range(op.dest_start, op.dest_end):
                edit.come[start + at] = True
    _slide(edit.old, edit.gone)
    _slide(edit.new, edit.come)
    return edit


def _trim(old: Sequence[str], new: Sequence[str]) -> tuple[int, int, int]:
    """Where the two begin to differ, and where each ends to differ."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    old_end, new_end = len(old), len(new)
    while old_end > start and new_end > start and old[old_end - 1] == new[new_end - 1]:
        old_end, new_end = old_end - 1, new_end - 1
    return start, old_end, new_end


def _slide(lines: Sequence[str], marks: list[bool]) -> None:
    """Move each block of marks, where equal lines allow it, so that it begins with the least indented line.

    Moving a block by one keeps the unmarked lines' text, and so the other side, as it is.
    """
    at = 0
    while at < len(marks):
        if not marks[at]:
            at += 1
            continue
        end = at
        while end < len(marks) and marks[end]:
            end += 1
        at = _best_place(lines, marks, at, end)


def _best_place(lines: Sequence[str], marks: list[bool], start: int, end: int) -> int:
    """Put the block from ``start`` to ``end`` where it reads best; returns the index behind it."""
    size = end - start
    lowest = start
    while lowest > 0 and not marks[lowest - 1] and lines[lowest - 1] == lines[lowest + size - 1]:
        lowest -= 1
    highest = start
    while highest + size < len(lines) and not marks[highest + size] and lines[highest] == lines[highest + size]:
        highest += 1
    best = min(range(lowest, highest + 1), key=lambda place: (_indent(lines[place]), -place))
    marks[start:end] = [False] * size
    marks[best : best + size] = [True] * size
    return best + size if best >= start else end


def _indent(line: str) -> int:
    """How far in a line stands; a lone ``!`` ends a section and makes a poor beginning."""
    return 99 if line.strip() in {"", "!"} else len(line) - len(line.lstrip())


def _hunks(edit: _Edit, context: int) -> Iterator[tuple[int, int, int, int]]:
    """Each hunk's range of old and new lines, context included; those that touch are one."""
    pending: tuple[int, int, int, int] | None = None
    for old_start, old_end, new_start, new_end in _changes(edit):
        lead = min(context, old_start, new_start)
        tail = min(context, len(edit.old) - old_end, len(edit.new) - new_end)
        wide = (old_start - lead, old_end + tail, new_start - lead, new_end + tail)
        if pending and wide[0] <= pending[1]:
            pending = (pending[0], wide[1], pending[2], wide[3])
            continue
        if pending:
            yield pending
        pending = wide
    if pending:
        yield pending


def _changes(edit: _Edit) -> Iterator[tuple[int, int, int, int]]:
    """Each maximal run of lines that go and come, as ranges of old and new lines."""
    old = new = 0
    while old < len(edit.old) or new < len(edit.new):
        old_start, new_start = old, new
        while old < len(edit.old) and edit.gone[old]:
            old += 1
        while new < len(edit.new) and edit.come[new]:
            new += 1
        if (old, new) != (old_start, new_start):
            yield old_start, old, new_start, new
        else:
            old, new = old + 1, new + 1


def _marked(edit: _Edit, old_start: int, old_end: int, new_start: int, new_end: int) -> Iterator[tuple[str, str]]:
    old, new = old_start, new_start
    while old < old_end or new < new_end:
        if old < old_end and edit.gone[old]:
            yield "-", edit.old[old]
            old += 1
        elif new < new_end and edit.come[new]:
            yield "+", edit.new[new]
            new += 1
        else:
            yield " ", edit.old[old]
            old, new = old + 1, new + 1


def _hunk_header(edit: _Edit, old_start: int, old_end: int, new_start: int, new_end: int) -> str:
    old_count, new_count = old_end - old_start, new_end - new_start
    # By the format's rule an empty range names the line before it.
    old_at = old_start + 1 if old_count else old_start
    new_at = new_start + 1 if new_count else new_start
    section = _section(edit, old_start, old_end, new_start, new_end)
    return f"@@ -{old_at},{old_count} +{new_at},{new_count} @@" + (f" {section}" if section else "")


def _section(edit: _Edit, old_start: int, old_end: int, new_start: int, new_end: int) -> str:
    """The header of the block in which the hunk's first change stands; "" at top level."""
    old_first = next((at for at in range(old_start, old_end) if edit.gone[at]), None)
    new_first = next((at for at in range(new_start, new_end) if edit.come[at]), None)
    lines, first = (edit.new, new_first) if new_first is not None else (edit.old, old_first)
    if new_first is not None and old_first is not None and old_first - old_start <= new_first - new_start:
        lines, first = edit.old, old_first
    if first is None or not lines[first][:1].isspace():
        return ""
    for line in reversed(lines[:first]):
        if line.strip() and not line[:1].isspace():
            return "" if line.startswith("!") else line.strip()
    return ""


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
