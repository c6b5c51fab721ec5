"""Configuration text as a tree of lines, and the normal form in which configurations are compared.

The normal form drops what is no configuration (headers, comments, separators, lines that merely leave a mode), indents
by depth, and brings to one form what devices print in several ways without a difference in meaning: the order of
lines whose order means nothing (it differs between releases), a list of VLANs broken over several lines, several
addresses on one line. Lines whose order counts, and lines in modes of which nothing is known, stay in their order.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from devices.domain.config_tree import Node
from devices.domain.grammar import Grammar, Mode
from devices.domain.platforms import BannerStyle, Platform
from devices.domain.vlan_sets import parse_vlans, render_vlans

BANNER = re.compile(r"^(banner \S+|aaa authentication (?:banner|fail-message)|menu \S+ title)(?: (.*))?$", re.DOTALL)
_CERTIFICATE = re.compile(r"^certificate \S+")


class Line(NamedTuple):
    """One command as written: how far it is indented, its text, and the verbatim text that follows it.

    ``closed`` is False when the verbatim text does not end where the platform would end it.
    """

    indent: int
    text: str
    body: str | None = None
    number: int = 0
    closed: bool = True


def read_lines(lines: Sequence[str], platform: Platform) -> Iterator[Line]:
    """Join banners and certificates to one `Line` each; blank lines and comments are left out. Numbers start at 1."""
    position = 0
    while position < len(lines):
        raw = lines[position].rstrip("\r\n")
        text = raw.strip()
        number = position + 1
        position += 1
        if not text or platform.is_comment(text):
            continue
        indent = len(raw) - len(raw.lstrip())
        found = BANNER.match(raw.lstrip()) if text.startswith(("banner ", "aaa ", "menu ")) else None
        if found is not None:
            body, used, closed = banner_body(found[2] or "", lines[position:], platform.banner)
            position += used
            # A banner stands outside of all blocks, however it is indented.
            yield Line(0, found[1], body, number, closed) if body is not None else Line(indent, text, None, number)
        elif platform.verbatim.match(text) and position < len(lines):
            body, used, closed = _verbatim_body(lines[position:], platform.verbatim_end)
            position += used
            yield Line(indent, text, body, number, closed)
        elif _CERTIFICATE.match(text) and position < len(lines):
            body, used, closed = _certificate_body(lines[position:])
            position += used
            yield Line(indent, text, body, number, closed)
        else:
            yield Line(indent, " ".join(text.split()) if "\t" in text else text, None, number)


def banner_body(first: str, following: Sequence[str], style: BannerStyle) -> tuple[str | None, int, bool]:
    """Return a banner's text between its delimiters, how many following lines it took, and whether it was closed."""
    if style is BannerStyle.SINGLE_LINE:
        return None, 0, True
    if style is BannerStyle.EOF:
        return _until_eof(first, following)
    if not first:
        return "", 0, False
    delimiter = "^C" if first.startswith("^C") else first[0]
    taken = [first[len(delimiter) :]]
    for used in range(len(following) + 1):
        if delimiter in taken[-1]:
            taken[-1] = taken[-1].partition(delimiter)[0]
            return "\n".join(taken), used, True
        if used < len(following):
            taken.append(following[used].rstrip("\r\n"))
    return "\n".join(taken), len(following), False


def _until_eof(first: str, following: Sequence[str]) -> tuple[str, int, bool]:
    taken = [first] if first.strip() else []
    for used, line in enumerate(following):
        if line.strip() == "EOF":
            return "\n".join(taken), used + 1, True
        taken.append(line.rstrip("\r\n"))
    return "\n".join(taken), len(following), False


def _verbatim_body(following: Sequence[str], end: re.Pattern[str]) -> tuple[str | None, int, bool]:
    """Return the lines up to the one that ends the text, and with it."""
    taken: list[str] = []
    for used, line in enumerate(following):
        taken.append(line.rstrip())
        if end.match(line.strip()):
            return "\n".join(taken), used + 1, True
    return None, 0, False


def _certificate_body(following: Sequence[str]) -> tuple[str | None, int, bool]:
    taken: list[str] = []
    for used, line in enumerate(following):
        if line.strip() == "quit":
            return "\n".join(taken), used + 1, True
        if not re.fullmatch(r"\s*[0-9A-Fa-f]{2,8}(?: [0-9A-Fa-f]{2,8})*\s*", line):
            break
        taken.append(line.strip())
    return None, 0, True


def parse(text: str, platform: Platform) -> Node:
    """Read a running configuration into a tree; the root has no text of its own.

    Sections that a device prints twice are joined. Nothing is judged: unknown lines are kept as they are.
    """
    root = Node("")
    # Each open block: its indentation, the block, and its lines by their text, which a printed-twice block needs.
    open_blocks: list[tuple[int, Node, dict[str, Node]]] = [(-1, root, {})]
    for line in read_lines(text.split("\n"), platform):
        if is_noise(line, platform):
            continue
        indent, words, body, _number, _closed = line
        while indent <= open_blocks[-1][0]:
            open_blocks.pop()
        _, parent, known = open_blocks[-1]
        node = known.get(words)
        if node is not None and node.children and body is None:
            open_blocks.append((indent, node, {child.text: child for child in node.children}))
            continue
        node = known[words] = Node(words, [], body)
        parent.children.append(node)
        open_blocks.append((indent, node, {}))
    return root


