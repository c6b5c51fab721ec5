"""Lists that go while something else than an interface or a terminal line names them: neighbors, class maps, SNMP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from devices.domain.config_tree import Node
from devices.domain.severity import Severity
from devices.domain.warnings.rule import Hit, Path
from devices.domain.warnings.situation import Situation

_LIST: Final = re.compile(
    r"(?:(?:ip |ipv4 |ipv6 )?(?P<access>access-list)|ip(?:v6)? (?P<prefix>prefix-list)) "
    r"(?:standard |extended )?(?P<name>\S+)"
)
_ACCESS_USE: Final = re.compile(
    r"match (?:access-group (?:name )?|ip(?:v6)? address (?!prefix-list))|snmp-server community |ip nat "
    r"|distribute-list |ntp access-group |ip (?:http|ssh|tftp)\S* .*access|neighbor \S+ distribute-list "
)
_PREFIX_USE: Final = re.compile(r"(?:neighbor \S+ |match ip(?:v6)? address |distribute-list )?prefix-list ")
_MOST: Final = 3


def lists_named(situation: Situation) -> Iterator[Hit]:
    """A list goes that other lines still name: what they select then differs by release. Up to three lines are told."""
    for kind, name, text in sorted(_gone(situation)):
        use = _PREFIX_USE if kind == "prefix-list" else _ACCESS_USE
        for path, line in list(_naming(situation.after.root, use, name))[:_MOST]:
            what = "prefix list" if kind == "prefix-list" else "access list"
            where = f" in “{path[-1]}”" if path else ""
            shown = line if not line.startswith("snmp-server") else "snmp-server community"
            sentence = (
                f"The {what} {name} is named by “{shown}”{where}. The change removes it: many releases then let "
                "everything match."
            )
            yield Hit(sentence, (*path, shown), situation.number_of((), text), Severity.MAJOR)


def _gone(situation: Situation) -> set[tuple[str, str, str]]:
    """The lists that were there and are not any more, each with the words that its lines begin with."""
    found = set()
    for change in situation.changes:
        if not change.path and change.op == "-" and (match := _LIST.match(change.text)):
            left = (node.text for node in situation.after.by_word.get(change.text.split()[0], ()))
            if not any(f"{text} ".startswith(f"{match[0]} ") for text in left):
                found.add((match["access"] or match["prefix"], match["name"], match[0]))
    return found


def _naming(block: Node, use: re.Pattern[str], name: str, path: Path = ()) -> Iterator[tuple[Path, str]]:
    for node in block.children:
        if name in node.text and use.match(node.text) and name in node.text.split():
            yield path, node.text
        yield from _naming(node, use, name, (*path, node.text))
