"""The formats that a variable of a template may have, and what a value of each looks like."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

_HOST_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_MAC: Final = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2}")


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name for people, an example, and whether a text has it."""

    label: str
    example: str
    holds: Callable[[str], bool]


def _takes(parse: Callable[[str], object], *, slash: bool | None = None) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        # Python reads any text after a "%" as a zone, so that "fe80::1%\N{SPACE}reload" would be an address.
        if "%" in text or (slash is not None and ("/" in text) is not slash):
            return False
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return holds


def _hostname(text: str) -> bool:
    labels = text.split(".")
    return 0 < len(text) <= 253 and all(_HOST_LABEL.fullmatch(label) for label in labels)


FORMATS: Final[Mapping[str, Format]] = {
    "ipv4": Format("an IPv4 address", "192.0.2.10", _takes(ipaddress.IPv4Address)),
    "ipv6": Format("an IPv6 address", "2001:db8::10", _takes(ipaddress.IPv6Address)),
    "ip": Format("an IP address", "192.0.2.10 or 2001:db8::10", _takes(ipaddress.ip_address)),
    "ipv4-network": Format("an IPv4 network", "192.0.2.0/24", _takes(ipaddress.IPv4Network, slash=True)),
    "ipv6-network": Format("an IPv6 network", "2001:db8::/64", _takes(ipaddress.IPv6Network, slash=True)),
    "ip-network": Format("an IP network", "192.0.2.0/24 or 2001:db8::/64", _takes(ipaddress.ip_network, slash=True)),
    "ipv4-interface": Format(
        "an IPv4 address with its prefix", "192.0.2.10/24", _takes(ipaddress.IPv4Interface, slash=True)
    ),
    "hostname": Format("a host name", "ntp1.example.net", _hostname),
    "mac": Format("a MAC address", "00:1a:2b:3c:4d:5e", lambda text: _MAC.fullmatch(text) is not None),
}
"""``ipv4``, ``ipv6`` and ``hostname`` are those of JSON Schema; the others are this product's own."""
