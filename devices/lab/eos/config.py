"""EOS configuration: the language that sessions speak, the text that the switch prints, and how it is read again."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from typing_extensions import override

from devices.lab.eos.rules import GRAMMARS, PROMPTS
from devices.lab.ios import semantics
from devices.lab.ios.config import ConfigSession, IosConfig
from devices.lab.ios.errors import RefusedError
from devices.lab.ios.grammar import Grammar, Match
from devices.lab.ios.semantics import Place, Remarks
from devices.lab.ios.tree import Entry

DEFAULT_HOSTNAME: Final = "localhost"
_VIRTUAL: Final = ("Loopback", "Port-Channel", "Tunnel", "Vlan")
_INDENT: Final = 3


class EosSession(ConfigSession):
    """One session in configuration mode of EOS."""

    grammars: ClassVar[Mapping[str, Grammar]] = GRAMMARS
    prompts: ClassVar[Mapping[str, str]] = PROMPTS

    def __init__(self, config: IosConfig) -> None:
        super().__init__(config)
        self._banner_kind = ""
        self._banner_lines: list[str] = []

    @property
    @override
    def in_banner(self) -> bool:
        return bool(self._banner_kind)

    @override
    def execute(self, line: str) -> Remarks:
        if self._banner_kind:
            return self._text_line(line)
        return super().execute(line)

    @override
    def _start_banner(self, match: Match, negated: bool) -> Remarks:
        self._frames = self._frames[:1]
        if negated:
            self._config.root.drop(match.key)
            return []
        self._banner_kind, self._banner_lines = match.tokens[1], []
        return ["Enter TEXT message. Type 'EOF' on its own line to end."]

    def _text_line(self, line: str) -> Remarks:
        if line.strip() != "EOF":
            self._banner_lines.append(line)
            return []
        kind, self._banner_kind = self._banner_kind, ""
        match = self.grammars["global"].match(f"banner {kind}")[0]
        text = "\n".join([kind, *self._banner_lines, "EOF"])
        self._config.root.put(match, key=("banner", kind), tokens=("banner", text))
        return []

    @override
    def _change_one(self, place: Place, match: Match, negated: bool) -> Remarks:
        if self._resetting and match.rule.hook == "eos_interface":
            entry = place.section.find(*match.key)
            if entry is not None and entry.body is not None:
                entry.body.entries.clear()
            return []
        return super()._change_one(place, match, negated)


@semantics.hook("eos_interface")
def _interface(place: Place, match: Match, negated: bool) -> Remarks:
    name = match.tokens[1]
    is_virtual = name.startswith(_VIRTUAL)
    if not is_virtual and name not in place.physical:
        raise RefusedError(f"Interface {name} does not exist")
    if not negated:
        place.section.put(match)
    elif is_virtual:
        place.section.drop(match.key)
    else:
        raise RefusedError("Removal of physical interfaces is not permitted")
    return []


def load(text: str, physical: Iterable[str]) -> IosConfig:
    """The configuration after booting with this text; lines that the switch does not understand are skipped."""
    config = IosConfig(frozenset(physical))
    session = EosSession(config)
    session.execute_all(f"interface {name}" for name in sorted(config.physical))
    session.read_text(text)
    return config


def hostname(config: IosConfig) -> str:
    """The switch's name as it states it."""
    entry = config.root.find("hostname")
    return entry.tokens[1] if entry else DEFAULT_HOSTNAME


def config_text(config: IosConfig) -> str:
    """The whole configuration to its `end`, without the header that names the command."""
    lines: list[str] = []
    previous = ""
    for entry in config.root.ordered():
        if entry.key == ("vlan", "1"):
            continue
        if entry.rule.enter or entry.key[0] != previous:
            lines.append("!")
        lines += entry.text.split("\n")
        lines += _body(entry, 1)
        previous = entry.key[0]
    return "\n".join([*lines, "!", "end", ""])


def _body(entry: Entry, depth: int) -> list[str]:
    if entry.body is None:
        return []
    pad = " " * (_INDENT * depth)
    lines: list[str] = []
    for inner in entry.body.ordered():
        if inner.rule.enter:
            lines.append(f"{pad}!")
        lines += [pad + inner.text, *_body(inner, depth + 1)]
    return lines
