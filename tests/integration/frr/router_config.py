"""What the routers of the lab start with: addresses, BGP with short timers, OSPF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

ROUTERS: Final = 3


def configuration(number: int) -> str:
    """The configuration that router 1, 2 or 3 starts with."""
    return "\n".join([*_heading(number), *_interfaces(number), *_bgp(number), *_ending(number), ""])


def _heading(number: int) -> Iterator[str]:
    yield from (
        "frr version 8.4.4",
        "frr defaults traditional",
        f"hostname r{number}",
        "service integrated-vtysh-config",
        "!",
    )


def _interfaces(number: int) -> Iterator[str]:
    yield from ("interface lo", f" ip address 192.0.2.{number}/32", " ip ospf area 0", "exit", "!")
    for link, end in _links(number):
        yield from (
            f"interface eth{link}", f" description link {link}", f" ip address 10.0.{link}.{end}/30", " ip ospf area 0",
            " ip ospf hello-interval 1", " ip ospf dead-interval 4", " ip ospf network point-to-point", "exit", "!",
        )  # fmt: skip


def _links(number: int) -> Sequence[tuple[int, int]]:
    """The links of a router: the link's number and which of its two addresses the router has."""
    return [(link, end) for link, end in ((number - 1, 2), (number, 1)) if 0 < link < ROUTERS]


def _bgp(number: int) -> Iterator[str]:
    yield from (
        f"router bgp {65000 + number}",
        f" bgp router-id 192.0.2.{number}",
        " no bgp ebgp-requires-policy",
        " timers bgp 1 3",
    )
    for link, end in _links(number):
        peer, other = f"10.0.{link}.{3 - end}", number + (1 if end == 1 else -1)
        yield from (
            f" neighbor {peer} remote-as {65000 + other}", f" neighbor {peer} description r{other}",
            f" neighbor {peer} timers connect 1", f" neighbor {peer} advertisement-interval 0",
        )  # fmt: skip
    yield from (
        " !",
        " address-family ipv4 unicast",
        f"  network 203.0.113.{number}/32",
        " exit-address-family",
        "exit",
        "!",
    )


def _ending(number: int) -> Iterator[str]:
    yield from (
        f"ip route 203.0.113.{number}/32 Null0",
        "!",
        "router ospf",
        f" ospf router-id 192.0.2.{number}",
        "exit",
        "!",
    )
