"""The rule about the way by which the device answers us: the static route, and the interface that it leads out of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import pairwise
from typing import Final

from devices.domain.severity import Severity
from devices.domain.warnings.interfaces import Interface
from devices.domain.warnings.rule import Hit, listed
from devices.domain.warnings.situation import Situation
from devices.domain.warnings.view import Route, View

_Address = IPv4Address | IPv6Address
_NAMED: Final = frozenset({"tag", "name", "track", "description", "metric"})
_LOCAL_POLICY: Final = re.compile(r"ip(?:v6)? local policy ")


def management_route(situation: Situation) -> Iterator[Hit]:
    """The static route by which the device answers us changes, goes, or is covered by a new one.

    So does the interface that it leads out of, where that is not our own.
    """
    own, client = situation.own_interface, _address(situation.session.client_address)
    if own is None or client is None:
        return
    yield from _local_policy(situation, client)
    out = _way_out(situation.before, own.vrf, client)
    lost = _lost(situation, out, own, client) if out is not None and out.name != own.name else None
    if lost is not None:
        yield lost
        return
    if _beside(situation.after, own.vrf, client):
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


def way_out(situation: Situation) -> set[str]:
    """The interface that the answers to us leave by, where it is known."""
    own, client = situation.own_interface, _address(situation.session.client_address)
    found = _way_out(situation.before, own.vrf, client) if own is not None and client is not None else None
    return {found.name} if found is not None else set()


def _local_policy(situation: Situation, client: _Address) -> Iterator[Hit]:
    for change in situation.changes:
        if not change.path and change.op == "+" and _LOCAL_POLICY.match(change.text):
            sentence = f"“{change.text}” decides where what the device itself sends goes, its answers to {client} too."
            yield Hit(sentence, (change.text,), situation.number_of((), change.text), Severity.MAJOR)


def _lost(situation: Situation, out: Interface, own: Interface, client: _Address) -> Hit | None:
    """The interface by which the answers leave goes, is shut down, or no longer reaches the next hop."""
    now = situation.after.interfaces.get(out.name)
    start = f"The device answers Countersign ({client}) out of {out.label}"
    if now is None:
        return Hit(f"{start}. The change removes it.", out.path, situation.number_in(out))
    if now.shutdown:
        return Hit(f"{start}. The change shuts it down.", out.path, situation.number_in(out, "shutdown", "disable"))
    same = {route.via for route in _best(situation.before, own.vrf, client)} == {
        route.via for route in _best(situation.after, own.vrf, client)
    }
    if same and _way_out(situation.after, own.vrf, client) is None:
        number = situation.number_in(out, "ip address", "ipv4 address", "ipv6 address", "vrf", "ip vrf", "family")
        return Hit(f"{start}. The change takes the address away that leads there.", out.path, number)
    return None


def _way_out(view: View, vrf: str, client: _Address) -> Interface | None:
    """The interface by which answers leave: that beside the client, or beside the next hop of the static route."""
    beside = _beside(view, vrf, client)
    if beside is not None:
        return beside
    for route in _best(view, vrf, client):
        for word in route.via.split():
            hop = _address(word)
            found = view.interfaces.get(word) if hop is None else _beside(view, vrf, hop)
            if found is not None and not found.shutdown:
                return found
    return None


def _address(text: str) -> _Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _best(view: View, vrf: str, client: _Address) -> list[Route]:
    """The static routes that hold for an address: the longest prefix, and of these the least distance."""
    fitting: list[tuple[int, int, Route]] = []
    for route in view.routes:
        if route.vrf == vrf:
            network = _network(route.net, route.length)
            if network is not None and client in network:
                fitting.append((-network.prefixlen, _distance(route.via), route))
    best = min(((length, distance) for length, distance, _ in fitting), default=None)
    return [route for length, distance, route in fitting if (length, distance) == best]


def _distance(via: str) -> int:
    """The administrative distance of a static route: the number behind its next hop; 1 where none is written."""
    return next((int(word) for before, word in pairwise(via.split()) if word.isdigit() and before not in _NAMED), 1)


def _network(net: str, length: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(f"{net}/{length}", strict=False)
    except ValueError:
        return None


def _beside(view: View, vrf: str, address: _Address) -> Interface | None:
    """The interface that is in the network of the address, so that no route is asked."""
    for one in view.interfaces.values():
        if one.vrf == vrf and not one.shutdown:
            for each in one.addresses:
                network = _network(each.ip, each.length) if each.length else None
                if network is not None and address in network:
                    return one
    return None
