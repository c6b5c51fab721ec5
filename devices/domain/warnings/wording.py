"""Rules about how the commands are written: what is taken away for a moment, and what takes more along than it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from devices.domain.config_tree import Node
from devices.domain.grammar import Mode
from devices.domain.prediction import TypedCommand
from devices.domain.severity import Severity
from devices.domain.warnings.rule import Hit, Path, begins, listed
from devices.domain.warnings.situation import Situation
from devices.domain.warnings.vrfs import vrfs_removed

MANY_LINES: Final = 10
"""A single ``no`` that takes as many lines away is wide, whatever it names."""
_ROUTE: Final = re.compile(r"ip(?:v6)? route (?:vrf \S+ )?(?:\d\S*/\d+|\d\S+ \d\S+|[0-9a-fA-F:]+/\d+) ")
_GRAVE: Final = (
    "ip access-",
    "ipv6 ",
    "ip route",
    "ip address",
    "neighbor",
    "access-",
    "aaa",
    "username",
    "switchport",
)
_SECRET_FIRST: Final = (
    "username",
    "enable",
    "snmp-server",
    "tacacs-server",
    "radius-server",
    "password",
    "key",
    "crypto",
)


def negate_then_add(situation: Situation) -> Iterator[Hit]:
    """A line that stands is taken away and, in the same block, entered again: in between, the device is without it."""
    if situation.atomic:
        return
    commands = situation.commands
    for index, command in enumerate(commands):
        if not command.negated or command.reset or _is_harmless(command):
            continue
        path = next((path for path in command.paths if _stands(situation, path, command)), None)
        again = _added(commands[index + 1 :], path, command) if path is not None else None
        if path is None or again is None:
            continue
        shown = _shown(command.text)
        place = f"“{path[-1]}”" if path else "the configuration"
        sentence = (
            f"“{shown}” stands in {place}. Line {command.number} takes it away and line {again.number} enters "
            f"“{_shown(again.text)}”: in between, the device is without it."
        )
        grave = command.text.startswith(_GRAVE) or bool(command.found and command.found.rule.opens)
        yield Hit(sentence, (*path, shown), command.number, None if grave else Severity.MINOR)


def _is_harmless(command: TypedCommand) -> bool:
    """Free text, switches without a value, and what a device wants to have taken away first."""
    if any("access-list" in header for path in command.paths for header in path[-1:]):
        return True
    if command.found is None:
        return False
    rule = command.found.rule
    return rule.text or rule.refuses or not (rule.needs_value or rule.opens or "<" in rule.phrase or "[" in rule.phrase)


def _added(later: Sequence[TypedCommand], path: Path, gone: TypedCommand) -> TypedCommand | None:
    """The command that enters the same setting again, in the same block."""
    route = _ROUTE.match(f"{gone.text} ")
    for command in later:
        if command.negated or path not in command.paths:
            continue
        if begins(command.text, gone.text) or (route and command.text.startswith(route[0])):
            return command
        one, other = gone.found, command.found
        if one is not None and other is not None and not other.rule.many and one.key == other.key:
            return command
    return None


def _stands(situation: Situation, path: Path, command: TypedCommand) -> bool:
    block, mode = _block(situation, path)
    key = command.found.key if command.found and not command.found.rule.many else None
    for child in block.children if block else ():
        if begins(child.text, command.text):
            return True
        if key is not None and (found := mode.match(child.text)) is not None and found.key == key:
            return True
    return False


def _block(situation: Situation, path: Path) -> tuple[Node | None, Mode]:
    """A block of the running configuration and the mode that its lines are in."""
    grammar = situation.platform.grammar
    node: Node | None = situation.running
    mode = grammar.top
    for header in path:
        node = next((child for child in node.children if child.text == header), None) if node else None
        mode = grammar.mode_below(mode, header)
    return node, mode


def _shown(text: str) -> str:
    """A line without what may be a secret."""
    words = text.split()
    return " ".join(words[:2]) if words[0] in _SECRET_FIRST or "password" in words or "key" in words else text


def wide_no(situation: Situation) -> Iterator[Hit]:
    """One ``no``, ``default`` or ``delete`` takes several settings away, or a large block, or a VRF in use."""
    yield from _vrfs(situation)
    gone = [(change.path, change.text) for change in situation.changes if change.op == "-"]
    if situation.platform.first_words:
        yield from _wide_deletes(situation, [text.removeprefix("set ") for _, text in gone])
        return
    told: set[Path] = set()
    for command in situation.commands if gone else ():
        if not command.negated or (command.text.startswith("router ") and () in command.paths):
            continue
        for path in command.paths:
            if (*path, command.text) in told:
                continue
            own = [text for place, text in gone if place == path and begins(text, command.text)]
            below = sum(
                1
                for place, _ in gone
                if place[: len(path)] == path and len(place) > len(path) and begins(place[len(path)], command.text)
            )
            if _is_wide(situation, command, path, own, below):
                told.add((*path, command.text))
                yield _wide_hit(command, path, own, below)


def _vrfs(situation: Situation) -> Iterator[Hit]:
    """A VRF goes, and with it the addresses of its interfaces."""
    for header in vrfs_removed(situation):
        name = header.split()[-1]
        inside = [one.name for one in situation.before.interfaces.values() if one.vrf == name and one.addresses]
        if inside:
            sentence = f"“{header}” goes: {listed(inside)} of this VRF would lose what makes them reachable."
            yield Hit(sentence, (header,), situation.header_of((header,)))


def _is_wide(situation: Situation, command: TypedCommand, path: Path, own: list[str], below: int) -> bool:
    total = len(own) + below
    if total >= MANY_LINES or (command.reset and command.found is not None and command.found.rule.opens and below > 1):
        return True
    if len(own) < 2:  # more than the one line that it names
        return False
    _block_node, mode = _block(situation, path)
    last = command.text.split()[-1]
    # A neighbor, a group, a user: the last word says which one thing goes with all of its lines.
    return not all((found := mode.match(text)) is not None and last in found.captures for text in own)


def _wide_hit(command: TypedCommand, path: Path, own: list[str], below: int) -> Hit:
    verb = "default" if command.reset else "no"
    names = dict.fromkeys(f"“{_shown(text)}”" for text in own)
    what = f": {listed(names)}" if names and tuple(names) != (f"“{_shown(command.text)}”",) else ""
    place = f" in “{path[-1]}”" if path else ""
    sentence = f"“{verb} {_shown(command.text)}” takes {len(own) + below} lines away{place}{what}."
    return Hit(sentence, (*path, _shown(command.text)), command.number)


def _wide_deletes(situation: Situation, gone: list[str]) -> Iterator[Hit]:
    for command in situation.commands:
        if not command.negated:
            continue
        lines = [text for text in gone if begins(text, command.text)]
        whole = " " not in command.text and len(lines) > 1
        if whole or len(lines) >= MANY_LINES:
            sentence = f"One line takes {len(lines)} statements away: all that begin with “{_shown(command.text)}”."
            yield Hit(sentence, (_shown(command.text),), command.number)
