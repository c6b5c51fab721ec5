"""Rules about the way by which we reach the device: its interface, its VLAN, the route back to us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from devices.domain.severity import Severity
from devices.domain.vlan_sets import parse_vlans
from devices.domain.warnings.interfaces import Address, Interface, parents
from devices.domain.warnings.rule import Hit, listed
from devices.domain.warnings.situation import Situation
from devices.domain.warnings.view import View
from devices.domain.warnings.vrfs import vrfs_removed

_ADDRESS_WORDS: Final = ("ip address", "ipv4 address", "ipv6 address", "family", "switchport")
_SVI: Final = re.compile(r"[Vv]lan(\d+)$")
_CHANNEL: Final = re.compile(r"[Pp]ort-[Cc]hannel(\d+)$")
_HAZARD: Final = re.compile(
    r"(?:zone-member|ip(?:v6)? policy|ip verify|ip nat|service-policy|crypto map|mac-address|xconnect)\b|switchport$"
)


def management_interface(situation: Situation) -> Iterator[Hit]:
    """Our interface, or the one that it rests on, goes, is shut down, loses its address, or moves to another VRF."""
    own = situation.own_interface
    if own is None:
        return
    taken = next(_taken_along(situation, own), None)
    if taken is not None:
        yield taken
        return
    for name in (own.name, *parents(own.name)):
        before, after = situation.before.interfaces.get(name), situation.after.interfaces.get(name)
        if before is None:
            continue
        if after is None:
            sentence = f"{_carries(situation, own, name)}. The change removes {name}."
            yield Hit(sentence, before.path, situation.number_in(before))
            return
        if after.shutdown and not before.shutdown:
            number = situation.number_in(before, "shutdown", "disable")
            yield Hit(f"{_carries(situation, own, name)}. The change shuts it down.", before.path, number)
            return
        if name == own.name:
            yield from _moved(situation, own, before, after)
    yield from _hazards(situation, own)


def _taken_along(situation: Situation, own: Interface) -> Iterator[Hit]:
    """What our interface rests on goes: its VRF, or the feature that makes interfaces of VLANs."""
    for header in vrfs_removed(situation):
        if header.split()[-1] == own.vrf:
            sentence = f"{_carries(situation, own, own.name)}. The change removes its VRF, and with that its address."
            yield Hit(sentence, (header,), situation.header_of((header,)))
    for change in situation.changes if _SVI.match(own.name) else ():
        if (change.path, change.op, change.text) == ((), "-", "feature interface-vlan"):
            sentence = f"{_carries(situation, own, own.name)}. The change removes the interfaces of all VLANs."
            yield Hit(sentence, (change.text,), situation.number_of((), change.text))


def _hazards(situation: Situation, own: Interface) -> Iterator[Hit]:
    """Lines that come at our interface and may drop or divert what goes through it."""
    for change in situation.changes:
        if change.path == own.path and change.op == "+" and _HAZARD.match(change.text):
            sentence = f"{_carries(situation, own, own.name)}. “{change.text}” comes there: it may drop or divert it."
            yield Hit(sentence, own.path, situation.number_of(own.path, change.text), Severity.MAJOR)


def _carries(situation: Situation, own: Interface, name: str) -> str:
    address = situation.session.address
    what = "carries the session by which this device is reached"
    if any(each.ip == address for each in own.addresses):
        what = f"carries the address {address} by which this device is reached"
    return f"{name} {what}" if name == own.name else f"{name} is below {own.name}, which {what}"


def _moved(situation: Situation, own: Interface, before: Interface, after: Interface) -> Iterator[Hit]:
    start = _carries(situation, own, before.name)
    number = situation.number_in(before, "vrf", "ip vrf", "no switchport", "ip address", "ipv4 address", "family")
    if before.vrf != after.vrf:
        where = f"VRF {after.vrf}" if after.vrf else "the global table"
        instances = (f"routing-instances {vrf} interface {own.name}" for vrf in (after.vrf, before.vrf) if vrf)
        number = number or situation.number_of((), *instances)
        yield Hit(f"{start}. The change moves the interface to {where}.", before.path, number)
        return
    kept = {address.ip: address.length for address in after.addresses}
    ours = [one for one in before.addresses if one.ip == situation.session.address] or before.addresses
    for address in ours:
        if address.ip not in kept:
            now = _where_now(situation.after, address.ip)
            number = situation.number_in(before, *_address_lines(address), *_ADDRESS_WORDS)
            yield Hit(f"{start}. The change takes {address.ip} away from it{now}.", before.path, number)
        elif kept[address.ip] != address.length:
            sentence = f"{start}. The change gives {address.ip} another prefix length: {kept[address.ip]}."
            yield Hit(sentence, before.path, number, Severity.MAJOR)


def _address_lines(address: Address) -> Iterator[str]:
    """How an address may be written: the line that takes it away is asked for before any other line of its kind."""
    for start in ("ip address", "ipv4 address", "ipv6 address", "family inet address"):
        yield f"{start} {address.ip}/{address.length}"
        yield f"{start} {address.ip} {address.length}"


def _where_now(view: View, ip: str) -> str:
    other = next((one.name for one in view.interfaces.values() if any(a.ip == ip for a in one.addresses)), "")
    return f" and gives it to {other}" if other else ""


def management_vlan(situation: Situation) -> Iterator[Hit]:
    """The VLAN of our interface goes or is suspended, or ports stop to carry it."""
    own = situation.own_interface
    found = _SVI.match(own.name) if own else None
    if own is None or found is None:
        return
    vlan = int(found[1])
    start = f"{_carries(situation, own, own.name)}, in VLAN {vlan}"
    header = f"vlan {vlan}"
    for change in situation.changes:
        if change.path == () and change.text == header and change.op == "-":
            number = situation.header_of((header,)) or _number_of_vlan(situation, vlan)
            yield Hit(f"{start}. The change removes this VLAN.", (header,), number)
        elif change.path == (header,) and change.op == "+" and change.text in ("shutdown", "state suspend"):
            sentence = f"{start}. The change suspends this VLAN."
            yield Hit(sentence, (header,), situation.number_of((header,), change.text))
    yield from _ports(situation, vlan, start)


def carriers(situation: Situation) -> set[str]:
    """The ports that carry the VLAN of our interface, with the members of port-channels; none for other interfaces."""
    own = situation.own_interface
    found = _SVI.match(own.name) if own else None
    if found is None:
        return set()
    ports = _carrying(situation.before, int(found[1]), frozenset())
    channels = {match[1] for name in ports if (match := _CHANNEL.match(name))}
    return {*ports, *(one.name for one in situation.before.interfaces.values() if one.group in channels)}


def _number_of_vlan(situation: Situation, vlan: int) -> int | None:
    """The line that takes a VLAN away among others: “no vlan 10,99”."""
    for command in reversed(situation.commands):
        word, _, values = command.text.partition(" ")
        if word == "vlan" and command.negated and vlan in (parse_vlans(values) or ()):
            return command.number
    return None


def _ports(situation: Situation, vlan: int, start: str) -> Iterator[Hit]:
    bundled = _groups(situation.before)
    before, after = (_carrying(view, vlan, bundled) for view in (situation.before, situation.after))
    lost = [one for name, one in before.items() if name not in after]
    if lost and not after:
        one = lost[-1]
        sentence = (
            f"{start}. After the change no port carries this VLAN: {listed(each.label for each in lost)} carried it."
        )
        yield Hit(sentence, one.path, _number_of_port(situation, one))
        return
    for one in lost:
        if one.trunk is not None and _no_longer(situation, one, vlan):
            sentence = f"{start}. The trunk {one.label} carries this VLAN now and does not after the change."
            yield Hit(sentence, one.path, _number_of_port(situation, one), Severity.MAJOR)


def _groups(view: View) -> frozenset[str]:
    """The port-channels that have a member that is not shut down, by their numbers."""
    return frozenset(one.group for one in view.interfaces.values() if one.group and not one.shutdown)


def _carrying(view: View, vlan: int, bundled: frozenset[str]) -> dict[str, Interface]:
    """Ports and port-channels that carry a VLAN; members of a port-channel follow it and are left out.

    A port-channel that is one of those ``bundled`` carries nothing without a member.
    """
    empty = bundled - _groups(view)
    return {
        name: one
        for name, one in view.interfaces.items()
        if not one.shutdown
        and not one.group
        and not ((channel := _CHANNEL.match(name)) and channel[1] in empty)
        and (vlan in one.trunk if one.trunk is not None else (one.access_vlan or 0) == vlan)
    }


def _number_of_port(situation: Situation, one: Interface) -> int | None:
    """The line by which a port stopped to carry a VLAN; of a port-channel, also one of its members' lines."""
    number = situation.number_in(one, "switchport", "shutdown")
    channel = _CHANNEL.match(one.name)
    if number is not None or channel is None:
        return number
    members = (each for each in situation.before.interfaces.values() if each.group == channel[1])
    found = (situation.number_in(each, "shutdown", "channel-group") for each in members)
    return next((one for one in found if one), None) or _number_of_range(situation)


def _number_of_range(situation: Situation) -> int | None:
    """The line that resets a range of ports: “default interface range …”."""
    resets = (one.number for one in situation.commands if one.negated and one.text.startswith("interface range "))
    return next(resets, None)


def _no_longer(situation: Situation, one: Interface, vlan: int) -> bool:
    """Whether the port lost the VLAN as such; a port that is shut down is told of by another rule."""
    now = situation.after.interfaces.get(one.name)
    if now is None or now.group:
        return now is None
    if _CHANNEL.match(one.name) and not now.shutdown and now.trunk == one.trunk:
        return True  # it lost its members
    return not (now.trunk is not None and vlan in now.trunk) and now.access_vlan != vlan
