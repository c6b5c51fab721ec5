"""What happens to our session before the last line is entered: a later line that would mend it is never sent.

The other rules compare the configuration before all lines with that after all of them. Where a device takes line after
line, an address that is taken away and given back, or a list that permits us only in its last entry, ends the session
in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from devices.domain.config_text import parse, render
from devices.domain.prediction import TypedCommand, predict
from devices.domain.severity import Severity
from devices.domain.warnings.interfaces import parents
from devices.domain.warnings.own_path import carriers
from devices.domain.warnings.rule import Hit, Path
from devices.domain.warnings.situation import Situation
from devices.domain.warnings.way_back import way_out

_MOST: Final = 20
"""So many states in between are looked at; each takes one prediction."""
_TOP: Final = (
    "interface ",
    "vlan ",
    "ip route",
    "ipv6 route",
    "ip access-list",
    "ipv6 access-list",
    "access-list",
    "vrf ",
)

_LOSING: Final = ("shutdown", "switchport", "ip ", "ipv6 ", "vrf ", "channel-group ")
"""What an interface may lose something by, without a “no”."""

Rules = Iterable[tuple[str, Callable[[Situation], Iterable[Hit]]]]


def in_between(situation: Situation, rules: Rules, told: frozenset[str]) -> Iterator[tuple[str, Hit]]:
    """Critical hits of these rules that hold after some line and not at the end; of each rule the first.

    ``told``: the rules that have a critical finding at the end, which says enough.
    """
    if situation.atomic or not situation.platform.predictable or situation.own_interface is None:
        return
    left = {code: find for code, find in rules if code not in told}
    numbers = list(dict.fromkeys(one.number for one in _touching(situation)))
    running = render(situation.running, situation.platform) if numbers else ""
    for number in numbers[:_MOST]:
        state = _after(situation, running, number)
        for code in list(left):
            hit = next((one for one in left[code](state) if one.severity in (None, Severity.CRITICAL)), None)
            if hit is not None:
                del left[code]
                sentence = hit.sentence.replace("After the change", "After this line").replace(
                    "The change", "This line"
                )
                yield (
                    code,
                    replace(
                        hit,
                        number=number,
                        sentence=f"{sentence} A later line would mend that, but the session may be gone before it.",
                    ),
                )


def _after(situation: Situation, running: str, number: int) -> Situation:
    """The device when the line with this number was entered."""
    lines = situation.lines[:number]
    target = parse(predict(running, lines, situation.platform, is_normal=True), situation.platform)
    commands = tuple(one for one in situation.commands if one.number <= number)
    return Situation(
        situation.platform, situation.running, target, lines, commands, situation.session, atomic=True, up=situation.up
    )


def _touching(situation: Situation) -> Iterator[TypedCommand]:
    """The commands, but for the last, that may end our session for a while."""
    own = situation.own_interface
    assert own is not None  # noqa: S101 - the caller asked
    lists = {key.name for key in own.lists.values()}
    names = {own.name, *parents(own.name), *carriers(situation), *way_out(situation)}
    blocks = {f"interface {name}" for name in names}
    last = situation.commands[-1].number if situation.commands else 0
    for command in situation.commands:
        if command.number < last and any(_may_end(path, command, blocks, lists) for path in command.paths):
            yield command


def _may_end(path: Path, command: TypedCommand, blocks: set[str], lists: set[str]) -> bool:
    if not path:
        return command.text.startswith(_TOP) and (command.negated or command.text.startswith("access-list"))
    if path[0] in blocks:
        return command.negated or command.text.startswith(_LOSING)
    return path[0].startswith("vlan ") or path[0].split()[-1] in lists
