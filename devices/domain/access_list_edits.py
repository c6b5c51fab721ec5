"""Edits of access lists that never leave the list empty and never delete it.

An access list may protect the session that edits it, so entries are added before others are taken away, one at a time
and by sequence number. The devices refuse a number that is taken and an entry that exists under another number; such
entries are exchanged one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rapidfuzz.distance import LCSseq

from devices.domain.access_lists import split_number
from devices.domain.config_tree import Node

_STEP = 10


@dataclass(slots=True)
class ListEdit:
    """Commands before, inside and after the list's mode; before and after are ``(start, step)`` of a renumbering."""

    renumber_first: tuple[int, int] | None = None
    inside: list[str] = field(default_factory=list)
    renumber_last: tuple[int, int] | None = None


@dataclass(slots=True)
class _State:
    """A list while it is edited: number to entry, and the commands so far.

    ``by_content``: entries are taken away by what they say, except those that stand there twice.
    """

    entries: dict[int, str]
    commands: list[str] = field(default_factory=list)
    by_content: bool = False
    used_numbers: bool = False

    def remove(self, number: int) -> None:
        is_single = sum(text == self.entries[number] for text in self.entries.values()) == 1
        text = self.entries.pop(number)
        if self.by_content and is_single:
            self.commands.append(f"no {text}")
        else:
            self.used_numbers = True
            self.commands.append(f"no {number}")

    def add(self, number: int, text: str) -> None:
        self.used_numbers = True
        self.entries[number] = text
        self.commands.append(f"{number} {text}")

    def blockers(self, number: int, text: str) -> list[int]:
        return [
            other
            for other, entry in self.entries.items()
            if other == number or (entry == text and not text.startswith("remark"))
        ]


def edit_list(current: Sequence[Node], target: Sequence[Node], *, can_renumber: bool) -> ListEdit:
    """Lead from the current entries to the target's, whose order and numbers (if printed) are reached exactly."""
    if not current:
        return ListEdit(inside=[child.text for child in target])
    now = [split_number(child.text) for child in current]
    then = [split_number(child.text) for child in target]
    if any(number is None for number, _ in [*now, *then]):
        return edit_unnumbered([text for _, text in now], [text for _, text in then])
    have = {number: text for number, text in now if number is not None}
    want = {number: text for number, text in then if number is not None}
    direct = _edit_numbered(have, want)
    if direct is not None:
        return ListEdit(inside=direct)
    last = _even_step(list(want)) if can_renumber else None
    if last is None:
        return ListEdit(inside=_exchange(have, want))
    edit = edit_unnumbered(list(have.values()), list(want.values()))
    return ListEdit(edit.renumber_first, edit.inside, last)


def _edit_numbered(have: dict[int, str], want: dict[int, str]) -> list[str] | None:
    """Commands that reach the wanted numbers directly; None when the list would be empty in between."""
    state = _State(dict(have))
    missing = [(number, text) for number, text in want.items() if have.get(number) != text]
    blocked = []
    for number, text in missing:
        if state.blockers(number, text):
            blocked.append((number, text))
        else:
            state.add(number, text)
    for number, text in blocked:
        for other in state.blockers(number, text):
            state.remove(other)
        if not state.entries:
            return None
        state.add(number, text)
    for number in [number for number, text in state.entries.items() if want.get(number) != text]:
        state.remove(number)
    return state.commands


def _exchange(have: dict[int, str], want: dict[int, str]) -> list[str]:
    """The direct way although the list is empty for one command; only where entries cannot be numbered evenly."""
    commands = [f"no {number}" for number, text in have.items() if want.get(number) != text]
    return commands + [f"{number} {text}" for number, text in want.items() if have.get(number) != text]


def _even_step(numbers: list[int]) -> tuple[int, int] | None:
    """The start and step of evenly spaced numbers."""
    steps = {after - before for before, after in pairwise(numbers)}
    if len(steps) > 1 or not numbers:
        return None
    return numbers[0], steps.pop() if steps else _STEP


def edit_unnumbered(now: list[str], then: list[str]) -> ListEdit:
    """Edit by numbers that are dealt out first, as the device does not print its own.

    Entries are taken away by their content: a number that is not what we think cannot hit another entry.
    """
    if then[: len(now)] == now:
        return ListEdit(inside=then[len(now) :])
    kept = _kept(now, then)
    runs = _missing_runs(kept, len(then))
    longest = max((len(run) for _, run in runs), default=0)
    step = _STEP if longest < _STEP else _STEP * longest
    state = _State({step * (index + 1): text for index, text in enumerate(now)}, by_content=True)
    places = _places(runs, step)
    moved = [(number, then[index]) for number, index in places if state.blockers(number, then[index])]
    for number, index in places:
        if (number, then[index]) not in moved:
            state.add(number, then[index])
    for number, text in moved:
        for other in state.blockers(number, text):
            state.remove(other)
        state.add(number, text)
    wanted = {step * (here + 1) for here, _ in kept} | {number for number, _ in places}
    for number in [number for number in state.entries if number not in wanted]:
        state.remove(number)
    if not state.used_numbers:
        return ListEdit(inside=state.commands)
    return ListEdit((step, step), state.commands, (_STEP, _STEP))


def _kept(now: list[str], then: list[str]) -> list[tuple[int, int]]:
    """Pairs of places of the entries that stay, as many as can."""
    return [
        (op.src_start + offset, op.dest_start + offset)
        for op in LCSseq.opcodes(now, then)
        if op.tag == "equal"
        for offset in range(op.src_end - op.src_start)
    ]


def _missing_runs(kept: list[tuple[int, int]], length: int) -> list[tuple[int, list[int]]]:
    """For every gap between entries that stay: the place of the one before it, and the target's places in the gap."""
    borders = [(-1, -1), *kept]
    ends = [there for _, there in kept] + [length]
    runs = [(here, list(range(there + 1, end))) for (here, there), end in zip(borders, ends, strict=True)]
    return [(here, run) for here, run in runs if run]


def _places(runs: list[tuple[int, list[int]]], step: int) -> list[tuple[int, int]]:
    """A free number behind the entry before the gap for every missing entry; multiples of the step are taken."""
    places = []
    for here, run in runs:
        number = step * (here + 1)
        for index in run:
            number += 1 if (number + 1) % step else 2
            places.append((number, index))
    return places
