"""Addresses that wander from one interface to another: a device refuses a subnet that is still in use."""

import re
from ipaddress import AddressValueError, IPv4Interface, IPv4Network, NetmaskValueError

from devices.domain.config_tree import Node

_ADDRESS = re.compile(r"ip address (\d[\d.]+)[ /](\d[\d.]*)$")


def interfaces_to_release(target: Node, current: Node) -> list[str]:
    """List the interfaces that must lose their address first, because another one is to get an overlapping address."""
    wanted, present = _networks(target), _networks(current)
    changing = {name for name in present if wanted.get(name) != present[name]}
    return [
        name
        for name in changing
        if any(
            other != name and present.get(other) != network and network.overlaps(present[name])
            for other, network in wanted.items()
        )
    ]


def _networks(root: Node) -> dict[str, IPv4Network]:
    return {
        node.text: network
        for node in root.children
        if node.text.startswith("interface ")
        for child in node.children
        if (network := _network(child.text)) is not None
    }


def _network(line: str) -> IPv4Network | None:
    found = _ADDRESS.match(line)
    try:
        return IPv4Interface(f"{found[1]}/{found[2]}").network if found else None
    except (AddressValueError, NetmaskValueError):
        return None
