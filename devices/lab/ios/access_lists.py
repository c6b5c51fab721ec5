"""Entries of IP access lists: `[protocol] source [ports] destination [ports] [options]`, and the standard form."""

import re
from collections.abc import Sequence

from devices.lab.ios.errors import AmbiguousError, IncompleteError, InvalidInputError
from devices.lab.ios.params import param

_TOKEN = re.compile(r"\S+")
PROTOCOLS = ("ahp", "eigrp", "esp", "gre", "icmp", "igmp", "ip", "ipinip", "ospf", "pim", "tcp", "udp")
_PORT_WORDS = (
    "bgp bootpc bootps domain ftp ftp-data isakmp non500-isakmp ntp smtp snmp snmptrap syslog tacacs telnet tftp www"
)
PORT_NAMES = tuple(_PORT_WORDS.split())
ICMP_TYPES = (
    "echo",
    "echo-reply",
    "packet-too-big",
    "time-exceeded",
    "ttl-exceeded",
    "unreachable",
    "port-unreachable",
    "traceroute",
)
OPTIONS = ("established", "fragments", "log", "log-input", "ack", "fin", "psh", "rst", "syn", "urg")
ACTIONS = ("deny", "permit")


class _Reader:
    """A cursor over the tokens of one entry, collecting the canonical form."""

    def __init__(self, line: str, start: int) -> None:
        self._tokens = [(found.start(), found[0]) for found in _TOKEN.finditer(line, start)]
        self._index = 0
        self.kept: list[str] = []

    @property
    def ended(self) -> bool:
        return self._index >= len(self._tokens)

    def _next(self) -> tuple[int, str]:
        if self.ended:
            raise IncompleteError
        return self._tokens[self._index]

    def invalid(self) -> InvalidInputError:
        return InvalidInputError(self._next()[0])

    def keyword(self, words: Sequence[str]) -> str | None:
        """Take one of the words, which may be abbreviated; None leaves the cursor where it was."""
        token = self._next()[1].lower()
        found = [token] if token in words else [word for word in words if word.startswith(token)]
        if len(found) > 1:
            raise AmbiguousError
        return self._keep(found[0]) if found else None

    def value(self, spec: str) -> str | None:
        """Take a typed value; None leaves the cursor where it was."""
        text = param(spec).read(self._next()[1])
        return None if text is None else self._keep(text)

    def required(self, spec: str) -> str:
        text = self.value(spec)
        if text is None:
            raise self.invalid()
        return text

    def _keep(self, text: str) -> str:
        self.kept.append(text)
        self._index += 1
        return text

    def address(self) -> None:
        """`any`, `host A`, or `A wildcard`."""
        word = None if self.value("ip") else self.keyword(("any", "host"))
        if word == "host":
            self.required("ip")
        elif word is None:
            if not self.kept or param("ip").read(self.kept[-1]) is None:
                raise self.invalid()
            self.required("mask")

    def ports(self) -> None:
        if self.ended:
            return
        try:
            word = self.keyword(("eq", "gt", "lt", "neq", "range"))
        except AmbiguousError:
            return
        for _ in range({None: 0, "range": 2}.get(word, 1)):
            if self.value("int:0-65535") is None and self.keyword(PORT_NAMES) is None:
                raise self.invalid()

    def options(self, words: Sequence[str]) -> None:
        while not self.ended:
            if self.keyword(words) is None:
                raise self.invalid()

    def text(self) -> str:
        return " ".join(self.kept)


def read_extended(line: str, start: int) -> str:
    """The canonical entry after permit or deny of an extended list, from column `start` of the line."""
    reader = _Reader(line, start)
    protocol = reader.value("int:0-255") or reader.keyword(PROTOCOLS)
    if protocol is None:
        raise reader.invalid()
    has_ports = protocol in ("tcp", "udp")
    reader.address()
    if has_ports:
        reader.ports()
    reader.address()
    if has_ports:
        reader.ports()
    reader.options(OPTIONS + (ICMP_TYPES if protocol == "icmp" else ()))
    return reader.text()


def read_standard(line: str, start: int) -> str:
    """The canonical entry after permit or deny of a standard list; a bare address means that one host."""
    reader = _Reader(line, start)
    if reader.value("ip"):
        if not reader.ended and reader.value("mask") is None:
            reader.options(("log",))
    elif reader.keyword(("any", "host")) == "host":
        reader.kept.pop()
        reader.required("ip")
    elif not reader.kept:
        raise reader.invalid()
    reader.options(("log",))
    return reader.text()
