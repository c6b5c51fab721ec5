"""What decides which packets reach the device itself: policies of the control plane, and filters of Junos.

Their content is not judged. That they change is told, since our session has to pass them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from devices.domain.severity import Severity
from devices.domain.warnings.rule import Hit
from devices.domain.warnings.situation import Situation
from devices.domain.warnings.view import View

_BLOCKS: Final = ("control-plane", "system control-plane")
_FILTER: Final = re.compile(r"set firewall (?:family (?:inet6?|any) )?filter (?P<name>\S+) ")
_PREFIXES: Final = re.compile(r"set policy-options prefix-list (?P<name>\S+)")
_USED: Final = re.compile(r"firewall (?:family \S+ )?filter (?P<filter>\S+) term \S+ from \S*prefix-list (?P<list>\S+)")


def before_the_device(situation: Situation) -> Iterator[Hit]:
    """A change of what every session to the device passes; one hit for each block or filter."""
    if situation.platform.first_words:
        yield from _junos_filters(situation)
        return
    told: set[str] = set()
    for change in situation.changes:
        block = change.path[0] if change.path else ""
        if block in _BLOCKS and change.text and block not in told:
            told.add(block)
            verb = "comes" if change.op == "+" else "goes"
            sentence = (
                f"“{change.text}” {verb} in “{block}”, which decides what reaches the device itself. Our session has "
                "to pass it."
            )
            number = situation.number_of(change.path, change.text) or situation.header_of((block,))
            yield Hit(sentence, change.path, number, Severity.MAJOR)


def _junos_filters(situation: Situation) -> Iterator[Hit]:
    filters = _filters(situation, situation.before) | _filters(situation, situation.after)
    lists = {name: used for view in (situation.before, situation.after) for name, used in _lists(view, filters)}
    told: set[str] = set()
    for change in situation.changes:
        text = f"{change.text} "
        found, prefixes = _FILTER.match(text), _PREFIXES.match(text)
        name = found["name"] if found else lists.get(prefixes["name"], "") if prefixes else ""
        if name in filters and name not in told:
            told.add(name)
            what = f"The prefix list {prefixes['name']} of the filter {name}" if prefixes else f"The filter {name}"
            sentence = (
                f"{what} changes. Our session passes it: make sure that a term accepts the session before one drops it."
            )
            stem = " ".join(change.text.removeprefix("set ").split()[: 3 if prefixes else 5])
            yield Hit(sentence, (stem,), situation.number_of((), stem), Severity.MAJOR)
    for name in sorted(_filters(situation, situation.after) - _filters(situation, situation.before) - told):
        sentence = f"The filter {name} is applied where our session passes. Make sure that a term accepts the session."
        number = next((one.number for one in situation.commands if one.text.endswith(f" {name}")), None)
        yield Hit(sentence, (f"filter {name}",), number, Severity.MAJOR)


def _filters(situation: Situation, view: View) -> set[str]:
    """The filters of what comes in at our interface and at the loopback."""
    own = situation.own_interface
    return {
        key.name
        for one in view.interfaces.values()
        if one.name.startswith("lo0") or (own is not None and one.name == own.name)
        for direction, key in one.lists.items()
        if direction.startswith("in")
    }


def _lists(view: View, filters: set[str]) -> Iterator[tuple[str, str]]:
    """The prefix lists that those filters ask, each with its filter."""
    for text in view.statements if filters else ():
        if (used := _USED.match(text)) and used["filter"] in filters:
            yield used["list"], used["filter"]
