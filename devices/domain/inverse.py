"""The commands that take a device back: from the configuration that it has to the one that it had.

They are computed from two configurations, never from the commands of a change, so they fit whatever was really
applied. Rules that keep a backout from doing harm:

- A value that was replaced is put back by entering the old line; ``no`` is used only for what was not there before.
- What stands in a list is added before something is removed from it, so servers, users and routes never run out.
- Access lists are edited entry by entry, by sequence number; a list is never deleted and typed anew.
- What others refer to comes back first and goes last.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from devices.domain import draft as edit
from devices.domain.access_list_edits import ListEdit, edit_list, edit_unnumbered
from devices.domain.address_moves import interfaces_to_release
from devices.domain.config_text import normalise, parse, tidy
from devices.domain.config_tree import Node
from devices.domain.draft import is_removable_interface
from devices.domain.grammar import Match, Mode, Rule
from devices.domain.line_commands import in_mode, negation, replace_commands, set_commands
from devices.domain.platforms import Platform
from devices.domain.prediction import predict, software_of
from devices.domain.special_lines import is_standard
from devices.domain.terminal_lines import align_terminals, is_removable_terminal

_ROUNDS = 3
_Key = tuple[str, ...]


class _Phase(IntEnum):
    """When a command comes, among those of its block."""

    EXCLUSIVE = 0  # blocks that must be gone before another of their kind can stand
    RELEASE = 1  # addresses that move to another interface
    REMOVE_FIRST = 2  # what depends on a single value: secondary addresses, exceptions from a default
    REMOVE_EARLY = 3  # single values, and lines of which nothing is known
    DEFINE = 4  # blocks that others refer to
    RESTORE = 5  # old values, missing lines, edits inside blocks
    RESTORE_LAST = 6  # what depends on a single value
    REMOVE_LATE = 7  # members of lists
    REMOVE_BLOCK = 8  # whole blocks, last printed first


def inverse_commands(before: str, after: str, platform: Platform) -> tuple[str, ...]:
    """Return configuration-mode commands that take a device from ``after`` back to ``before``.

    Lines of sub-modes are indented, and every mode that is entered is left again. Nothing is returned when the two
    are equal in normal form. The result is tried on the platform's rules and completed where one command undoes
    another; lines that no rule knows are taken away and entered again as they stand.
    """
    target = normalise(before, platform)
    current = normalise(after, platform)
    commands: list[str] = []
    left = _distance(target, current)
    for _ in range(_ROUNDS):
        if not left:
            break
        more = _commands(target, current, platform)
        result = predict(current, more, platform)
        distance = _distance(target, result)
        if commands and distance >= left:
            break
        commands += more
        current, left = result, distance
    return tuple(commands)


def _distance(one: str, other: str) -> int:
    """How many lines differ; their places count only when nothing else differs."""
    lines, others = one.split("\n"), other.split("\n")
    return len(set(lines) ^ set(others)) + abs(len(lines) - len(others)) or int(one != other)


def _commands(before: str, after: str, platform: Platform) -> list[str]:
    target, current = (tidy(parse(text, platform), platform.grammar) for text in (before, after))
    platform = software_of(target, platform)
    align_terminals(target, current)
    block = _Block(platform, platform.grammar.top, target, current)
    for name in interfaces_to_release(target, current):
        block.add(_Phase.RELEASE, in_mode(name, ["no ip address"], platform))
    return block.commands()


@dataclass(slots=True)
class _Block:
    """Two states of one block, and the commands found so far that lead from the current to the target."""

    platform: Platform
    mode: Mode
    target: Node
    current: Node
    found: list[tuple[_Phase, list[str]]] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)

    def add(self, phase: _Phase, commands: Sequence[str]) -> None:
        """Note commands that belong together."""
        if commands:
            self.found.append((phase, list(commands)))

    def commands(self) -> list[str]:
        """Compare the two states and list the commands, in the order of their phases."""
        old = {child.text: child for child in self.current.children}
        alike = {child.text for child in self.target.children if old.get(child.text) == child}
        wanted, present = (self._by_key(block, alike) for block in (self.target, self.current))
        self._remove(wanted, present)
        self._restore(wanted, present)
        self._restore_order(wanted, present)
        self._restore_flat_lists()
        self._restore_cleared(alike)
        return [line for _, lines in sorted(self.found, key=lambda item: item[0]) for line in lines]

    def _by_key(self, block: Node, alike: set[str]) -> dict[_Key, Node]:
        """What differs by key, and all members of lists whose order counts."""
        return {
            edit.key_of(child.text, self.mode): child
            for child in block.children
            if child.text not in alike or child.text.startswith(self.mode.appended)
        }

    def _match(self, node: Node) -> Match | None:
        return self.mode.match_any(node.text)[1]

    def _is_plain(self, node: Node) -> bool:
        """Whether a line's place and neighbours do not matter, so that it can be handled by itself."""
        found = self._match(node)
        return found is None or not (found.rule.appended or found.rule.phrase == _FLAT_LIST)

    def _remove(self, wanted: Mapping[_Key, Node], present: Mapping[_Key, Node]) -> None:
        surplus = [node for key, node in present.items() if key not in wanted and self._is_plain(node)]
        taken_along = list(self._taken_along(surplus))
        for node in reversed(surplus):
            words = node.text.removeprefix("no ")
            if not any(words.startswith(prefix) and node is not owner for prefix, owner in taken_along):
                self._remove_one(node)

    def _taken_along(self, surplus: Sequence[Node]) -> Iterator[tuple[str, Node]]:
        """Beginnings of lines that go when another line goes: all of a neighbor's with its ``remote-as``."""
        for node in surplus:
            found = self._match(node)
            if found is not None and found.rule.cascade:
                yield f"{found.rule.cascade.format(*found.captures)} ", node

    def _remove_one(self, node: Node) -> None:
        found = self._match(node)
        is_block = bool(node.children) or (found is not None and bool(found.rule.opens))
        if is_block and not _is_removable(node, found):
            self.add(_Phase.RESTORE, self._edit_inside(Node(node.text), node))
        elif is_block:
            alone = found is not None and found.rule.alone
            self.add(
                _Phase.EXCLUSIVE if alone else _Phase.REMOVE_BLOCK, [negation(node.text, self.mode, self.platform)]
            )
        else:
            command = negation(node.text, self.mode, self.platform)
            self.add(_removal_phase(found), [command] if command else [])
            self._note_cleared(found, unset=not node.text.startswith("no "))

    def _restore(self, wanted: Mapping[_Key, Node], present: Mapping[_Key, Node]) -> None:
        for key, node in wanted.items():
            if not self._is_plain(node):
                continue
            old = present.get(key)
            found = self._match(node)
            phase = _restoring_phase(found)
            if old is None:
                self.add(phase, set_commands(node, self.mode, self.platform))
                self._note_cleared(found, unset=node.text.startswith("no "))
            elif old != node:
                self.add(phase, self._change(old, node))
                self._note_cleared(found, unset=node.text.startswith("no "))

    def _change(self, old: Node, new: Node) -> list[str]:
        """Lead one line or block with the same key back to what it was."""
        if old.identity == new.identity:
            return self._edit_inside(new, old)
        if not (old.children or new.children):
            return replace_commands(old, new, self.mode, self.platform)
        return self._edit_inside(new, old) or [new.text, "exit"]

    def _edit_inside(self, target: Node, current: Node) -> list[str]:
        below = self.platform.grammar.mode_below(self.mode, target.text)
        if below.sequenced:
            return self._edit_list(target, current)
        inner = _Block(self.platform, below, target, current).commands()
        return in_mode(target.text, inner, self.platform)

    def _edit_list(self, target: Node, current: Node) -> list[str]:
        renumbering = self.platform.resequence
        change = edit_list(current.children, target.children, can_renumber=bool(renumbering))
        return _list_commands(target.text, change, self.platform)

    def _restore_flat_lists(self) -> None:
        """Numbered access lists: ``no`` with one line would delete them all, so they are edited as named lists."""
        numbers = dict.fromkeys(
            found.captures[0]
            for node in [*self.target.children, *self.current.children]
            if node.text.startswith("access-list ")
            and (found := self._match(node)) is not None
            and found.rule.phrase == _FLAT_LIST
        )
        for number in numbers:
            head = f"access-list {number} "
            now, then = (
                [child.text.removeprefix(head) for child in block.children if child.text.startswith(head)]
                for block in (self.current, self.target)
            )
            self.add(_Phase.DEFINE, _flat_list_commands(number, now, then, self.platform))

    def _restore_order(self, wanted: Mapping[_Key, Node], present: Mapping[_Key, Node]) -> None:
        """Lists to which a device appends: what stands too early is taken out and entered again at the end."""
        rules = dict.fromkeys(
            found.rule
            for node in [*wanted.values(), *present.values()]
            if (found := self._match(node)) is not None and found.rule.appended and found.rule.phrase != _FLAT_LIST
        )
        for rule in rules:
            self._restore_appended(rule, wanted, present)

    def _restore_appended(self, rule: Rule, wanted: Mapping[_Key, Node], present: Mapping[_Key, Node]) -> None:
        then = {key: node for key, node in wanted.items() if key[0] == rule.phrase}
        now = {key: node for key, node in present.items() if key[0] == rule.phrase}
        kept = _leading_part(list(now), list(then))
        for position, (key, node) in enumerate(then.items()):
            if position < kept:
                self.add(_Phase.RESTORE, [] if now[key] == node else self._change(now[key], node))
                continue
            out = [negation(now[key].text, self.mode, self.platform)] if key in now else []
            self.add(_Phase.RESTORE, [*out, *set_commands(node, self.mode, self.platform)])
        for key, node in now.items():
            if key not in then:
                self.add(_Phase.REMOVE_LATE, [negation(node.text, self.mode, self.platform)])

    def _note_cleared(self, found: Match | None, *, unset: bool) -> None:
        if found is not None:
            prefixes = found.rule.off_clears if unset else found.rule.clears
            self.cleared += [prefix.format(*found.captures) for prefix in prefixes]

    def _restore_cleared(self, alike: set[str]) -> None:
        """Enter again what one of our own commands takes away, such as the address with the VRF."""
        for node in self.target.children:
            if self.cleared and node.text in alike and node.text.startswith(tuple(self.cleared)):
                self.add(_restoring_phase(self._match(node)), set_commands(node, self.mode, self.platform))


