"""From which address a request comes, where proxies stand before the web server."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOCAL_SOCKET: Final = ""
"""The peer of a web server that listens on a unix socket: whoever may write to it."""


def client_address(peer: str, forwarded: str, proxies: Sequence[Network], *, trusts_socket: bool = False) -> str:
    """The nearest address that is no trusted proxy's, going back from the connection through ``X-Forwarded-For``.

    ``peer`` is the connection's own address. What stands further left in the header was sent by the client and is not
    believed; without a trusted peer nothing of the header is. What is no address ends the way back.
    """
    address = peer
    hops = forwarded.split(",") if forwarded.strip() else []
    while hops and _trusted(address, proxies, trusts_socket=trusts_socket):
        before = _address(hops.pop())
        if not before:
            break
        address = before
    return address


def _trusted(address: str, proxies: Sequence[Network], *, trusts_socket: bool) -> bool:
    if address == LOCAL_SOCKET:
        return trusts_socket
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped else found
    return any(plain.version == each.version and plain in each for each in proxies)


def _address(text: str) -> str:
    """The address of one hop, without its port; empty where it is none."""
    word = text.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        return str(ipaddress.ip_address(word))
    except ValueError:
        return ""


class ClientAddressMiddleware:
    """Put the client's address into ``REMOTE_ADDR``, for events, throttles and locks. It stands above all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        proxies, trusts_socket = settings.COUNTERSIGN_TRUSTED_PROXIES, settings.COUNTERSIGN_TRUSTS_SOCKET
        if proxies or trusts_socket:
            peer, forwarded = str(request.META.get("REMOTE_ADDR") or ""), request.headers.get("X-Forwarded-For", "")
            request.META["REMOTE_ADDR"] = client_address(peer, forwarded, proxies, trusts_socket=trusts_socket)
        return self.get_response(request)
