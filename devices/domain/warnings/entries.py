"""What entries of access lists mean: which packets they certainly match, and which certainly not.

Known are addresses with wildcard masks or prefix lengths, the protocols, and TCP and UDP ports. An entry with anything
else (an object group, ``established``, a time range) matches a part of its packets that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address
from typing import Final, NamedTuple

from devices.domain.access_lists import split_number

_FULL: Final = 0xFFFFFFFF
_ALL_PORTS: Final = (0, 65535)
_PORTS: Final = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "tacacs": 49, "domain": 53, "bootps": 67,
    "bootpc": 68, "tftp": 69, "www": 80, "http": 80, "ntp": 123, "snmp": 161, "snmptrap": 162, "bgp": 179,
    "https": 443, "syslog": 514,
}  # fmt: skip
_PROTOCOLS: Final = {"ip": "ip", "ipv4": "ip", "ipv6": "ip", "6": "tcp", "17": "udp", "1": "icmp"}
_SILENT: Final = frozenset({"log", "log-input"})


class Range(NamedTuple):
    """Addresses: those equal to ``base`` in every bit that is 0 in ``wild``."""

    base: int
    wild: int

    def holds(self, other: Range) -> bool:
        """Whether every address of the other is one of these."""
        return not (other.wild & ~self.wild & _FULL or (self.base ^ other.base) & ~self.wild & _FULL)

    def meets(self, other: Range) -> bool:
        """Whether some address is in both."""
        return not (self.base ^ other.base) & ~self.wild & ~other.wild & _FULL


ANY: Final = Range(0, _FULL)


@dataclass(frozen=True, slots=True)
class Packets:
    """A set of IPv4 packets. ``partial``: only some of them, and it is not known which."""

    protocol: str = "ip"
    source: Range = ANY
    target: Range = ANY
    source_ports: tuple[int, int] = _ALL_PORTS
    target_ports: tuple[int, int] = _ALL_PORTS
    partial: bool = False

    def holds(self, other: Packets) -> bool:
        """Whether every packet of the other is certainly one of these."""
        return (
            not self.partial
            and self.protocol in ("ip", other.protocol)
            and self.source.holds(other.source)
            and self.target.holds(other.target)
            and _within(other.source_ports, self.source_ports)
            and _within(other.target_ports, self.target_ports)
        )

    def meets(self, other: Packets) -> bool:
        """Whether some packet may be in both."""
        return (
            (self.protocol == other.protocol or "ip" in (self.protocol, other.protocol))
            and self.source.meets(other.source)
            and self.target.meets(other.target)
            and _overlap(self.source_ports, other.source_ports)
            and _overlap(self.target_ports, other.target_ports)
        )


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``rest`` is its text without a number; ``packets`` None where it cannot be read."""

    text: str
    rest: str
    permits: bool
    packets: Packets | None

    @property
    def is_catch_all(self) -> bool:
        """Whether it decides about every packet."""
        return self.packets is not None and self.packets.holds(Packets())


@dataclass(frozen=True, slots=True)
class AccessList:
    """A list in its order. ``path`` is its block, or () for a list whose entries are lines by themselves."""

    name: str
    path: tuple[str, ...]
    entries: tuple[Entry, ...] = ()
    texts: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def lets_rest_through(self) -> bool:
        """Whether it permits what no earlier entry named."""
        return any(entry.permits and entry.is_catch_all for entry in self.entries)


def access_list(name: str, path: tuple[str, ...], texts: Sequence[str], *, standard: bool) -> AccessList:
    """Build a list from the lines of its block; remarks are left out."""
    entries = tuple(entry for text in texts if (entry := read_entry(text, standard)) is not None)
    return AccessList(name, path, entries, frozenset(entry.rest for entry in entries))


@lru_cache(maxsize=4_096)
def read_entry(text: str, standard: bool) -> Entry | None:
    """Read one entry; None for a remark or anything else that neither permits nor denies."""
    rest = split_number(text)[1]
    action, _, what = rest.partition(" ")
    if action not in ("permit", "deny"):
        return None
    words = what.split()
    try:
        packets = _standard(words) if standard else _extended(words)
    except (ValueError, IndexError):
        packets = None
    return Entry(text, rest, action == "permit", packets)


def _standard(words: list[str]) -> Packets:
    words = words[1:] if words[:1] == ["ip"] else words
    source = _addresses(words, may_stand_alone=True)
    return Packets(source=source, partial=not _SILENT.issuperset(words))


def _extended(words: list[str]) -> Packets:
    protocol = words.pop(0)
    protocol = _PROTOCOLS.get(protocol, protocol)
    source, source_ports = _addresses(words), _ports(words, protocol)
    target, target_ports = _addresses(words), _ports(words, protocol)
    return Packets(protocol, source, target, source_ports, target_ports, not _SILENT.issuperset(words))


def _addresses(words: list[str], *, may_stand_alone: bool = False) -> Range:
    """Take the addresses off the front.

    Raises:
        ValueError, IndexError: they cannot be read.
    """
    first = words.pop(0)
    if first == "any":
        return ANY
    if first == "host":
        return Range(_number(words.pop(0)), 0)
    address, slash, length = first.partition("/")
    if slash:
        wild = (1 << (32 - int(length))) - 1
    elif words and re.match(r"\d+\.", words[0]):
        wild = _number(words.pop(0))
    elif may_stand_alone:
        wild = 0
    else:
        raise ValueError(first)
    return Range(_number(address) & ~wild & _FULL, wild)


def _number(address: str) -> int:
    try:
        return int(IPv4Address(address))
    except AddressValueError as error:
        raise ValueError(address) from error


def _ports(words: list[str], protocol: str) -> tuple[int, int]:
    if protocol not in ("tcp", "udp") or not words or words[0] not in ("eq", "gt", "lt", "range"):
        return _ALL_PORTS
    how, first = words.pop(0), _port(words.pop(0))
    if how == "eq":
        if words and (words[0].isdigit() or words[0] in _PORTS):
            raise ValueError(words[0])  # several ports
        return first, first
    if how == "range":
        return first, _port(words.pop(0))
    return (first + 1, 65535) if how == "gt" else (0, first - 1)


def _port(word: str) -> int:
    return int(word) if word.isdigit() else _PORTS.get(word, -1) if word in _PORTS else _unknown(word)


def _unknown(word: str) -> int:
    raise ValueError(word)


def verdict(found: AccessList, packets: Packets) -> bool | None:
    """Whether a list certainly permits (True) or certainly drops (False) these packets; None: it cannot be told."""
    doubtful: set[bool] = set()
    decision = False
    for entry in found.entries:
        if entry.packets is None:
            doubtful.add(entry.permits)
        elif entry.packets.holds(packets):
            decision = entry.permits
            break
        elif entry.packets.meets(packets):
            doubtful.add(entry.permits)
    return decision if doubtful <= {decision} else None


def relevant(found: AccessList, packets: Packets) -> tuple[Entry, ...]:
    """The entries that may have a say about these packets."""
    return tuple(entry for entry in found.entries if entry.packets is None or entry.packets.meets(packets))
