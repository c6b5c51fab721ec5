"""What a configuration says of interfaces: addresses, VRF, state, lists, VLANs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from devices.domain.config_tree import Node
from devices.domain.vlan_sets import ALL_VLANS, parse_vlans
from devices.domain.warnings.rule import Path

_ADDRESSING = frozenset({"ip", "ipv4", "ipv6", "vrf", "standby", "vrrp", "hsrp"})
_ADDRESS = re.compile(
    r"(?:ip|ipv4|ipv6) address (?P<virtual>virtual )?(?P<ip>[0-9a-fA-F.:]+)"
    r"(?:/(?P<length>\d+)| (?P<mask>255[\d.]+|0\.0\.0\.0))"
)
_VIRTUAL = re.compile(
    r"(?:(?:standby|vrrp)(?: \d+)? (?:ip|ipv4|ipv6)|ip virtual-router address) (?P<ip>[0-9a-fA-F.:]+)"
)
_VRF = re.compile(r"(?:ip )?vrf (?:forwarding |member )?(?P<name>\S+)$")
_LIST = re.compile(
    r"(?:(?:ip|ipv4) access-group|(?P<six>ipv6 (?:access-group|traffic-filter))) (?P<name>\S+)"
    r" (?P<to>in|out|ingress|egress)\b"
)


class Address(NamedTuple):
    """An address of an interface; ``length`` is a prefix length or a mask, "" for a virtual address.

    ``shared``: several devices have it at once.
    """

    ip: str
    length: str
    shared: bool = False


class ListKey(NamedTuple):
    """An access list by its family (``ip`` or ``ipv6``) and name."""

    family: str
    name: str


@dataclass(slots=True)
class Interface:
    """One interface. ``path`` is its block. ``trunk``: the VLANs of a trunk, None for other ports.

    ``lists`` are the access lists by direction (``in``, ``out``), ``group`` the port-channel that it is a member of.
    """

    name: str
    path: Path
    node: Node | None = None
    addresses: list[Address] = field(default_factory=list)
    vrf: str = ""
    shutdown: bool = False
    description: str = ""
    access_vlan: int | None = None
    trunk: frozenset[int] | None = None
    lists: dict[str, ListKey] = field(default_factory=dict)
    group: str = ""

    @property
    def label(self) -> str:
        """The name, with the description if it has one."""
        return f"{self.name} (“{self.description}”)" if self.description else self.name


def read_interfaces(root: Node, known: Mapping[str, Interface]) -> dict[str, Interface]:
    """The interfaces of a configuration that stands in indented blocks, in their order.

    ``known`` are interfaces of another state of the device; those that are equal are not read again.
    """
    found = {}
    for node in root.children:
        if node.text.startswith("interface "):
            words = node.text.split()
            name = words[-1] if words[1] == "preconfigure" else words[1]
            same = known.get(name)
            found[name] = same if same is not None and same.node == node else _read(name, node, words)
    return found


def _read(name: str, node: Node, words: list[str]) -> Interface:
    one = Interface(name, (node.text,), node)
    if words[2:3] == ["vrf"]:
        one.vrf = words[-1]
    mode, allowed = "", ALL_VLANS
    for child in node.children:
        text = child.text
        first = text.partition(" ")[0]
        if first == "switchport":
            mode, allowed = _switchport(one, text, mode, allowed)
        elif first in _ADDRESSING:
            _address_or_list(one, text, child)
        elif first == "shutdown":
            one.shutdown = True
        elif first == "description":
            one.description = text.partition(" ")[2]
        elif first == "channel-group":
            one.group = text.partition(" ")[2].split(" ")[0]
    if mode == "trunk":
        one.trunk, one.access_vlan = allowed, None
    if any(child.text.startswith("fabric forwarding mode anycast") for child in node.children):
        one.addresses = [Address(address.ip, address.length, True) for address in one.addresses]
    return one


def _switchport(one: Interface, text: str, mode: str, allowed: frozenset[int]) -> tuple[str, frozenset[int]]:
    """Read one line; return the port's mode and the VLANs of its trunk, which count only in trunk mode."""
    match text.split(" "):
        case ["switchport", "mode", mode]:
            return mode, allowed
        case ["switchport", "access", "vlan", value] if value.isdigit():
            one.access_vlan = int(value)
        case ["switchport", "trunk", "allowed", "vlan", value]:
            vlans = parse_vlans(value)
            return mode, ALL_VLANS if vlans is None else vlans
    return mode, allowed


def _address_or_list(one: Interface, text: str, child: Node) -> None:
    if found := _ADDRESS.match(text):
        one.addresses.append(Address(plain(found["ip"]), found["length"] or found["mask"], bool(found["virtual"])))
    elif found := _VIRTUAL.match(text):
        one.addresses.append(Address(plain(found["ip"]), "", True))
    elif found := _LIST.match(text):
        direction = {"ingress": "in", "egress": "out"}.get(found["to"], found["to"])
        one.lists[direction if not found["six"] else f"{direction} ipv6"] = ListKey(
            "ipv6" if found["six"] else "ip", found["name"]
        )
    elif found := _VRF.match(text):
        one.vrf = found["name"]
    elif text.startswith("hsrp "):
        virtual = (line.text.split() for line in child.children if line.text.startswith("ip "))
        one.addresses += [
            Address(plain(words[1]), "", True) for words in virtual if words[1:] and words[1][:1].isdigit()
        ]


