"""Where in a configuration a line stands, so that two people's changes can be told apart by place, not by text.

A *place* is a path of elements: one for the header of each block around the line, and one for the line itself. An
element is the words that say which setting it is, without the value: its literals and its key, as the platform's
grammar knows them (``ntp server 10.0.0.1 prefer`` stands at ``ntp server 10.0.0.1``, ``mtu 9000`` at ``mtu``). Two
changes *meet* where a place of one is a place of the other or begins it: the same value, a block and what is below it.

Where the order of lines has a meaning (access lists, prefix lists, route maps, classes, name servers), the list is one
place. So are ranges that may intersect (VLANs, terminal lines), and blocks of which no rule is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from devices.domain.config_text import parse, tidy
from devices.domain.config_tree import Node
from devices.domain.grammar import Grammar, Match, Mode
from devices.domain.platforms import Platform

Element = tuple[str, ...]
Place = tuple[Element, ...]

_LISTS_BY: Final = frozenset({"<seq>"})
"""Key words that are a position: what stands before them is an ordered list."""
_RANGES: Final = frozenset({"<vlans>", "<instances>"})
"""Key words that are sets: two of them may have members in common."""
_STATEMENT_WORD: Final = re.compile(r'"[^"]*"|\S+')

# Without a grammar: what is known of a platform's own lists and keys; everything else meets by its first word.
_XR_LISTS: Final = re.compile(r"(?:(?:ipv4|ipv6|ethernet-services|es) (?:access|prefix)-list|policy-map|class-map) ")
_XR_KEYED: Final = re.compile(
    r"(?:ntp server|ntp peer|server|peer|logging|domain name-server|domain list|neighbor|network|username|vrf|interface"
    r"|snmp-server (?:host|community)|route-target|ipv4 route|ipv6 route) (?=\S*[\d./:])\S+"
    r"|\d\S*/\d+(?: \S+)?"
)
_JUNOS_LISTS: Final = {"filter": 1, "policy-statement": 1, "rule-set": 1, "policies": 0, "apply-groups": 0}
"""Statements whose parts stand in an order, and how many words after them name the list."""
_JUNOS_KEYED: Final = frozenset(
    {"server", "peer", "name-server", "host", "neighbor", "address", "route", "unit", "members", "interface", "vlans"}
)
"""Statements of which there are several side by side, told apart by the next word."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A line that takes others along when it is set or unset: all from ``block`` on downwards that begin so."""

    block: Place
    words: Element

    def covers(self, place: Place) -> bool:
        """Whether the line at this place is one of them."""
        depth = len(self.block)
        return place[:depth] == self.block and any(
            element[: len(self.words)] == self.words for element in place[depth:]
        )


@dataclass(frozen=True, slots=True)
class Touched:
    """The places at which two configurations differ, and what the lines that differ take along."""

    places: frozenset[Place]
    reaches: frozenset[Reach] = frozenset()

    def meeting(self, other: Touched) -> frozenset[Place]:
        """Those of these places at which, above or below which, or within whose reach, the other one is as well.

        Time grows with the number of places, not with its square.
        """
        around = {start for place in other.places for start in _starts(place)}
        met = {place for place in self.places if place in around or not other.places.isdisjoint(_starts(place))}
        met.update(place for reach in other.reaches for place in self.places if reach.covers(place))
        met.update(
            (*reach.block, reach.words) for reach in self.reaches if any(reach.covers(place) for place in other.places)
        )
        return frozenset(met)


def touched(before: str, after: str, platform: Platform) -> Touched:
    """Where two configurations differ."""
    old, new = _Reader(platform), _Reader(platform)
    old.read(before)
    new.read(after)
    places = {place for place in old.lines.keys() | new.lines.keys() if old.lines.get(place) != new.lines.get(place)}
    reaches = {reach for reader in (old, new) for place in places for reach in reader.reaches.get(place, ())}
    return Touched(frozenset(places), frozenset(reaches))


def lines_at(text: str, platform: Platform) -> dict[Place, list[str]]:
    """A configuration's lines by place; lines of one place in their order."""
    reader = _Reader(platform)
    reader.read(text)
    return reader.lines


def named_place(place: Place) -> tuple[str, ...]:
    """A place as people read it: one phrase per block and one for the line."""
    return tuple(" ".join(element) for element in place)


def _starts(place: Place) -> Iterator[Place]:
    for depth, element in enumerate(place):
        for length in range(1, len(element) + 1):
            yield (*place[:depth], element[:length])


