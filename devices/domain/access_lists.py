"""Entries of access lists: their sequence numbers, and the form in which a device prints them."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address

from devices.domain.config_tree import Node

_PAIR = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}) (\d{1,3}(?:\.\d{1,3}){3})(?= |$)")
_NUMBERED = re.compile(r"(\d+)(?: (.*))?$")
_ENTRY = re.compile(r"(?:permit|deny|remark|evaluate|dynamic)\b")
_ANY_MASK = "255.255.255.255"
_HOST_MASK = "0.0.0.0"  # noqa: S104  # a wildcard mask, nothing is bound to it

# Names that IOS prints instead of numbers (Cisco IOS Security Command Reference, "access-list (IP extended)").
_TCP_PORTS = {"20": "ftp-data", "21": "ftp", "23": "telnet", "25": "smtp", "49": "tacacs", "53": "domain"} | {
    "80": "www",
    "179": "bgp",
}
_UDP_PORTS = {"53": "domain", "67": "bootps", "68": "bootpc", "69": "tftp", "123": "ntp", "161": "snmp"} | {
    "162": "snmptrap",
    "500": "isakmp",
    "514": "syslog",
    "4500": "non500-isakmp",
}
_PORT_WORDS = {"eq": 1, "neq": 1, "gt": 1, "lt": 1, "range": 2}


def split_number(text: str) -> tuple[int | None, str]:
    """Take a leading sequence number off; ``10`` alone gives an empty entry."""
    found = _NUMBERED.match(text)
    return (int(found[1]), found[2] or "") if found else (None, text)


def is_entry(text: str) -> bool:
    """Whether a command belongs into an access list: an entry with or without number, or a number alone."""
    number, rest = split_number(text)
    return bool(_ENTRY.match(rest)) or (number is not None and not rest)


def canonical_entry(text: str, *, standard: bool) -> str:
    """Write an entry as IOS prints it: ``host`` and ``any`` for the masks that mean them, names for known ports."""
    number, rest = split_number(text)
    if not rest.startswith(("permit ", "deny ")):
        return text
    rest = " ".join(_PAIR.sub(lambda pair: _address(pair[1], pair[2], standard), rest).split())
    rest = re.sub(r" host (?=\d)", " ", rest) if standard else _named_ports(rest)
    return rest if number is None else f"{number} {rest}"


def _address(address: str, mask: str, standard: bool) -> str:
    if mask == _ANY_MASK:
        return "any"
    if mask == _HOST_MASK:
        return address if standard else f"host {address}"
    try:
        return f"{IPv4Address(int(IPv4Address(address)) & ~int(IPv4Address(mask)))} {mask}"
    except ValueError:
        return f"{address} {mask}"


def _named_ports(rest: str) -> str:
    words = rest.split(" ")
    ports = {"tcp": _TCP_PORTS, "udp": _UDP_PORTS}.get(words[1], {})
    position = 0
    while position < len(words):
        count = _PORT_WORDS.get(words[position], 0) if ports else 0
        for index in range(position + 1, min(position + 1 + count, len(words))):
            words[index] = ports.get(words[index], words[index])
        position += 1 + count
    return " ".join(words)


def is_numbered(children: Sequence[Node]) -> bool | None:
    """Whether a list's entries are printed with numbers; None for an empty list."""
    return split_number(children[0].text)[0] is not None if children else None


def number_entries(block: Node, start: int = 10, step: int = 10) -> None:
    """Give every entry a number, in the order in which they stand; numbers that are there are replaced."""
    for index, child in enumerate(block.children):
        child.text = f"{start + index * step} {split_number(child.text)[1]}"


def strip_numbers(block: Node) -> None:
    """Take the numbers away again, for devices that do not print them."""
    for child in block.children:
        child.text = split_number(child.text)[1]


def add_entry(block: Node, text: str) -> bool:
    """Add an entry to a numbered list as IOS does; False when the device refuses the number as taken.

    An entry that is there already, under whatever number, is not entered again; remarks may repeat. Without a number
    it goes to the end, ten after the last.
    """
    number, rest = split_number(text)
    numbers = [split_number(child.text)[0] or 0 for child in block.children]
    if not rest.startswith("remark") and any(split_number(child.text)[1] == rest for child in block.children):
        return True
    if number is None:
        number = max(numbers, default=0) + 10
    elif number in numbers:
        return False
    place = sum(1 for other in numbers if other < number)
    block.children.insert(place, Node(f"{number} {rest}"))
    return True


def remove_entry(block: Node, text: str) -> None:
    """Remove by number, by content, or by both; nothing happens when there is no such entry."""
    number, rest = split_number(text)
    kept = []
    for child in block.children:
        own_number, own_rest = split_number(child.text)
        if (number is not None and number != own_number) or (rest and rest != own_rest):
            kept.append(child)
    block.children = kept
