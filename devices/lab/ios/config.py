"""The running configuration and the line-by-line interpreter of configuration modes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from devices.lab.ios import ordered_lists as _registers_hooks  # noqa: F401 - imported for its hooks
from devices.lab.ios import semantics
from devices.lab.ios.errors import IncompleteError, InvalidInputError, IosError, RefusedError
from devices.lab.ios.grammar import Grammar, Match
from devices.lab.ios.modes import GRAMMARS, PROMPTS
from devices.lab.ios.params import canonical_interface, vlan_numbers
from devices.lab.ios.semantics import Place, Remarks
from devices.lab.ios.tree import Entry, Section

MAX_LINE: Final = 510


@dataclass(slots=True)
class IosConfig:
    """A running configuration: all settings of a device, and which interfaces its hardware has.

    `numbered_lists` prints sequence numbers in named access lists, as IOS XE does and IOS does not.
    """

    physical: frozenset[str] = frozenset()
    numbered_lists: bool = False
    version: str = "15.2"
    root: Section = field(default_factory=lambda: Section("global"))

    @classmethod
    def load(
        cls, text: str, *, physical: Iterable[str] = (), numbered_lists: bool = False, version: str = "15.2"
    ) -> "IosConfig":
        """The configuration that a device has after it booted with this startup text.

        Lines that the device does not understand are skipped, as at a real boot.
        """
        config = cls(frozenset(physical), numbered_lists, version)
        session = ConfigSession(config)
        for name in physical:
            session.execute(f"interface {name}")
        session.execute_all(("line con 0", "line vty 0 4", "line vty 5 15"))
        session.read_text(text)
        return config


@dataclass(slots=True)
class _Frame:
    mode: str
    targets: list[tuple[Section, Entry | None]]


@dataclass(slots=True)
class _Banner:
    kind: str
    delimiter: str
    lines: list[str]


class ConfigSession:
    """One session in configuration mode: the stack of sub-modes, and a banner that is being typed.

    `grammars` and `prompts` are the language; another operating system replaces them.
    """

    grammars: ClassVar[Mapping[str, Grammar]] = GRAMMARS
    prompts: ClassVar[Mapping[str, str]] = PROMPTS

    def __init__(self, config: IosConfig) -> None:
        self._config = config
        self._banner: _Banner | None = None
        self._frames: list[_Frame] = []
        self._resetting = False
        self.ended = False
        self._to_top()

    def _to_top(self) -> None:
        self._frames = [_Frame("global", [(self._config.root, None)])]

    @property
    def prompt(self) -> str:
        """What stands in brackets in the prompt; empty while a banner is being typed."""
        if self._banner is not None:
            return ""
        top = self._frames[-1]
        many = top.mode == "if" and len(top.targets) > 1
        return self.prompts[top.mode] + ("-range" if many else "")

    @property
    def in_banner(self) -> bool:
        """Whether the next line is banner text, whatever it looks like."""
        return self._banner is not None

    def execute(self, line: str) -> Remarks:
        """Take one line as typed and give the device's remarks.

        Raises:
            IosError: the device refuses the line; nothing changed.
        """
        if self._banner is not None:
            return self._banner_line(line)
        text = line.strip()
        if not text or text.startswith("!"):
            return []
        if len(text) > MAX_LINE:
            raise InvalidInputError(MAX_LINE)
        negation, words, offset = _without_no(line)
        self._resetting = negation == "default"
        if not words:
            raise IncompleteError
        return self._dispatch(" " * offset + words, negated=bool(negation))

    def execute_all(self, lines: Iterable[str]) -> None:
        """Take lines and skip those that the device refuses."""
        for line in lines:
            try:
                self.execute(line)
            except IosError:
                continue

    def read_text(self, text: str) -> None:
        """Take a configuration as printed: a line without indentation starts at the top."""
        for line in text.splitlines():
            if self._banner is None and line[:1].strip():
                self._to_top()
            self.execute_all((line,))
        self._to_top()

    def _dispatch(self, line: str, *, negated: bool) -> Remarks:
        """Try the current mode, then the modes around it; the deepest complaint wins."""
        deepest = InvalidInputError(-1)
        for depth in range(len(self._frames) - 1, -1, -1):
            try:
                matches = self.grammars[self._frames[depth].mode].match(line, negated=negated)
            except InvalidInputError as error:
                if error.column > deepest.column:
                    deepest = error
                continue
            return self._act(depth, matches, negated)
        raise deepest

    def _act(self, depth: int, matches: tuple[Match, ...], negated: bool) -> Remarks:
        first = matches[0]
        if first.rule.alias:
            return self._alias(first, negated)
        hook = first.rule.hook
        if hook in ("exit", "end", "leave"):
            self._leave(hook)
            return []
        if hook == "banner":
            return self._start_banner(first, negated)
        if hook == "interface_range":
            return self._interface_range(first, negated)
        if hook == "line":
            matches = _each_line(first)
        return self._change(depth, matches, negated)

    def _change(self, depth: int, matches: tuple[Match, ...], negated: bool) -> Remarks:
        del self._frames[depth + 1 :]
        targets = self._frames[-1].targets
        before = [dict(section.entries) for section, _ in targets]
        remarks: Remarks = []
        try:
            for section, owner in targets:
                place = Place(self._config.root, section, owner, self._config.physical)
                for match in matches:
                    remarks += self._change_one(place, match, negated)
        except IosError:
            for (section, _), entries in zip(targets, before, strict=True):
                section.entries = entries
            raise
        if matches[0].rule.enter and not negated:
            entered = [body for section, _ in targets for match in matches for body in _bodies(section, match)]
            self._frames.append(_Frame(entered[0][0].mode, entered))
        return remarks

    def _change_one(self, place: Place, match: Match, negated: bool) -> Remarks:
        if self._resetting:
            return semantics.reset(place, match, negated)
        if not negated:
            semantics.check_layer(place, match)
        return semantics.HOOKS[match.rule.hook](place, match, negated)

    def _alias(self, match: Match, negated: bool) -> Remarks:
        old, _, new = match.rule.alias.partition(">")
        rest = " ".join(match.tokens).removeprefix(old)
        return self._dispatch(new + rest, negated=negated)

    def _leave(self, how: str) -> None:
        if how == "end" or len(self._frames) == 1:
            self._to_top()
            self.ended = True
        else:
            self._frames.pop()

    def _interface_range(self, match: Match, negated: bool) -> Remarks:
        names = _range_names(match.value[0] if match.value else match.tokens[2])
        self._frames = self._frames[:1]
        frame = _Frame("if", [])
        for name in names:
            self._dispatch(f"interface {name}", negated=negated)
            frame.targets += self._frames[-1].targets if not negated else []
            self._frames = self._frames[:1]
        if not negated:
            self._frames.append(frame)
        return []

    def _start_banner(self, match: Match, negated: bool) -> Remarks:
        self._frames = self._frames[:1]
        kind = match.tokens[1]
        if negated:
            self._config.root.drop(("banner", kind))
            return []
        text = match.tokens[2]
        delimiter = "^C" if text.startswith("^C") else text[0]
        banner = _Banner(kind, delimiter, [])
        inside, found, _ = text[len(delimiter) :].partition(delimiter)
        banner.lines.append(inside)
        if found:
            self._store_banner(banner)
            return []
        self._banner = banner
        return [f"Enter TEXT message.  End with the character '{delimiter}'."]

    def _banner_line(self, line: str) -> Remarks:
        banner = self._banner
        if banner is None:
            raise RefusedError("% No banner is being entered")
        inside, found, _ = line.partition(banner.delimiter)
        if not found:
            banner.lines.append(line)
            return []
        banner.lines.append(inside)
        self._banner = None
        self._store_banner(banner)
        return []

    def _store_banner(self, banner: _Banner) -> None:
        match = self.grammars["global"].match(f"banner {banner.kind} x")[0]
        text = "\n".join(banner.lines)
        key = ("banner", banner.kind)
        self._config.root.put(match, key=key, tokens=(*key, f"^C{text}^C"))


def _without_no(line: str) -> tuple[str, str, int]:
    """The `no` or `default` that the line begins with, the rest, and where the rest begins."""
    stripped = line.lstrip()
    first, _, rest = stripped.partition(" ")
    word = first.lower()
    if word == "no" or (len(word) > 2 and "default".startswith(word)):
        words = rest.lstrip()
        return "no" if word == "no" else "default", words, len(line) - len(words)
    return "", stripped, len(line) - len(stripped)


def _bodies(section: Section, match: Match) -> list[tuple[Section, Entry | None]]:
    keys = [match.key]
    if match.rule.hook == "vlan":
        keys = [("vlan", str(number)) for number in vlan_numbers(match.tokens[1]) or []]
    if match.rule.hook == "route_map":
        keys = [semantics.route_map_key(match)]
    entries = [section.entries[key] for key in keys if key in section.entries]
    return [(entry.body, entry) for entry in entries if entry.body is not None]


def _each_line(match: Match) -> tuple[Match, ...]:
    """`line vty 0 4` means five lines, each with settings of its own."""
    if match.tokens[1] != "vty":
        return (match,)
    numbers = [int(token) for token in match.tokens[2:]]
    if numbers[-1] < numbers[0]:
        raise RefusedError("% Bad line range: the last number is below the first")
    return tuple(Match(match.rule, ("line", "vty", str(number)), 3) for number in range(numbers[0], numbers[-1] + 1))


def _range_names(text: str) -> list[str]:
    """The interfaces of "Gi1/0/1 - 4 , Gi1/0/8"."""
    names: list[str] = []
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.rpartition("-") if part.rpartition("-")[2].isdigit() else (part, "", "")
        name = canonical_interface(first if dash else part)
        if name is None:
            raise RefusedError("%Invalid interface range")
        stem, number = name.rstrip("0123456789"), int(name[len(name.rstrip("0123456789")) :])
        names += [f"{stem}{each}" for each in range(number, int(last or number) + 1)]
    return names