class _Reader:
    """Collects a configuration's lines by place, and the reaches of those that have any."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._grammar: Grammar = platform.grammar
        self.lines: dict[Place, list[str]] = {}
        self.reaches: dict[Place, list[Reach]] = {}

    def read(self, text: str) -> None:
        root = tidy(parse(text, self._platform), self._grammar)
        if self._grammar.top.rules:
            self._block(root, self._grammar.top, ())
        elif self._platform.first_words:
            for node in root.children:
                self._keep((_statement(node.text, self._platform),), node)
        else:
            self._printed(root, ())

    def _keep(self, place: Place, node: Node, depth: int = 0) -> None:
        # The depth is kept: below a list, the same words may stand in another entry.
        self.lines.setdefault(place, []).append(f"{' ' * depth}{node.identity}")

    def _all_below(self, node: Node, place: Place, depth: int = 1) -> None:
        for child in node.children:
            self._keep(place, child, depth)
            self._all_below(child, place, depth + 1)

    def _block(self, block: Node, mode: Mode, path: Place) -> None:
        for child in block.children:
            _negated, found = mode.match_any(child.text)
            element = _unknown(child) if found is None else _element(found)
            place = (*path, element)
            self._keep(place, child)
            if found is not None:
                self._reach(place, path, found)
            if not child.children:
                continue
            below = self._grammar.mode_below(mode, child.text)
            if _is_list(found) or below.ordered or below.sequenced or not below.rules:
                self._all_below(child, place)
            else:
                self._block(child, below, place)

    def _reach(self, place: Place, path: Place, found: Match) -> None:
        rule = found.rule
        for prefix in (rule.cascade, *rule.clears, *rule.off_clears):
            if prefix:
                words = tuple(prefix.format(*found.captures).split())
                self.reaches.setdefault(place, []).append(Reach(path, words))

    def _printed(self, block: Node, path: Place) -> None:
        """A platform whose lines are known by their indentation only."""
        for child in block.children:
            text = child.text.removeprefix("no ")
            whole = bool(child.children) or child.body is not None
            keyed = _XR_KEYED.match(text)
            element = tuple(text.split() if whole else keyed[0].split() if keyed else text.split()[:1])
            place = (*path, element)
            self._keep(place, child)
            if _XR_LISTS.match(text):
                self._all_below(child, place)
            else:
                self._printed(child, place)


def _element(found: Match) -> Element:
    """The words that say which setting it is: the phrase's literals and keys up to the values, or the whole line."""
    rule = found.rule
    if rule.many and not rule.appended:
        return found.words
    element: list[str] = []
    # Lines of which each is its own key, in an order: the list is what stands before the key.
    ends_at_key = rule.appended and not rule.many
    for token, word in zip(rule.tokens, found.words, strict=False):
        if token in ("...", "[...]") or token in _LISTS_BY | _RANGES or (ends_at_key and token.startswith("<")):
            break
        if token.startswith("<") or token not in ("*", "IF"):
            element.append(word)
        if rule.opens == "line" and len(element) == _LINE_KIND:
            break
    # "seq" alone says nothing: the list is named before it.
    return tuple(element[:-1] if element[-1] == "seq" else element)


_LINE_KIND: Final = 2
"""Words of "line vty": terminal lines are printed in ranges, which a change regroups."""


def _is_list(found: Match | None) -> bool:
    return found is not None and not _LISTS_BY.isdisjoint(found.rule.tokens)


def _unknown(node: Node) -> Element:
    """No rule tells which word is a key, so lines meet that begin alike; a block is told apart by its whole header."""
    words = node.text.removeprefix("no ").split()
    if node.children or node.body is not None:
        return tuple(words)
    return tuple(words[:2] if len(words) > 2 else words[:1])


def _statement(text: str, platform: Platform) -> Element:
    """The place of a line that says by itself where it belongs: its words without the value at their end."""
    words = tuple(_STATEMENT_WORD.findall(platform.section_verb.sub("", text, count=1)))
    for position, word in enumerate(words):
        if word in _JUNOS_LISTS and len(words) > position + _JUNOS_LISTS[word]:
            return words[: position + 1 + _JUNOS_LISTS[word]]
    if not text.startswith("set ") or (len(words) > 1 and words[-2] in _JUNOS_KEYED):
        return words
    return words[:-1] or words
