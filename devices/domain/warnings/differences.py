"""The lines in which two trees differ, each with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from devices.domain.config_tree import Node
from devices.domain.warnings.rule import Path


class LineChange(NamedTuple):
    """A line that comes (``+``) or goes (``-``), or lines of a block that stand in another order (``~``, no text).

    ``node`` is the line with all that is below it; None for an order.
    """

    path: Path
    op: str
    text: str
    node: Node | None


def differences(old: Node, new: Node, path: Path = ()) -> Iterator[LineChange]:
    """What differs below two nodes. A block that comes or goes whole is one change, followed by its lines.

    Equal blocks are passed over quickly: time grows with the lines of the configuration, not with its depth.
    """
    left, right = _by_text(old), _by_text(new)
    for text, nodes in left.items():
        others = right.get(text, [])
        for one, other in zip(nodes, others, strict=False):
            if one != other:
                if one.body != other.body:
                    yield LineChange(path, "-", text, one)
                    yield LineChange(path, "+", text, other)
                yield from differences(one, other, (*path, text))
        for one in nodes[len(others) :]:
            yield from _whole(one, path, "-")
    for text, nodes in right.items():
        for one in nodes[len(left.get(text, [])) :]:
            yield from _whole(one, path, "+")
    if _common(old, right) != _common(new, left):
        yield LineChange(path, "~", "", None)


def _by_text(block: Node) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for child in block.children:
        found.setdefault(child.text, []).append(child)
    return found


def _whole(node: Node, path: Path, op: str) -> Iterator[LineChange]:
    yield LineChange(path, op, node.text, node)
    for child in node.children:
        yield from _whole(child, (*path, node.text), op)


def _common(block: Node, others: dict[str, list[Node]]) -> list[str]:
    left = Counter({text: len(nodes) for text, nodes in others.items()})
    kept = []
    for child in block.children:
        if left[child.text]:
            left[child.text] -= 1
            kept.append(child.text)
    return kept
