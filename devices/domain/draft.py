"""A configuration that is being edited the way a device edits it: one line replaces another, goes away, or joins."""

import re
from dataclasses import dataclass, field

from devices.domain.config_tree import Node
from devices.domain.grammar import Grammar, Match, Mode

_LAYER3_TYPES = ("Vlan", "Loopback", "loopback", "Tunnel", "BDI", "Dialer", "Virtual-Template", "Multilink", "mgmt")
_VIRTUAL_TYPES = (*_LAYER3_TYPES[:-1], "Port-channel", "port-channel", "Port-Channel", "nve", "Vxlan")


@dataclass(slots=True)
class Draft:
    """The tree, what it is read with, and what a reader should know about the estimate.

    ``numbered_lists`` tells whether this device prints the sequence numbers of access lists.
    """

    root: Node
    grammar: Grammar
    numbered_lists: bool
    notes: list[str] = field(default_factory=list)
    # By the identity of nodes, which are kept with them: a freed node's identity would be given to a new one.
    flat_lists: dict[int, Node] = field(default_factory=dict)
    _routed: bool | None = None

    @property
    def is_router(self) -> bool:
        """Whether physical interfaces carry addresses without ``no switchport``; decided once, from the baseline."""
        if self._routed is None:
            self._routed = any(_is_routed_port(node) for node in self.root.children)
        return self._routed

    def is_layer3(self, header: str, block: Node) -> bool:
        """Whether an interface can carry an address, so that its absence is printed as ``no ip address``."""
        name = header.partition(" ")[2]
        if name.startswith(_LAYER3_TYPES) or "." in name or any(c.text == "no switchport" for c in block.children):
            return True
        return self.is_router and not any(child.text.startswith("switchport") for child in block.children)


def _is_routed_port(node: Node) -> bool:
    name = node.text.removeprefix("interface ")
    if name == node.text or name.startswith(_VIRTUAL_TYPES) or "." in name or name == "GigabitEthernet0/0":
        return False
    lines = {child.text for child in node.children}
    return "no switchport" not in lines and any(re.match(r"(no )?ip address\b", line) for line in lines)


def is_removable_interface(header: str) -> bool:
    """Whether ``no interface`` takes an interface away; hardware stays."""
    name = header.partition(" ")[2]
    return name.startswith(_VIRTUAL_TYPES) or "." in name


def key_of(text: str, mode: Mode) -> tuple[str, ...]:
    """What a line of a configuration occupies: two lines with one key cannot stand together."""
    negated, found = mode.match_any(text)
    if found is None:
        return (text.removeprefix("no "),)
    return found.key if not negated or not found.rule.many else (found.rule.phrase, text.removeprefix("no "))


def with_key(block: Node, mode: Mode, key: tuple[str, ...]) -> list[Node]:
    """The block's lines that occupy a key: one at most, in a configuration that a device printed."""
    first = key[0].partition(" ")[0]
    return [
        child
        for child in block.children
        if child.text.removeprefix("no ").startswith(first) and key_of(child.text, mode) == key
    ]


def add(block: Node, text: str, body: str | None = None) -> Node:
    """Add a line at the end, where appended lines belong; the others are sorted when the configuration is tidied."""
    node = Node(text, body=body)
    block.children.append(node)
    return node


def put(block: Node, mode: Mode, found: Match) -> Node | None:
    """Set a line: it takes the place of the line with its key, or is inserted; None when its value is not printed."""
    old = with_key(block, mode, found.key)
    clear(block, found.rule.clears, found.captures)
    if _is_default(found):
        drop(block, old)
        return None
    if not old:
        node = add(block, found.text)
        _keep_default_class_last(block)
        return node
    drop(block, old[1:])
    old[0].text = found.text
    return old[0]


def _keep_default_class_last(block: Node) -> None:
    """A policy map's default class stays behind every other class."""
    if block.text.startswith("policy-map "):
        block.children.sort(key=lambda child: child.text == "class class-default")


def _is_default(found: Match) -> bool:
    rule = found.rule
    if rule.hidden and found.text == found.rule.negated(found.captures)[3:]:
        return True
    return bool(rule.hide) and found.text == f"{' '.join(found.head)} {rule.hide}"


def drop(block: Node, nodes: list[Node]) -> None:
    """Take lines out of a block."""
    gone = {id(node) for node in nodes}
    block.children = [child for child in block.children if id(child) not in gone]


def clear(block: Node, prefixes: tuple[str, ...], captures: tuple[str, ...]) -> None:
    """Take away what a command takes along, such as the addresses of an interface that moves to another VRF."""
    for prefix in prefixes:
        words = prefix.format(*captures)
        drop(block, [child for child in block.children if _begins(child.text.removeprefix("no "), words)])


def _begins(text: str, words: str) -> bool:
    return text == words or text.startswith(words + " ")


def unset(block: Node, mode: Mode, found: Match, typed: str) -> None:
    """Apply ``no``: take the lines away that it names, and print the unset state where the device prints it."""
    rule = found.rule
    old = _named(block, mode, found, typed)
    if rule.exact and found.words != found.head and old and all(node.text != found.text for node in old):
        return
    if rule.fixed or (rule.tokens[0] == "interface" and not is_removable_interface(found.text)):
        return
    if rule.off and any(node.text == rule.negated(found.captures) for node in old):
        return
    drop(block, old)
    if rule.cascade:
        words = rule.cascade.format(*found.captures)
        for node in block.walk():
            drop(node, [child for child in node.children if _begins(child.text.removeprefix("no "), words)])
    clear(block, rule.off_clears, found.captures)
    if rule.unset:
        add(block, rule.unset)
    if rule.off:
        add(block, rule.negated(found.captures))


def _named(block: Node, mode: Mode, found: Match, typed: str) -> list[Node]:
    """The lines that a ``no`` command means: those with its key, and for a shortened one all that begin like it."""
    if not found.rule.many:
        return with_key(block, mode, found.key)
    return [child for child in block.children if _begins(child.text.removeprefix("no "), typed)]


def unset_unknown(block: Node, typed: str) -> None:
    """Apply ``no`` to a line that no rule knows: it takes itself away, and whatever begins with it."""
    drop(block, [child for child in block.children if _begins(child.text, typed)])


def set_unknown(block: Node, text: str) -> Node:
    """Set a line that no rule knows.

    Best estimate: a line that differs from another in a number at its end replaces it, every other one is added.
    """
    same = [child for child in block.children if child.text == text]
    if same:
        return same[0]
    negation = [child for child in block.children if child.text == f"no {text}"]
    stem, _, last = text.rpartition(" ")
    numeric = [
        child
        for child in block.children
        if stem
        and last.isdecimal()
        and child.text.rpartition(" ")[0] == stem
        and child.text.rpartition(" ")[2].isdecimal()
    ]
    if numeric and not numeric[0].children:
        numeric[0].text = text
        return numeric[0]
    node = Node(text)
    if negation:
        # The device printed the negation, so the positive form is its default and is not printed.
        drop(block, negation)
        return node
    block.children.append(node)
    return node
