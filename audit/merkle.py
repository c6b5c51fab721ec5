"""The Merkle tree of RFC 6962, section 2.1, with SHA-256. Pure: hashes in, hashes out.

Proofs are made from a function that gives the root over a *whole* subtree: ``node(height, index)`` is the root over
the ``2**height`` leaves from ``index * 2**height`` on. Where these come from (tiles, a list) is the caller's affair.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

NodeReader = Callable[[int, int], bytes]

_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry: ``SHA-256(0x00 || data)``."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees: ``SHA-256(0x01 || left || right)``."""
    return _sha256(b"\x01" + left + right).digest()


def row_above(hashes: bytes) -> bytes:
    """The hashes over each two neighbours of an even number of hashes that stand one after the other."""
    width = 2 * HASH_BYTES
    return b"".join([_sha256(b"\x01" + hashes[at : at + width]).digest() for at in range(0, len(hashes), width)])


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes, taken one at a time; memory grows with their number's logarithm."""
    growing = GrowingTree()
    for leaf in leaves:
        growing.append(leaf)
    return growing.root()


class GrowingTree:
    """A tree that only its right edge is kept of: enough to append and to tell the root, at any size."""

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """Go on from a tree of ``size`` leaves; ``edge`` are the roots of its whole subtrees, the highest first."""
        if len(edge) != size.bit_count():
            raise ValueError(f"A tree of {size} leaves has {size.bit_count()} whole subtrees, not {len(edge)}.")
        self.size = size
        self._edge = list(edge)

    def append(self, leaf: bytes) -> None:
        """Add the next leaf's hash."""
        node, size = leaf, self.size
        while size & 1:
            node = _sha256(b"\x01" + self._edge.pop() + node).digest()
            size >>= 1
        self._edge.append(node)
        self.size += 1

    def append_whole(self, root: bytes, height: int) -> None:
        """Add the next ``2**height`` leaves at once by the root over them; the size has to be a multiple of that."""
        node, size = root, self.size >> height
        while size & 1:
            node = _sha256(b"\x01" + self._edge.pop() + node).digest()
            size >>= 1
        self._edge.append(node)
        self.size += 1 << height

    def root_with(self, leaf: bytes, height: int) -> bytes:
        """The root over the last ``2**height`` leaves once ``leaf`` is added, which has to complete them.

        A higher subtree that it completes too makes no difference.
        """
        node = leaf
        for left in reversed(self._edge[len(self._edge) - height :]):
            node = _sha256(b"\x01" + left + node).digest()
        return node

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._edge:
            return EMPTY_ROOT
        node = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            node = node_hash(left, node)
        return node


def edge(size: int, node: NodeReader) -> list[bytes]:
    """The roots of the whole subtrees that a tree of ``size`` leaves consists of, the highest first."""
    found, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            found.append(node(height, start >> height))
            start += 1 << height
    return found


def tree_root(size: int, node: NodeReader) -> bytes:
    """The root of the tree over the first ``size`` leaves."""
    return GrowingTree(size, edge(size, node)).root()


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """PATH(index, D[size]): what leads from a leaf to the root, the leaf's neighbour first.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range(middle, end, node))
            end = middle
        else:
            path.append(_range(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(old_size: int, size: int, node: NodeReader) -> list[bytes]:
    """PROOF(old_size, D[size]): what shows that the greater tree begins with the smaller one.

    Raises:
        ValueError: the smaller tree is empty, or greater than the other.
    """
    if not 0 < old_size <= size:
        raise ValueError(f"There is no consistency proof from {old_size} to {size} leaves.")
    path: list[bytes] = []
    start, end, whole = 0, size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_range(middle, end, node))
            end = middle
        else:
            path.append(_range(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(_range(start, end, node))
    return path[::-1]


def verify_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` leads from the leaf's hash at ``index`` to the root of the tree of ``size`` leaves.

    The algorithm is that of RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    position, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(step, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, step)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(*, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree of ``size`` leaves begins with that of ``old_size``.

    The algorithm is that of RFC 9162, section 2.1.4.2; the empty tree is the beginning of every tree.
    """
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT and size >= 0
    if old_size == size:
        return not proof and old_root == root
    if not 0 < old_size < size or not proof:
        return False
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_node = node = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_node, node = node_hash(step, old_node), node_hash(step, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, step)
        position, last = position >> 1, last >> 1
    return last == 0 and old_node == old_root and node == root


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _range(start: int, end: int, node: NodeReader) -> bytes:
    """The root over the leaves of a subtree that RFC 6962's splitting produces: only the last may be incomplete."""
    count = end - start
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, start >> height)
    middle = start + _split(count)
    return node_hash(_range(start, middle, node), _range(middle, end, node))
