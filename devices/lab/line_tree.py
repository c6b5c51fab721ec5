"""Configuration lines as a tree, edited the way the simpler simulated devices edit it.

A device gives a table of `LineKind`. It knows fewer lines than the real one; what it does not know it refuses, so a
test cannot pass because something was taken that means nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Entry:
    """One line and those below it."""

    text: str
    below: list["Entry"] = field(default_factory=list)

    def copy(self) -> "Entry":
        """The whole subtree once more."""
        return Entry(self.text, [entry.copy() for entry in self.below])


@dataclass(frozen=True, slots=True)
class LineKind:
    """What a line may look like in a mode; `pattern` matches the whole line.

    Two lines of the same kind and with the same groups exclude each other; without `single` each stands by itself.
    `opens` is the mode that the line opens. `rank` is where the device prints it.
    """

    mode: str
    pattern: re.Pattern[str]
    rank: int
    opens: str = ""
    single: bool = False


class LineRefusedError(Exception):
    """A line means nothing in its mode; `column` is where it stops to."""

    def __init__(self, column: int) -> None:
        super().__init__(column)
        self.column = column


def kinds(table: str) -> tuple[LineKind, ...]:
    """Read a table: `mode | pattern | opens`, one kind a line; a pattern that ends in `=` is single-valued."""
    found = []
    for rank, row in enumerate(line for line in table.strip().splitlines() if line.strip()):
        mode, pattern, *opens = (part.strip() for part in row.split(" | "))
        single = pattern.endswith("=")
        expression = re.compile(pattern.removesuffix("=").strip() + r"(?: \S.*)?" * single)
        found.append(LineKind(mode, expression, rank, opens[0] if opens else "", single))
    return tuple(found)


@dataclass(slots=True)
class Place:
    """Where an editor stands: the modes that it entered, with the block of each."""

    root: Entry
    table: Sequence[LineKind]
    path: list[tuple[str, Entry]] = field(default_factory=list)

    @property
    def mode(self) -> str:
        """The innermost mode."""
        return self.path[-1][0] if self.path else "global"

    def leave(self) -> None:
        """Go up by one mode."""
        del self.path[-1:]

    def take(self, line: str) -> None:
        """Take one line; a line of an outer mode leaves the inner ones.

        Raises:
            LineRefusedError: no mode of the path knows the line; nothing changes.
        """
        text = " ".join(line.split())
        negated = text.startswith("no ")
        wanted = text.removeprefix("no ")
        for depth in range(len(self.path), -1, -1):
            mode, block = self.path[depth - 1] if depth else ("global", self.root)
            kind = self._kind(mode, wanted, negated=negated)
            if kind is None:
                continue
            del self.path[depth:]
            if negated:
                self._remove(block, kind, wanted)
            else:
                entry = self._put(block, mode, kind, wanted)
                if kind.opens:
                    self.path.append((kind.opens, entry))
            return
        raise LineRefusedError(len(line) - len(line.lstrip()) + (3 if negated else 0))

    def take_text(self, text: str) -> None:
        """Put a text of several lines at the top, in place of one with the same first line."""
        self.path.clear()
        first = text.partition("\n")[0]
        self.root.below = [entry for entry in self.root.below if entry.text.partition("\n")[0] != first]
        self.root.below.append(Entry(text))
        self.sort()

    def sort(self) -> None:
        """Bring the top level to the order in which the device prints it."""
        self.root.below.sort(key=lambda each: self._rank("global", each.text))

    def _kind(self, mode: str, text: str, *, negated: bool) -> LineKind | None:
        for kind in self.table:
            if kind.mode == mode and (kind.pattern.fullmatch(text) or (negated and _begins(kind, text))):
                return kind
        return None

    def _put(self, block: Entry, mode: str, kind: LineKind, text: str) -> Entry:
        key = _key(kind, text)
        for entry in block.below:
            own = self._kind(mode, entry.text, negated=False)
            if own is kind and _key(kind, entry.text) == key:
                entry.text = text
                return entry
        entry = Entry(text)
        block.below.append(entry)
        block.below.sort(key=lambda each: self._rank(mode, each.text))
        return entry

    def _rank(self, mode: str, text: str) -> tuple[int, int]:
        kind = self._kind(mode, text, negated=False)
        number = re.match(r"\d+", text)
        return kind.rank if kind else len(self.table), int(number[0]) if number else 0

    @staticmethod
    def _remove(block: Entry, kind: LineKind, text: str) -> None:
        block.below = [
            entry
            for entry in block.below
            if not (entry.text == text or (entry.text.startswith(f"{text} ") and kind.pattern.fullmatch(entry.text)))
        ]


def _key(kind: LineKind, text: str) -> tuple[str | None, ...] | str:
    found = kind.pattern.fullmatch(text)
    return found.groups() if kind.single and found else text


def _begins(kind: LineKind, text: str) -> bool:
    """Whether `no` with the beginning of a single-valued line is enough; an entry of a list goes by its number."""
    return kind.single and any(kind.pattern.fullmatch(f"{text} {rest}") for rest in ("x", "permit x"))


def load(lines: Iterable[str], table: Sequence[LineKind]) -> Entry:
    """The tree of a configuration text, by its indentation; unknown lines are kept, comments are not."""
    root = Entry("")
    stack: list[tuple[int, Entry]] = [(-1, root)]
    for raw in lines:
        text = raw.strip()
        if not text or text.startswith("!") or text in ("end", "exit"):
            continue
        indent = len(raw) - len(raw.lstrip())
        while indent <= stack[-1][0]:
            stack.pop()
        entry = Entry(text)
        stack[-1][1].below.append(entry)
        stack.append((indent, entry))
    Place(root, table).sort()
    return root


def written(root: Entry, *, step: int, closer: str = "", depth: int = 0) -> Iterator[str]:
    """The lines of a tree, indented by `step`; `closer` stands behind every block."""
    for entry in root.below:
        yield " " * (step * depth) + entry.text
        yield from written(entry, step=step, closer=closer, depth=depth + 1)
        if closer and entry.below:
            yield " " * (step * depth) + closer
