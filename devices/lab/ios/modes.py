"""The grammars of all configuration modes, built once."""

from typing import Final

from devices.lab.ios.grammar import Grammar
from devices.lab.ios.rules import MODES

_EVERYWHERE = "exit ;; hook=exit\nend ;; hook=end\n"

GRAMMARS: Final = {name: Grammar(name, _EVERYWHERE + table) for name, (_, table) in MODES.items()}
PROMPTS: Final = {name: prompt for name, (prompt, _) in MODES.items()}
NO_IP_ADDRESS: Final = GRAMMARS["if"].match("ip address", negated=True)[0]
