"""Typed parameters of the command language: what a token may be, and the form in which the device keeps it."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

INTERFACE_TYPES = (
    "Ethernet",
    "FastEthernet",
    "GigabitEthernet",
    "TwoGigabitEthernet",
    "TenGigabitEthernet",
    "TwentyFiveGigE",
    "FortyGigabitEthernet",
    "HundredGigE",
    "Port-channel",
    "Loopback",
    "Tunnel",
    "Vlan",
)
EOS_INTERFACE_TYPES = ("Ethernet", "Loopback", "Management", "Port-Channel", "Tunnel", "Vlan")
NaturalKey = tuple[tuple[int, int, str], ...]
VIRTUAL_TYPES = ("Port-channel", "Loopback", "Tunnel", "Vlan")
LAYER3_TYPES = ("Loopback", "Tunnel", "Vlan")
_INTERFACE = re.compile(r"([A-Za-z-]+)(\d+(?:/\d+)*(?:\.\d+)?)\Z")
_MAC = re.compile(r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\Z")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*\Z")


@dataclass(frozen=True, slots=True)
class Param:
    """One kind of parameter. `read` gives the kept form, or None when the token is not of this kind."""

    name: str
    read: Callable[[str], str | None]
    typed: bool = True
    rest: bool = False


def canonical_interface(token: str) -> str | None:
    """The full name for "Gi1/0/1" and its like; None for something that names no interface."""
    found = _INTERFACE.match(token)
    if found is None:
        return None
    kind, number = found[1].lower(), found[2]
    exact = [name for name in INTERFACE_TYPES if name.lower() == kind]
    names = exact or [name for name in INTERFACE_TYPES if name.lower().startswith(kind)]
    return f"{names[0]}{number}" if len(names) == 1 else None


def interface_type(name: str) -> str:
    """The type part of a full interface name."""
    return name.rstrip("0123456789/.")


def is_interface_type(token: str) -> bool:
    """Whether the token alone names one interface type, as in "interface vlan 10"."""
    lowered = token.lower()
    return token.isascii() and sum(name.lower().startswith(lowered) for name in INTERFACE_TYPES) == 1


def vlan_numbers(token: str) -> list[int] | None:
    """The numbers of "10,20-22" in order, or None for a malformed list or one outside 1 to 4094."""
    numbers: set[int] = set()
    for part in token.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            return None
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= 4094:
            return None
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def vlan_list(numbers: list[int]) -> str:
    """The compact form in which the device prints VLAN numbers: runs of three or more become ranges."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts: list[str] = []
    for run in runs:
        parts.extend([f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(n) for n in run])
    return ",".join(parts)


@lru_cache(maxsize=16384)
def natural_key(text: str) -> NaturalKey:
    """A sort key that puts Gi1/0/2 before Gi1/0/10."""
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part)


def _ipv4(token: str) -> str | None:
    try:
        return str(ipaddress.IPv4Address(token))
    except ValueError:
        return None


def _ipv6(token: str) -> str | None:
    try:
        return str(ipaddress.IPv6Address(token)).upper()
    except ValueError:
        return None


def _ipv6_prefix(token: str) -> str | None:
    address, slash, bits = token.partition("/")
    read = _ipv6(address)
    return f"{read}/{bits}" if read and slash and bits.isdigit() and int(bits) <= 128 else None


def _prefix(token: str) -> str | None:
    address, slash, bits = token.partition("/")
    valid = slash and bits.isdigit() and int(bits) <= 32 and _ipv4(address)
    return str(ipaddress.ip_network(token, strict=False)) if valid else None


def _vlans(token: str) -> str | None:
    numbers = vlan_numbers(token)
    return None if numbers is None else vlan_list(numbers)


def _integer(low: int, high: int) -> Callable[[str], str | None]:
    def read(token: str) -> str | None:
        # str.isdigit accepts superscripts; int() of those fails
        return str(int(token)) if token.isascii() and token.isdigit() and low <= int(token) <= high else None

    return read


def eos_interface(token: str) -> str | None:
    """The full name for "Et1", "Po10" and their like on EOS; None for something that names no interface."""
    found = _INTERFACE.match(token)
    if found is None:
        return None
    kind = found[1].lower()
    names = [name for name in EOS_INTERFACE_TYPES if name.lower().startswith(kind)]
    return f"{names[0]}{found[2]}" if len(names) == 1 else None


def _address(token: str) -> str | None:
    """An address with the length of its prefix, whose host part stays."""
    address, slash, bits = token.partition("/")
    valid = slash and bits.isdigit() and int(bits) <= 32 and _ipv4(address)
    return f"{_ipv4(address)}/{int(bits)}" if valid else None


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda token: token if pattern.match(token) else None


_FIXED = {
    "ip": Param("ip", _ipv4),
    "mask": Param("mask", _ipv4),
    "ip6": Param("ip6", _ipv6),
    "ip6prefix": Param("ip6prefix", _ipv6_prefix),
    "prefix": Param("prefix", _prefix),
    "vlans": Param("vlans", _vlans),
    "if": Param("if", canonical_interface),
    "eos-if": Param("eos-if", eos_interface),
    "address": Param("address", _address),
    "mac": Param("mac", _matching(_MAC)),
    "host": Param("host", _matching(_HOST), typed=False),
    "word": Param("word", lambda token: token, typed=False),
    "line": Param("line", lambda token: token, typed=False, rest=True),
    "ace": Param("ace", lambda token: token, typed=False, rest=True),
    "std-ace": Param("std-ace", lambda token: token, typed=False, rest=True),
}


@cache
def param(spec: str) -> Param:
    """The parameter for a name in the grammar tables: "ip", "word", "int:1-4094" and so on."""
    if spec in _FIXED:
        return _FIXED[spec]
    name, _, bounds = spec.partition(":")
    low, _, high = bounds.partition("-")
    if name != "int" or not low.isdigit() or not high.isdigit():
        raise ValueError(f"unknown parameter <{spec}> in a grammar table")
    return Param(spec, _integer(int(low), int(high)))
