"""A hand-made diff for the style guide."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the unified view, and one side of the other."""

    kind: str
    old_number: int | None
    new_number: int | None
    segments: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that change together."""

    section: str
    hidden_before: int
    rows: tuple[Line, ...]
    pairs: tuple[tuple[Line | None, Line | None], ...] = field(default=())


def _same(old: int, new: int, text: str) -> Line:
    return Line("context", old, new, (Part(text),))


def _gone(number: int, *parts: Part) -> Line:
    return Line("del", number, None, parts)


def _new(number: int, *parts: Part) -> Line:
    return Line("add", None, number, parts)


_OLD = _gone(84, Part("ntp server "), Part("10.20.0.9", changed=True))
_A = _new(84, Part("ntp server "), Part("10.30.4.11", changed=True), Part(" prefer", changed=True))
_B = _new(85, Part("ntp server 10.30.4.12"))
_BANNER = tuple(
    _new(number, Part(text))
    for number, text in (
        (219, "banner login ^C"),
        (
            220,
            "  Property of St. Anne's Hospital. Authorised staff only; sessions are recorded and read.",
        ),
        (221, "^C"),
    )
)
_ACL_OLD = _gone(301, Part(" permit tcp 10.20."), Part("0.0 0.0.255.255", changed=True), Part(" any eq 22"))
_ACL_NEW = _new(305, Part(" permit tcp 10.20."), Part("8.0 0.0.7.255", changed=True), Part(" any eq 22"))


def hunks() -> tuple[Block, ...]:
    """Three hunks: a changed server, a new banner, a narrowed access list."""
    a, b = _same(82, 82, "snmp-server location FRA-2-R14"), _same(83, 83, "logging host 10.20.0.40")
    c = _same(85, 86, "ntp source Vlan900")
    d, e = _same(217, 218, "line con 0"), _same(218, 222, " exec-timeout 10 0")
    f, g = _same(300, 304, "ip access-list extended MGMT-IN"), _same(302, 306, " deny ip any any log")
    return (
        Block("", 81, (a, b, _OLD, _A, _B, c), ((a, a), (b, b), (_OLD, _A), (None, _B), (c, c))),
        Block("", 131, (d, *_BANNER, e), ((d, d), *((None, line) for line in _BANNER), (e, e))),
        Block(
            "ip access-list extended MGMT-IN",
            81,
            (f, _ACL_OLD, _ACL_NEW, g),
            ((f, f), (_ACL_OLD, _ACL_NEW), (g, g)),
        ),
    )
