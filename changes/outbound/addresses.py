"""Where a webhook may go: an https address whose every IP address is public, or in a network that a setting allows."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from changes.outbound.errors import OutboundError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
URL_LIMIT: Final = 2_000
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. ``resource`` is path and query; it may hold a secret, so it is never shown."""

    host: str
    port: int
    resource: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Target({self.authority})"


def parse_url(url: str) -> Target:
    """Take an address apart; nothing is resolved.

    Raises:
        OutboundError: it is not one that webhooks may have; the sentence says what to do.
    """
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or any(char in url for char in " \\"):
        raise _bad(f"Give an address in plain ASCII of at most {URL_LIMIT:,} characters, without spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad("This is no web address. Give one such as https://hooks.example.net/countersign.") from None
    if parts.scheme != "https":
        raise _bad("The address has to begin with https://, so that nobody on the way can read or change messages.")
    if not parts.hostname or "@" in parts.netloc or parts.fragment or port == 0 or "%" in parts.netloc:
        raise _bad("Give an address with a host name, without a user name, password or fragment.")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.hostname, port or 443, (parts.path or "/") + query)


def resolve(target: Target, allowed: Sequence[Network]) -> str:
    """The one IP address to connect to. It is resolved once; whoever connects uses this address and no other.

    All addresses of the name have to be allowed: a name with one private address among public ones is refused.

    Raises:
        OutboundError: the name does not exist, or leads into a network that webhooks may not reach.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise OutboundError("HOST_UNKNOWN", f"The name {target.host} cannot be resolved.") from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if not may_reach(address, allowed):
            raise OutboundError(
                "ADDRESS_REFUSED",
                f"{target.host} leads to a private, loopback or reserved address. Webhooks only go to public addresses,"
                " unless an operator allows a network with WEBHOOK_ALLOWED_NETWORKS.",
                permanent=True,
            )
    if not addresses:
        raise OutboundError("HOST_UNKNOWN", f"The name {target.host} has no address.")
    return str(addresses[0])


def may_reach(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether a webhook may connect to this address. An IPv4 address inside an IPv6 one is judged as itself."""
    inner = _inner(address)
    if inner is not None:
        return may_reach(inner, allowed)
    if any(address.version == network.version and address in network for network in allowed):
        return True
    # is_global alone lets multicast and the old site-local addresses of IPv6 pass.
    local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not (local or address.is_multicast or address.is_reserved)


def _inner(address: Address) -> Address | None:
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _bad(sentence: str) -> OutboundError:
    return OutboundError("BAD_ADDRESS", sentence, permanent=True)
