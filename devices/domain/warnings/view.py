"""One configuration, read once: interfaces, access lists, routes, terminal lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

from devices.domain.config_tree import Node
from devices.domain.platforms import Platform
from devices.domain.special_lines import is_standard
from devices.domain.terminal_lines import terminal_range
from devices.domain.warnings.entries import AccessList, access_list
from devices.domain.warnings.interfaces import Interface, ListKey, read_interfaces, read_junos_interfaces
from devices.domain.warnings.rule import Path, begins

_LIST_HEADER = re.compile(r"(?:ip|ipv4|(?P<six>ipv6)) access-list (?P<kind>standard |extended )?(?P<name>\S+)$")
_NUMBERED = re.compile(r"access-list (?P<number>\d+) (?P<entry>.+)$")
_ROUTE = re.compile(
    r"(?:ip|ipv6) route (?:vrf (?P<vrf>\S+) )?(?P<net>[0-9a-fA-F.:]+)(?:/(?P<length>\d+)| (?P<mask>\d+\.\d+\.\d+\.\d+))"
    r" (?P<via>.+)$"
)
_XR_ROUTE = re.compile(r"(?P<net>[0-9a-fA-F.:]+)/(?P<length>\d+) (?P<via>.+)$")
_JUNOS_ROUTE = re.compile(
    r"(?:routing-instances (?P<vrf>\S+) )?routing-options (?:rib \S+ )?static route "
    r"(?P<net>[0-9a-fA-F.:]+)/(?P<length>\d+) (?P<via>.+)$"
)


class Route(NamedTuple):
    """A static route. ``length`` is a prefix length or a mask; ``path`` and ``text`` say where it stands."""

    vrf: str
    net: str
    length: str
    via: str
    path: Path
    text: str

    @property
    def is_default(self) -> bool:
        """Whether it holds for every destination."""
        return self.net in ("0.0.0.0", "::") and self.length in ("0", "0.0.0.0")  # noqa: S104  # no socket


class Guard(NamedTuple):
    """A place where a list decides who may open a session: the terminal lines, or the SSH service."""

    what: str
    path: Path
    key: ListKey


@dataclass(frozen=True)
class View:
    """What rules ask of a configuration; each part is read when it is asked for."""

    root: Node
    platform: Platform
    earlier: View | None = None
    """The state before, of which equal parts are taken over."""

    @cached_property
    def by_word(self) -> dict[str, list[Node]]:
        """The outermost lines by their first word."""
        found: dict[str, list[Node]] = {}
        for node in self.root.children:
            found.setdefault(node.text.partition(" ")[0], []).append(node)
        return found

    @cached_property
    def statements(self) -> tuple[str, ...]:
        """Junos: the ``set`` lines without their verb. Those that are inactive are left out: they have no effect."""
        return tuple(node.text[4:] for node in active(self.root).children if node.text.startswith("set "))

    @cached_property
    def interfaces(self) -> dict[str, Interface]:
        """The interfaces by name, in the order of the configuration."""
        if self.platform.first_words:
            inactive = [node.text[11:] for node in self.by_word.get("deactivate", ())]
            written = (node.text[4:] for node in self.by_word.get("set", ()))
            return read_junos_interfaces(self.statements, written if inactive else (), inactive)
        return read_interfaces(self.root, self.earlier.interfaces if self.earlier else {})

    @cached_property
    def lists(self) -> dict[ListKey, AccessList]:
        """The access lists; none for Junos and FRR, whose filters are something else."""
        if self.platform.slug in ("juniper_junos", "frr"):
            return {}
        found = dict(self._named_lists())
        numbered: dict[str, list[str]] = {}
        for node in self.by_word.get("access-list", ()):
            if entry := _NUMBERED.match(node.text):
                numbered.setdefault(entry["number"], []).append(entry["entry"])
        for number, texts in numbered.items():
            found[ListKey("ip", number)] = access_list(number, (), texts, standard=is_standard(number))
        return found

    def _named_lists(self) -> Iterator[tuple[ListKey, AccessList]]:
        for word in ("ip", "ipv4", "ipv6"):
            for node in self.by_word.get(word, ()):
                if " access-list " not in node.text or not (header := _LIST_HEADER.match(node.text)):
                    continue
                texts = [child.text for child in node.children]
                standard = header["kind"] == "standard "
                key = ListKey("ipv6" if header["six"] else "ip", header["name"])
                yield key, access_list(header["name"], (node.text,), texts, standard=standard)

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """The static routes."""
        if self.platform.first_words:
            found = (_JUNOS_ROUTE.match(text) for text in self.statements if " static route " in text)
            return tuple(
                Route(m["vrf"] or "", m["net"], m["length"], m["via"], (), m.string) for m in found if m is not None
            )
        return tuple(self._xr_routes() if self.platform.slug == "cisco_xr" else self._routes())

    def _routes(self) -> Iterator[Route]:
        for word in ("ip", "ipv6"):
            for node in self.by_word.get(word, ()):
                if node.text.startswith((f"{word} route ",)) and (found := _route(node.text, "", ())):
                    yield found
        for node in self.by_word.get("ip", ()):
            if begins(node.text, "ip default-gateway"):
                yield Route("", "0.0.0.0", "0", node.text, (), node.text)  # noqa: S104  # no socket
        for node in self.by_word.get("vrf", ()):
            for child in node.children:
                if " route " in child.text and (found := _route(child.text, node.text.split()[-1], (node.text,))):
                    yield found

    def _xr_routes(self) -> Iterator[Route]:
        for node in self.by_word.get("router", ()):
            if node.text == "router static":
                yield from _xr_routes(node, "", (node.text,))

    @cached_property
    def guards(self) -> tuple[Guard, ...]:
        """Where lists decide who may sign in."""
        return tuple(self._guards())

    def _guards(self) -> Iterator[Guard]:
        for node in self.by_word.get("line", ()):
            if node.text.startswith(("line vty", "line default")):
                for child in node.children:
                    family = "ipv6" if child.text.startswith("ipv6 ") else "ip"
                    words = child.text.removeprefix("ipv6 ").split()
                    if len(words) > 2 and words[0] == "access-class" and ("in" in words or "ingress" in words):
                        name = words[2] if words[1] in ("ingress", "in") else words[1]
                        yield Guard(_terminal_label(node.text), (node.text,), ListKey(family, name))
        for node in self.by_word.get("management", ()):
            if node.text == "management ssh":
                for child in node.children:
                    words = child.text.split()
                    if words[:1] in (["ip"], ["ipv6"]) and words[1:2] == ["access-group"] and len(words) > 2:
                        yield Guard("the SSH service", (node.text,), ListKey(words[0], words[2]))


def _terminal_label(header: str) -> str:
    numbers = terminal_range(header)
    if numbers is None:
        return f"“{header}”"
    return f"terminal lines vty {numbers[0]} to {numbers[1]}" if numbers[0] != numbers[1] else f"line vty {numbers[0]}"


def _route(text: str, vrf: str, path: Path) -> Route | None:
    found = _ROUTE.match(text)
    if found is None:
        return None
    return Route(
        found["vrf"] or vrf, found["net"], cast("str", found["length"] or found["mask"]), found["via"], path, text
    )


def _xr_routes(block: Node, vrf: str, path: Path) -> Iterator[Route]:
    for child in block.children:
        if child.text.startswith("vrf "):
            yield from _xr_routes(child, child.text.split()[-1], (*path, child.text))
        elif child.text.startswith("address-family "):
            yield from _xr_routes(child, vrf, (*path, child.text))
        elif found := _XR_ROUTE.match(child.text):
            yield Route(vrf, found["net"], found["length"], found["via"], path, child.text)


def active(root: Node) -> Node:
    """Junos: the lines that have an effect. ``deactivate`` puts a statement, and all below it, out of force."""
    inactive = {tuple(node.text.split()[1:]) for node in root.children if node.text.startswith("deactivate ")}
    if not inactive:
        return root
    depths = sorted({len(path) for path in inactive})

    def has_effect(node: Node) -> bool:
        words = tuple(node.text.split()[1:])
        return not any(words[:depth] in inactive for depth in depths)

    return Node("", [node for node in root.children if not node.text.startswith("set ") or has_effect(node)])


def view_of(root: Node, platform: Platform, earlier: View | None = None) -> View:
    """Look at a tree; nothing is read yet. ``earlier`` saves time where the two have much in common."""
    return View(root, platform, earlier)