def plain(address: str) -> str:
    """An address in its shortest form, so that two spellings of one are equal."""
    if ":" not in address:
        return address

    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def plain_address(text: str) -> str:
    """An address of a socket as configurations write it: ``fe80::1%eth0`` without its zone, mapped IPv4 as IPv4."""
    shortest = plain(text.partition("%")[0])
    return shortest.removeprefix("::ffff:") if "." in shortest else _mapped(shortest)


def _mapped(text: str) -> str:
    if not text.startswith("::ffff:"):
        return text
    inner = ipaddress.IPv6Address(text).ipv4_mapped
    return str(inner) if inner is not None else text


_UNIT = re.compile(r"interfaces (?P<name>\S+)(?: unit (?P<unit>\d+))?(?: (?P<rest>.+))?$")
_INSTANCE = re.compile(r"routing-instances (?P<name>\S+) interface (?P<interface>\S+)$")


def read_junos_interfaces(
    statements: Iterable[str], written: Iterable[str], inactive: Collection[str]
) -> dict[str, Interface]:
    """The interfaces of a Junos configuration: ``ge-0/0/0``, and ``ge-0/0/0.0`` for its unit.

    ``statements`` have an effect, ``written`` are all; both come without ``set``, ``inactive`` without ``deactivate``.
    An interface that is inactive counts as shut down.
    """
    found: dict[str, Interface] = {}
    ranges: list[str] = []
    for text in statements:
        if text.startswith("interfaces interface-range "):
            ranges.append(text)
        elif text.startswith("interfaces ") and (unit := _UNIT.match(text)):
            _junos_line(_junos_interface(found, unit["name"], unit["unit"]), unit["rest"] or "")
        elif text.startswith("routing-instances ") and (instance := _INSTANCE.match(text)):
            name, _, number = instance["interface"].partition(".")
            _junos_interface(found, name, number or None).vrf = instance["name"]
    _disable_ranges(found, ranges)
    _shut_inactive(found, written, inactive)
    return found


def _disable_ranges(found: Mapping[str, Interface], ranges: Iterable[str]) -> None:
    """Shut down the members of disabled interface ranges; ``member-range`` is not read."""
    members: dict[str, list[str]] = {}
    disabled: set[str] = set()
    for text in ranges:
        match text.split()[2:]:
            case [name, "member", member]:
                members.setdefault(name, []).append(member)
            case [name, "disable"]:
                disabled.add(name)
    for one in found.values():
        if any(fnmatchcase(one.name, member) for name in disabled for member in members.get(name, ())):
            one.shutdown = True


def _shut_inactive(found: dict[str, Interface], written: Iterable[str], inactive: Collection[str]) -> None:
    """Count interfaces that are inactive as a whole as shut down."""
    for text in written:
        if text.startswith("interfaces ") and (unit := _UNIT.match(text)):
            whole, part = f"interfaces {unit['name']}", f"interfaces {unit['name']} unit {unit['unit']}"
            if "interfaces" in inactive or whole in inactive:
                _junos_interface(found, unit["name"], None).shutdown = True
                _junos_interface(found, unit["name"], unit["unit"]).shutdown = True
            elif part in inactive:
                _junos_interface(found, unit["name"], unit["unit"]).shutdown = True


def _junos_interface(found: dict[str, Interface], name: str, unit: str | None) -> Interface:
    found.setdefault(name, Interface(name, (f"interfaces {name}",)))
    if unit is None:
        return found[name]
    return found.setdefault(f"{name}.{unit}", Interface(f"{name}.{unit}", (f"interfaces {name} unit {unit}",)))


def _junos_line(one: Interface, rest: str) -> None:
    words = rest.split()
    match words:
        case ["disable"]:
            one.shutdown = True
        case ["description", *_]:
            one.description = rest.partition(" ")[2].strip('"')
        case ["family", "inet" | "inet6", "address", prefix, *more]:
            ip, _, length = prefix.partition("/")
            if (plain(ip), length) not in ((a.ip, a.length) for a in one.addresses):
                one.addresses.append(Address(plain(ip), length))
            if more[-2:-1] in (["virtual-address"], ["virtual-gateway-address"]):
                one.addresses.append(Address(plain(more[-1]), "", True))
        case ["family", "inet" | "inet6" as family, "filter", "input" | "output" as side, name]:
            direction = {"input": "in", "output": "out"}[side]
            one.lists[direction if family == "inet" else f"{direction} ipv6"] = ListKey(
                "ip" if family == "inet" else "ipv6", name
            )


def parents(name: str) -> Iterator[str]:
    """The interfaces that an interface rests on by its name: ``ge-0/0/0`` for ``ge-0/0/0.0``."""
    if "." in name:
        yield name.rpartition(".")[0]