def is_noise(line: Line, platform: Platform) -> bool:
    """Whether a line is no configuration: a header, or one that only leaves a mode."""
    if line.body is not None:
        return False
    if line.indent == 0 and platform.volatile.match(line.text) is not None:
        return True
    return line.text.startswith(("exit", "quit")) and platform.closers.match(line.text) is not None


def render(root: Node, platform: Platform) -> str:
    """Write a tree as text, one line a command, every line ended by a line feed; "" for an empty tree."""
    lines: list[str] = []
    for child in root.children:
        _render_into(lines, child, 0, platform)
    return "\n".join([*lines, ""]) if lines else ""


def _render_into(lines: list[str], node: Node, depth: int, platform: Platform) -> None:
    pad = " " * (platform.indent * depth)
    if node.body is None:
        lines.append(pad + node.text)
    elif platform.verbatim.match(node.text):
        lines.extend([pad + node.text, *node.body.split("\n")])
    elif _CERTIFICATE.match(node.text):
        inner = " " * (platform.indent * (depth + 1))
        lines.append(pad + node.text)
        lines.extend(inner + row for row in [*node.body.split("\n"), "quit"] if row)
    else:
        lines.extend(banner_lines(node, platform))
    for child in node.children:
        _render_into(lines, child, depth + 1, platform)


_DELIMITERS = "#~%@&+=|$*_-:;,QXZJKVWY0123456789"


def free_delimiter(body: str) -> str:
    """Choose a delimiter that a banner's text does not hold."""
    return next((char for char in _DELIMITERS if char not in body), "^C")


def banner_lines(node: Node, platform: Platform, delimiter: str = "^C") -> list[str]:
    """Write a banner as the platform prints it, or with another delimiter as it can be typed."""
    body = node.body or ""
    if platform.banner is BannerStyle.EOF:
        return [node.text, *(body.split("\n") if body else []), "EOF"]
    if delimiter in body:
        delimiter = free_delimiter(body)
    return f"{node.text} {delimiter}{body}{delimiter}".split("\n")


def normalise(text: str, platform: Platform) -> str:
    """Bring a running configuration to its normal form; applying it twice changes nothing.

    Dropped: ``Building configuration…``, byte counts, comments with timestamps, ``ntp clock-period``, separators,
    ``end``, ``exit-address-family`` and its like, trailing blanks, carriage returns. Everything that is configuration
    stays; two configurations that mean the same are the same text.
    """
    return render(tidy(parse(text, platform), platform.grammar), platform)


def tidy(root: Node, grammar: Grammar) -> Node:
    """Bring a tree to its normal form in place and return it."""
    _tidy_block(root, grammar.top, grammar)
    return root


def _tidy_block(node: Node, mode: Mode, grammar: Grammar) -> None:
    for child in node.children:
        if child.text.startswith(grammar.alias_prefixes):
            negation, text = ("no ", child.text[3:]) if child.text.startswith("no ") else ("", child.text)
            child.text = negation + grammar.spelled(text)
    if node.children and not mode.ordered:
        node.children = [piece for child in node.children for piece in _split(child, mode)]
        _join_ranges(node, mode)
        if mode.rules:
            node.children.sort(key=lambda child: mode.place(child.text))
    for child in node.children:
        if child.children:
            _tidy_block(child, grammar.mode_below(mode, child.text), grammar)
    node.children = [child for child in node.children if child.children or not _is_bare(child, mode)]
    if grammar.hides_empty_blocks:
        hidden = ("interface ", "address-family ")
        node.children = [child for child in node.children if child.children or not child.text.startswith(hidden)]


def _is_bare(node: Node, mode: Mode) -> bool:
    """Whether a block means nothing when it is empty, such as ``control-plane``, which nothing could remove."""
    if not node.text.startswith(mode.bare):
        return False
    found = mode.match(node.text)
    return found is not None and found.rule.bare


def _split(node: Node, mode: Mode) -> list[Node]:
    """Give every value of a line that prints several (``ip name-server A B``, ``vlan 10,20``) a line of its own."""
    if not node.text.startswith(mode.listed):
        return [node]
    found = mode.match(node.text)
    if found is None or not found.rule.listed:
        return [node]
    values = list(found.words[len(found.head) :])
    if found.rule.opens:
        numbers = parse_vlans(values[0])
        values = [str(number) for number in sorted(numbers)] if numbers else values
    if len(values) < 2:
        return [node]
    return [Node(" ".join((*found.head, value)), [child.copy() for child in node.children]) for value in values]


def _join_ranges(block: Node, mode: Mode) -> None:
    """Join ``switchport trunk allowed vlan add …`` with the line it continues, and write the set in one way."""
    first: dict[tuple[str, ...], Node] = {}
    for child in list(block.children) if mode.ranged else []:
        if not child.text.startswith(mode.ranged):
            continue
        found = mode.match(child.text)
        if found is None or not found.rule.ranges:
            continue
        value = found.words[-1]
        numbers = parse_vlans(value)
        if numbers is None:
            continue
        if found.words[-2] == "add" and found.key in first:
            kept = first[found.key]
            numbers |= parse_vlans(kept.text.split()[-1]) or frozenset()
            block.children.remove(child)
            child = kept  # noqa: PLW2901  # the joined line is the one to rewrite
        first[found.key] = child
        child.text = " ".join((*found.head, render_vlans(numbers)))