_FLAT_LIST = "access-list <number> [...]"


def _is_removable(node: Node, found: Match | None) -> bool:
    if node.text.startswith("interface "):
        return is_removable_interface(node.text)
    if node.text.startswith("line vty "):
        return is_removable_terminal(node.text)
    return found is None or not found.rule.fixed


def _restoring_phase(found: Match | None) -> _Phase:
    if found is not None and found.rule.definition:
        return _Phase.DEFINE
    return _Phase.RESTORE_LAST if found is not None and found.rule.early else _Phase.RESTORE


def _removal_phase(found: Match | None) -> _Phase:
    if found is not None and found.rule.early:
        return _Phase.REMOVE_FIRST
    if found is None or not (found.rule.many or found.captures):
        return _Phase.REMOVE_EARLY
    return _Phase.REMOVE_LATE


def _leading_part(now: list[_Key], then: list[_Key]) -> int:
    """How many of the wanted items stand in the right order already, from the first on."""
    kept = 0
    for key in now:
        if kept < len(then) and key == then[kept]:
            kept += 1
    return kept


def _list_commands(header: str, change: ListEdit, platform: Platform) -> list[str]:
    name = header.rpartition(" ")[2]
    first, last = (
        [platform.resequence.format(name=name, start=numbers[0], step=numbers[1])] if numbers else []
        for numbers in (change.renumber_first, change.renumber_last)
    )
    return [*first, *in_mode(header, change.inside, platform), *last]


def _flat_list_commands(number: str, now: list[str], then: list[str], platform: Platform) -> list[str]:
    if now == then:
        return []
    if not then:
        return [f"no access-list {number}"]
    if then[: len(now)] == now:
        return [f"access-list {number} {entry}" for entry in then[len(now) :]]
    kind = "standard" if is_standard(number) else "extended"
    return _list_commands(f"ip access-list {kind} {number}", edit_unnumbered(now, then), platform)
