"""Rules about what the device does for others: interfaces, addresses, routing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from devices.domain.severity import Severity
from devices.domain.warnings.interfaces import Interface, parents
from devices.domain.warnings.rule import Hit, Path, listed
from devices.domain.warnings.situation import AddressUse, Situation
from devices.domain.warnings.view import Route, View

_MANY: Final = 3
_ROUTING_FEATURES: Final = re.compile(
    r"feature (?:ospf|ospfv3|bgp|eigrp|isis|rip|pim|hsrp|vrrp|interface-vlan|lacp|vpc)$"
)
_OFF: Final = ("no ip routing", "no ip forwarding", "no ipv6 forwarding", "no ipv6 unicast-routing")
_ON: Final = ("ip routing", "ipv6 unicast-routing", "ip forwarding", "ipv6 forwarding")
_PROTOCOL: Final = re.compile(
    r"(?:routing-instances \S+ )?protocols (?:ospf3?|bgp|isis|ripng|rip|ldp|mpls|pim|rsvp)(?: |$)"
)


def interface_shutdown(situation: Situation) -> Iterator[Hit]:
    """An interface that is up is shut down. Our own interface is told of by `MANAGEMENT_INTERFACE`.

    A line that shuts many down, such as one below ``interface range``, gives one hit for all of them.
    """
    by_number: dict[int | None, list[Interface]] = {}
    for one in _shut_down(situation):
        by_number.setdefault(situation.number_in(one, "shutdown", "disable"), []).append(one)
    state = "is not shut down now" if situation.up is None else "is up"
    for number, interfaces in by_number.items():
        if number is not None and len(interfaces) > _MANY:
            names = listed(one.label for one in interfaces)
            sentence = f"Each of {len(interfaces)} interfaces {state}: {names}. The change shuts them down."
            yield Hit(sentence, interfaces[0].path, number)
            continue
        for one in interfaces:
            yield Hit(f"{one.label} {state}{_role(one)}. The change shuts it down.", one.path, number)
    for one in _removed(situation):
        yield Hit(f"{one.label} {state}{_role(one)}. The change removes it.", one.path, situation.number_in(one))


def _removed(situation: Situation) -> Iterator[Interface]:
    """Interfaces with an address, trunks and port-channels that are there no more; a port itself cannot go."""
    own = situation.own_interface
    ours = {own.name, *parents(own.name)} if own else set[str]()
    for name, one in situation.before.interfaces.items():
        if name in situation.after.interfaces or name in ours or one.shutdown:
            continue
        if (one.addresses or one.trunk is not None) and (situation.up is None or name in situation.up):
            yield one


def _shut_down(situation: Situation) -> Iterator[Interface]:
    """The interfaces that are shut down by the change, as they are before it."""
    own = situation.own_interface
    ours = {own.name, *parents(own.name)} if own else set[str]()
    before = situation.before.interfaces
    for name, after in situation.after.interfaces.items():
        was = before.get(name)
        if not after.shutdown or name in ours or (was is not None and was.shutdown):
            continue
        if any(_goes_down(situation, parent) for parent in parents(name)):
            continue  # told of with its parent
        if situation.up is not None and name not in situation.up:
            continue
        # FRRouting does not print an interface without settings; the others print all that exist.
        if was is not None:
            yield was
        elif situation.platform.slug == "frr" and situation.up:
            yield after


def _goes_down(situation: Situation, name: str) -> bool:
    before, after = situation.before.interfaces.get(name), situation.after.interfaces.get(name)
    return before is not None and after is not None and after.shutdown and not before.shutdown


def _role(one: Interface) -> str:
    """What the interface is for, as far as its lines tell."""
    if one.addresses:
        return f" and has the address {listed(address.ip for address in one.addresses)}"
    if one.trunk is not None:
        return " and is a trunk"
    if one.group:
        return f" and is a member of port-channel {one.group}"
    return f" and is in VLAN {one.access_vlan}" if one.access_vlan else ""


def duplicate_address(situation: Situation) -> Iterator[Hit]:
    """An address that the change gives to an interface stands at another one, here or on another device."""
    known = _own_addresses(situation.before)
    new = {key: uses for key, uses in _own_addresses(situation.after).items() if known.get(key) != uses}
    if not new:
        return
    wanted = {ip for (vrf, ip), names in new.items() if set(names) - set(known.get((vrf, ip), {})) and is_global(ip)}
    others = situation.lookup(frozenset(wanted)) if wanted else {}
    for (vrf, ip), names in new.items():
        if ip not in wanted:
            continue
        fresh = [name for name in names if name not in known.get((vrf, ip), {})]
        elsewhere = [name for name in names if name not in fresh and not (names[name] and names[fresh[0]])]
        for name in fresh:
            interface = situation.after.interfaces[name]
            number = situation.number_in(interface, "ip address", "ipv4 address", "ipv6 address", "standby", "family")
            double = elsewhere or [other for other in fresh if other != name and not names[other]]
            if double:
                yield Hit(f"{name} gets {ip}, which {double[0]} of this device has as well.", interface.path, number)
            for use in others.get(ip, ()):
                if use.vrf == vrf and not (use.shared and names[name]):
                    yield Hit(_doubled(name, ip, use), interface.path, number)
                    break


def _doubled(name: str, ip: str, use: AddressUse) -> str:
    where = f"{use.device} has at {use.interface}" if use.interface else f"{use.device} has"
    return f"{name} gets {ip}, which {where}."


def _own_addresses(view: View) -> dict[tuple[str, str], dict[str, bool]]:
    """The addresses by VRF: the interfaces that have them, and whether others may share them."""
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for one in view.interfaces.values():
        for address in one.addresses:
            found.setdefault((one.vrf, address.ip), {})[one.name] = address.shared
    return found


def is_global(ip: str) -> bool:
    """Whether an address can be at one place only: neither loopback nor link-local."""
    return not ip.startswith(("127.", "169.254.", "fe80:", "0.")) and ip != "::1"


def routing_process(situation: Situation) -> Iterator[Hit]:
    """A routing process goes or is stopped, or the device stops to route."""
    if situation.platform.first_words:
        yield from _junos_protocols(situation)
        return
    switched: set[str] = set()
    for change in situation.changes:
        header, text = change.path[:1], change.text
        if not header and change.op == "-" and text.startswith("router ") and change.node and change.node.children:
            lines = sum(1 for _ in change.node.walk()) - 1
            sentence = (
                f"“{text}” is configured with {_lines(lines)}. The change removes it, with the neighbors and routes of "
                "this process."
            )
            yield Hit(sentence, (text,), situation.header_of((text,)))
        elif (
            header
            and len(change.path) == 1
            and header[0].startswith("router ")
            and (change.op, text) == ("+", "shutdown")
        ):
            if any(node.text == header[0] for node in situation.running.children):
                sentence = f"“{header[0]}” runs. The change shuts the process down."
                yield Hit(sentence, change.path, situation.number_of(change.path, "shutdown"))
        elif not header and (_is_off(change.op, text) or (change.op == "-" and _ROUTING_FEATURES.match(text))):
            positive = text.removeprefix("no ")
            if positive in switched:
                continue  # “ip routing” goes and “no ip routing” comes
            switched.add(positive)
            effect = (
                "removes all of its configuration" if text.startswith("feature ") else "makes the device stop to route"
            )
            yield Hit(
                f"“{positive}” is on. The change switches it off, which {effect}.",
                (text,),
                situation.number_of((), positive),
            )


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _is_off(op: str, text: str) -> bool:
    return (op == "+" and text in _OFF) or (op == "-" and text in _ON)


def _junos_protocols(situation: Situation) -> Iterator[Hit]:
    before, after = _protocols(situation.before), _protocols(situation.after)
    for path, lines in before.items():
        if path not in after:
            sentence = f"“{path}” is configured with {_lines(lines)}. The change removes it or makes it inactive."
            yield Hit(sentence, (path,), situation.number_of((), path))  # “… disable” begins so too


def _protocols(view: View) -> dict[str, int]:
    """The routing protocols that are active, with the number of their statements."""
    found: dict[str, int] = {}
    stopped: set[str] = set()
    for text in view.statements:
        if match := _PROTOCOL.match(text):
            path = match[0].rstrip()
            found[path] = found.get(path, 0) + 1
            if text == f"{path} disable":
                stopped.add(path)
    return {path: lines for path, lines in found.items() if path not in stopped}


def default_route(situation: Situation) -> Iterator[Hit]:
    """A static default route comes, goes or changes, or a routing process starts or stops to announce one."""
    before, after = _defaults(situation.before), _defaults(situation.after)
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, []), after.get(key, [])
        if {route.via for route in old} == {route.via for route in new}:
            continue
        route = next((one for one in new if one.text not in {each.text for each in old}), (old or new)[0])
        number = situation.number_of(route.path, route.text)
        if number is None:
            number = next((found for one in old if (found := situation.number_of(one.path, one.text))), None)
        table = f"VRF {key[0]}" if key[0] else "the global table"
        yield Hit(_default_sentence(table, old, new), (*route.path, route.text), number)
    yield from _announced(situation)


def _default_sentence(table: str, old: list[Route], new: list[Route]) -> str:
    was, now = (listed(f"“{route.text}”" for route in routes) for routes in (old, new))
    if not new:
        return f"The default route of {table} is {was}. The change removes it."
    if not old:
        return f"The configuration has no static default route in {table}. The change adds {now}."
    return f"The default route of {table} is {was}. After the change it is {now}."


def _defaults(view: View) -> dict[tuple[str, bool], list[Route]]:
    found: dict[tuple[str, bool], list[Route]] = {}
    for route in view.routes:
        if route.is_default:
            found.setdefault((route.vrf, ":" in route.net), []).append(route)
    return found


def _announced(situation: Situation) -> Iterator[Hit]:
    for change in situation.changes:
        block: Path = change.path
        if (
            block
            and block[0].startswith("router ")
            and ("default-information" in change.text or "default-originate" in change.text)
        ):
            verb = "starts" if change.op == "+" else "stops"
            sentence = f"“{block[0]}” {verb} to announce a default route: “{change.text}”."
            yield Hit(sentence, (*block, change.text), situation.number_of(block, change.text), Severity.MAJOR)
        elif not block and change.text.startswith("ip default-network "):
            verb = "comes" if change.op == "+" else "goes"
            yield Hit(
                f"“{change.text}” {verb}, which sets the default route.",
                (change.text,),
                situation.number_of((), "ip default-network"),
            )
