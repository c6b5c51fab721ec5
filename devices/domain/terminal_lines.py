"""Terminal lines: a device has one set of settings for each, and prints neighbours with equal settings as a range."""

import re

from devices.domain.config_tree import Node

_RANGE = re.compile(r"line vty (\d+)(?: (\d+))?$")
_FIRST_OF_SECOND_GROUP = 5
"""IOS always begins a new range here: the first five lines exist on every device, the others are created."""


def terminal_range(header: str) -> tuple[int, int] | None:
    """The first and last number of a ``line vty`` header."""
    found = _RANGE.match(header)
    return None if found is None else (int(found[1]), int(found[2] or found[1]))


def split_terminals(root: Node, wanted: tuple[int, int]) -> None:
    """Turn every printed range that touches the wanted numbers into one block a line."""
    result: list[Node] = []
    for node in root.children:
        numbers = terminal_range(node.text)
        if numbers is None or numbers[1] < wanted[0] or numbers[0] > wanted[1]:
            result.append(node)
            continue
        result.extend(
            Node(f"line vty {number}", [child.copy() for child in node.children])
            for number in range(numbers[0], numbers[1] + 1)
        )
    root.children = result


def group_terminals(root: Node) -> None:
    """Join neighbouring single lines with equal settings into ranges, as the device prints them."""
    result: list[Node] = []
    for node in root.children:
        numbers, last = terminal_range(node.text), terminal_range(result[-1].text) if result else None
        if (
            numbers is not None
            and last is not None
            and numbers[0] == last[1] + 1 != _FIRST_OF_SECOND_GROUP
            and node.children == result[-1].children
        ):
            result[-1].text = f"line vty {last[0]} {numbers[1]}"
        else:
            result.append(node)
    root.children = result


def align_terminals(one: Node, other: Node) -> None:
    """Cut the terminal ranges of two configurations at the same numbers, so that they can be compared one by one."""
    ranges = [numbers for root in (one, other) for node in root.children if (numbers := terminal_range(node.text))]
    starts = sorted({first for first, _ in ranges} | {last + 1 for _, last in ranges})
    for root in (one, other):
        root.children = [piece for node in root.children for piece in _cut(node, starts)]


def _cut(node: Node, starts: list[int]) -> list[Node]:
    numbers = terminal_range(node.text)
    if numbers is None:
        return [node]
    first, last = numbers
    inner = [start for start in starts if first < start <= last]
    if not inner:
        return [node]
    borders = zip([first, *inner], [*(start - 1 for start in inner), last], strict=True)
    return [Node(_header(begin, end), [child.copy() for child in node.children]) for begin, end in borders]


def _header(first: int, last: int) -> str:
    return f"line vty {first}" if first == last else f"line vty {first} {last}"


def is_removable_terminal(header: str) -> bool:
    """Whether ``no line vty`` takes these lines away; the first five always exist."""
    numbers = terminal_range(header)
    return numbers is not None and numbers[0] >= _FIRST_OF_SECOND_GROUP
