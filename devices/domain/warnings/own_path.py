"""Rules about the way by which we reach the device: its interface, its VLAN, the route back to us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, ip_network

from devices.domain.severity import Severity
from devices.domain.warnings.interfaces import Address, Interface, parents
from devices.domain.warnings.rule import Hit, listed
from devices.domain.warnings.situation import Situation
from devices.domain.warnings.view import Route, View

_ADDRESS_WORDS = ("ip address", "ipv4 address", "ipv6 address", "family", "switchport")
_SVI = re.compile(r"[Vv]lan(\d+)$")


def management_interface(situation: Situation) -> Iterator[Hit]:
    """Our interface, or the one that it rests on, goes, is shut down, loses its address, or moves to another VRF."""
    own = situation.own_interface
    if own is None:
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
            yield Hit(f"{start}. The change removes this VLAN.", (header,), situation.header_of((header,)))
        elif change.path == (header,) and change.op == "+" and change.text in ("shutdown", "state suspend"):
            sentence = f"{start}. The change suspends this VLAN."
            yield Hit(sentence, (header,), situation.number_of((header,), change.text))
    yield from _ports(situation, vlan, start)


def _ports(situation: Situation, vlan: int, start: str) -> Iterator[Hit]:
    before, after = (_carrying(view, vlan) for view in (situation.before, situation.after))
    lost = [one for name, one in before.items() if name not in after and _no_longer(situation, one, vlan)]
    if lost and not after:
        one = lost[-1]
        sentence = (
            f"{start}. After the change no port carries this VLAN: {listed(each.label for each in lost)} carried it."
        )
        yield Hit(sentence, one.path, situation.number_in(one, "switchport"))
        return
    for one in lost:
        if one.trunk is not None:
            sentence = f"{start}. The trunk {one.label} carries this VLAN now and does not after the change."
            yield Hit(sentence, one.path, situation.number_in(one, "switchport"), Severity.MAJOR)


def _carrying(view: View, vlan: int) -> dict[str, Interface]:
    """Ports and port-channels that carry a VLAN; members of a port-channel follow it and are left out."""
    return {
        name: one
        for name, one in view.interfaces.items()
        if not one.shutdown
        and not one.group
        and (vlan in one.trunk if one.trunk is not None else (one.access_vlan or 0) == vlan)
    }


def _no_longer(situation: Situation, one: Interface, vlan: int) -> bool:
    """Whether the port lost the VLAN as such; a port that is shut down is told of by another rule."""
    now = situation.after.interfaces.get(one.name)
    if now is None or now.group:
        return now is None
    return not (now.trunk is not None and vlan in now.trunk) and now.access_vlan != vlan


def management_route(situation: Situation) -> Iterator[Hit]:
    """The static route by which the device answers us changes, goes, or is covered by a new one."""
    own, client = situation.own_interface, _address(situation.session.client_address)
    if own is None or client is None:
        return
    if _is_beside(situation.after, own.vrf, client):
        return
    before, after = _best(situation.before, own.vrf, client), _best(situation.after, own.vrf, client)
    if {route.via for route in before} == {route.via for route in after}:
        return
    new = [route for route in after if route.via not in {old.via for old in before}]
    gone = [route for route in before if route.via not in {one.via for one in after}]
    route = (new or gone)[0]
    number = situation.number_of(route.path, route.text) or next(
        (found for old in gone if (found := situation.number_of(old.path, old.text))), None
    )
    way = f"The device answers Countersign ({client}) "
    if not after:
        sentence = f"{way}by the static route “{gone[0].text}”. No static route to it is left after the change."
        yield Hit(sentence, (*gone[0].path, gone[0].text), number)
    elif not before:
        sentence = f"{way}by a route that no line fixes. After the change the static route “{new[0].text}” decides."
        yield Hit(sentence, (*new[0].path, new[0].text), number, Severity.MAJOR)
    else:
        texts = listed(f"“{one.text}”" for one in before), listed(f"“{one.text}”" for one in after)
        yield Hit(f"{way}by {texts[0]}. After the change it does by {texts[1]}.", (*route.path, route.text), number)


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _best(view: View, vrf: str, client: IPv4Address) -> list[Route]:
    """The static routes that hold for an address: those with the longest prefix."""
    fitting: list[tuple[int, Route]] = []
    for route in view.routes:
        if route.vrf == vrf:
            network = _network(route.net, route.length)
            if network is not None and client in network:
                fitting.append((network.prefixlen, route))
    longest = max((length for length, _ in fitting), default=0)
    return [route for length, route in fitting if length == longest]


def _network(net: str, length: str) -> IPv4Network | None:
    try:
        network = ip_network(f"{net}/{length}", strict=False)
    except ValueError:
        return None
    return network if isinstance(network, IPv4Network) else None


def _is_beside(view: View, vrf: str, client: IPv4Address) -> bool:
    """Whether the device has an interface in the network of the address, so that no route is asked."""
    networks: Iterable[IPv4Network | None] = (
        _network(each.ip, each.length)
        for one in view.interfaces.values()
        if one.vrf == vrf and not one.shutdown
        for each in one.addresses
        if each.length and ":" not in each.ip
    )
    return any(network is not None and client in network for network in networks)
