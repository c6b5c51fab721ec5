"""Interface names as a platform prints them, from whatever a person types."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_NAME = re.compile(r"(?P<type>[A-Za-z][A-Za-z-]*)(?P<number>\d[\d/.:]*)")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")
_NUMBER = re.compile(r"\d[\d/.:]*")
_RANGE_START = re.compile(r"(?P<stem>[A-Za-z][A-Za-z-]*(?:[\d/.]*[/.])?)(?P<first>\d+)")
_DIGITS = re.compile(r"[0-9]+")
_LONGEST = 50_000


def natural_key(text: str) -> str:
    """Sort key that puts 9 before 10 inside any text, and numbers before everything else; texts hold no NUL.

    One string, because thousands of them are kept for as long as a process lives.
    """
    return _DIGITS.sub(_by_value, text.lower())


def _by_value(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0")
    return f"\x00{chr(min(len(digits) + 1, _LONGEST))}{digits}"


@dataclass(frozen=True, slots=True)
class InterfaceNames:
    """A platform's interface types in the order it prints them; ``usual`` resolves short forms that fit several.

    ``takes_ranges``: a line ``interface Ethernet1/1-4, Ethernet1/9`` names several interfaces.
    """

    types: tuple[str, ...] = ()
    usual: Mapping[str, str] = field(default_factory=dict)
    takes_ranges: bool = False

    def canonical(self, name: str) -> str:
        """Write a name out (``gi1/0/1`` becomes ``GigabitEthernet1/0/1``); leave what is not known alone."""
        parts = _NAME.fullmatch(name)
        # One letter names other things as well: "e1" and "t1" are controllers.
        if parts is None or (len(parts["type"]) < 2 and not self.takes_ranges):
            return name
        full = self._type_of(parts["type"].lower())
        return name if full is None else full + parts["number"]

    def take(self, words: Sequence[str]) -> tuple[str, int]:
        """Read a name from the first word, or from two such as ``vlan 10``; return it and how many words it took."""
        if len(words) > 1 and _NUMBER.fullmatch(words[1]) and _WORD.fullmatch(words[0]):
            return self.canonical(words[0] + words[1]), 2
        return self.canonical(words[0]), 1

    def expand_range(self, text: str) -> list[str]:
        """List the names of ``interface range``'s argument, such as ``gi1/0/1 - 4, vlan 10``."""
        names: list[str] = []
        for part in text.replace(" ", "").split(","):
            names.extend(self._expand_one(part) if part else ())
        return names

    def sort_key(self, name: str) -> str:
        """Where the platform prints an interface: by type, then by number."""
        parts = _NAME.match(name)
        kind = parts["type"] if parts else name
        rank = self.types.index(kind) if kind in self.types else len(self.types)
        return chr(rank + 1) + natural_key(name)

    def _type_of(self, typed: str) -> str | None:
        if typed in self.usual:
            return self.usual[typed]
        fits = [name for name in self.types if name.lower().startswith(typed)]
        exact = [name for name in fits if name.lower() == typed]
        return (exact or fits)[0] if exact or len(fits) == 1 else None

    def _expand_one(self, text: str) -> list[str]:
        # "Port-channel1" holds a dash that is no range, so the last dash alone can be one.
        head, _, last = text.rpartition("-")
        start = _RANGE_START.fullmatch(head)
        end = re.fullmatch(r"(?:.*[^\d])?(\d+)", last)
        if start is None or end is None:
            return [self.canonical(text)]
        numbers = range(int(start["first"]), int(end[1]) + 1)
        return [self.canonical(f"{start['stem']}{number}") for number in numbers]


IOS_NAMES = InterfaceNames(
    (
        "Loopback",
        "Tunnel",
        "Virtual-Template",
        "Port-channel",
        "Dialer",
        "Multilink",
        "Ethernet",
        "FastEthernet",
        "GigabitEthernet",
        "TwoGigabitEthernet",
        "FiveGigabitEthernet",
        "TenGigabitEthernet",
        "TwentyFiveGigE",
        "FortyGigabitEthernet",
        "HundredGigE",
        "AppGigabitEthernet",
        "Serial",
        "Cellular",
        "BDI",
        "Vlan",
        "Null",
    ),
    {
        "te": "TenGigabitEthernet",
        "tw": "TwoGigabitEthernet",
        "fo": "FortyGigabitEthernet",
        "po": "Port-channel",
    },
)
NXOS_NAMES = InterfaceNames(
    ("Vlan", "port-channel", "nve", "Ethernet", "mgmt", "loopback", "Tunnel"), takes_ranges=True
)
EOS_NAMES = InterfaceNames(
    ("Port-Channel", "Ethernet", "Loopback", "Management", "Tunnel", "Vlan", "Vxlan"), takes_ranges=True
)
VERBATIM_NAMES = InterfaceNames()
