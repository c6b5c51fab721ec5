"""All that the rules look at: a device's configuration before and after, the commands, and our own way in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from devices.domain.config_text import parse
from devices.domain.config_tree import Node
from devices.domain.platforms import Platform
from devices.domain.prediction import TypedCommand, read_commands, software_of
from devices.domain.terminal_lines import align_terminals, terminal_range
from devices.domain.warnings.differences import LineChange, differences
from devices.domain.warnings.interfaces import Interface, plain_address
from devices.domain.warnings.rule import Path, begins
from devices.domain.warnings.view import View, active, view_of


@dataclass(frozen=True, slots=True)
class OwnSession:
    """How Countersign reaches the device. Empty texts are facts that are not known.

    ``address`` is the address that we connect to, ``client_address`` the one that the device sees us come from,
    ``interface`` the interface that takes our session where it is known (otherwise it is found by ``address``),
    ``username`` the user that we sign in as, ``port`` the TCP port of the session.
    """

    address: str = ""
    client_address: str = ""
    interface: str = ""
    username: str = ""
    port: int = 22

    def __post_init__(self) -> None:
        """Write the addresses as configurations do: without a zone, and IPv4 ones as such."""
        object.__setattr__(self, "address", plain_address(self.address))
        object.__setattr__(self, "client_address", plain_address(self.client_address))


@dataclass(frozen=True, slots=True)
class AddressUse:
    """One address that an interface of some device has, as the inventory's index knows it.

    ``address`` without a prefix length, in its shortest form. ``vrf`` is "" for the global table. ``shared`` marks an
    address that several devices may have at once: of HSRP, VRRP, VARP, an anycast gateway.
    """

    address: str
    device: str
    interface: str
    vrf: str = ""
    shared: bool = False


AddressLookup = Callable[[Collection[str]], Mapping[str, Sequence[AddressUse]]]
"""Who else has these addresses: other devices only, by address. It is asked once for a device, and only if there are
new addresses."""


def nobody(_addresses: Collection[str]) -> Mapping[str, Sequence[AddressUse]]:
    """A lookup for an installation without an index: nobody is known to have an address."""
    return {}


@dataclass(frozen=True)
class Situation:
    """One device and what a change would do to it.

    ``running`` and ``target`` are trees of configurations in normal form. ``atomic``: the device takes all lines at
    once (a candidate that is committed), so nothing is missing between two lines. ``up``: the interfaces that are
    known to be up; None: not known, and every interface that is not shut down counts.
    """

    platform: Platform
    running: Node
    target: Node
    lines: Sequence[str]
    commands: tuple[TypedCommand, ...]
    session: OwnSession = OwnSession()
    lookup: AddressLookup = field(default=nobody, repr=False)
    atomic: bool = False
    up: frozenset[str] | None = None

    @classmethod
    def read(  # one argument for each fact that the caller has
        cls,
        running: str | Node,
        target: str | Node,
        lines: Sequence[str],
        platform: Platform,
        *,
        session: OwnSession | None = None,
        lookup: AddressLookup = nobody,
        atomic: bool = False,
        up: frozenset[str] | None = None,
    ) -> Self:
        """Read what is text; trees are taken as they are. Texts must be in normal form."""
        before = parse(running, platform) if isinstance(running, str) else running
        after = parse(target, platform) if isinstance(target, str) else target
        platform = software_of(before, platform)
        commands = _statements(lines) if platform.first_words else read_commands(lines, platform)
        candidate = not platform.predictable
        return cls(platform, before, after, lines, commands, session or OwnSession(), lookup, atomic or candidate, up)

    @cached_property
    def before(self) -> View:
        """The running configuration."""
        return view_of(self.running, self.platform)

    @cached_property
    def after(self) -> View:
        """The predicted target."""
        return view_of(self.target, self.platform, self.before)

    @cached_property
    def changes(self) -> tuple[LineChange, ...]:
        """Every line that comes, goes or moves."""
        # Ranges of terminal lines are printed by equal settings: cut alike, only what really differs is left.
        # A Junos statement that is made inactive is a line that goes.
        roots = [active(root) if self.platform.first_words else root for root in (self.running, self.target)]
        old, new = (Node("", list(root.children)) for root in roots)
        align_terminals(old, new)
        return tuple(differences(old, new))

    @cached_property
    def own_interface(self) -> Interface | None:
        """The interface that carries our session, as it is now; None where it cannot be told."""
        interfaces = self.before.interfaces
        if self.session.interface in interfaces:
            return interfaces[self.session.interface]
        return next(
            (one for one in interfaces.values() if any(a.ip == self.session.address for a in one.addresses)), None
        )

    def number_of(self, path: Path, *texts: str) -> int | None:
        """The last command that set or took away a line of this block that begins with one of the texts.

        Without texts: any line of the block. A command that takes a block around it away counts as well.
        """
        for command in reversed(self.commands):
            if any(_is_at(found, path) for found in command.paths) and (
                not texts
                or any(begins(command.text, text) or (command.negated and begins(text, command.text)) for text in texts)
            ):
                return command.number
            if command.negated and any(_takes(command.text, at, path) for at in command.paths):
                return command.number
        return None

    def number_in(self, interface: Interface, *texts: str) -> int | None:
        """Like `number_of`, for lines of an interface: the texts in their order, then the interface as a whole."""
        header = interface.path[0]
        for text in texts:
            if self.platform.first_words:
                number = self.number_of((), f"{header} {text}")
            else:
                number = self.number_of(interface.path, text)
            if number is not None:
                return number
        return self.number_of((), header) if self.platform.first_words else self.header_of(interface.path)

    def header_of(self, path: Path) -> int | None:
        """The last command that enters or removes a block, or a line inside it."""
        return self.number_of(path[:-1], path[-1]) or self.number_of(path)


def _is_at(typed: Path, path: Path) -> bool:
    if len(typed) != len(path):
        return False
    return typed == path or all(map(_same_block, typed, path))


def _same_block(typed: str, printed: str) -> bool:
    if typed == printed:
        return True
    one, other = terminal_range(typed), terminal_range(printed)
    return one is not None and other is not None and one[0] <= other[1] and one[1] >= other[0]


def _takes(text: str, at: Path, path: Path) -> bool:
    return len(at) < len(path) and _is_at(at, path[: len(at)]) and begins(path[len(at)], text)


def _statements(lines: Sequence[str]) -> tuple[TypedCommand, ...]:
    """Junos: complete statements, each with its verb. ``edit`` and ``top`` are refused before a plan is made."""
    return tuple(_read(lines))


def _read(lines: Sequence[str]) -> Iterator[TypedCommand]:
    for number, line in enumerate(lines, start=1):
        verb, _, rest = " ".join(line.split()).partition(" ")
        if verb in ("set", "delete", "deactivate", "activate", "insert", "rename", "copy") and rest:
            yield TypedCommand(number, ((),), rest, verb in ("delete", "deactivate"), False, None)
