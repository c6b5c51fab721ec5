"""The grammars of all configuration modes, built once from the tables."""

import re
from typing import Final

from devices.lab.ios.grammar import Grammar
from devices.lab.ios.mode_rules import SUB_MODES
from devices.lab.ios.rules import GLOBAL

_EVERYWHERE = "exit ;; hook=exit\nend ;; hook=end\n"
_HEADER = re.compile(r"^\[(?P<name>[^\]\n]+)\] ?(?P<prompt>\S*)\n", re.MULTILINE)


def _blocks() -> dict[str, tuple[str, str]]:
    """Prompt and table of every block."""
    _, *parts = _HEADER.split(SUB_MODES)
    return {name: (prompt, table) for name, prompt, table in zip(*[iter(parts)] * 3, strict=True)}


def _grammars(blocks: dict[str, tuple[str, str]]) -> dict[str, Grammar]:
    shared = {name: table for name, (_, table) in blocks.items() if name.startswith("@")}
    grammars = {"global": Grammar("global", _EVERYWHERE + GLOBAL)}
    for name, (_, table) in blocks.items():
        if name in shared:
            continue
        lines = [shared.get(line.strip(), line) for line in table.splitlines()]
        grammars[name] = Grammar(name, _EVERYWHERE + "\n".join(lines))
    return grammars


GRAMMARS: Final = _grammars(_blocks())
PROMPTS: Final = {"global": "config", **{name: prompt for name, (prompt, _) in _blocks().items()}}
NO_IP_ADDRESS: Final = GRAMMARS["if"].match("ip address", negated=True)[0]
