"""The tree, computed once more from the leaves and compared with what is stored of it."""

from audit.merkle import HASH_BYTES, GrowingTree
from audit.sealing.storage import Cursor, tile_loader
from audit.tiles import HEIGHT, TILE_BYTES, WIDTH, subtree_root, tile_bytes
from audit.verification.findings import Finding, FindingCode


class CheckedTree:
    """A growing tree that compares each tile as it becomes full, and the unfinished ones at the end."""

    def __init__(self, cursor: Cursor, *, tree: GrowingTree) -> None:
        """Go on from ``tree``, whose size is a multiple of 256 or 0, with the unfinished tiles of higher levels."""
        self._load = tile_loader(cursor)
        self.tree = tree
        self.tiles = 0
        self._rows: list[bytearray] = [bytearray()]
        for level in range(1, 8):
            count = (tree.size >> HEIGHT * level) % WIDTH
            stored = self._load(level, (tree.size >> HEIGHT * level) // WIDTH) if count else b""
            self._rows.append(bytearray(stored[: count * HASH_BYTES]))

    def append(self, leaf: bytes) -> None:
        """Add the next leaf's hash.

        Raises:
            Finding: a tile that it completes is not the stored one.
        """
        self.tree.append(leaf)
        row = self._rows[0]
        row += leaf
        if len(row) == TILE_BYTES:
            self._full(0, (self.tree.size - 1) // WIDTH)

    def _full(self, level: int, tile_index: int) -> None:
        hashes = bytes(self._rows[level])
        self._compare(level, tile_index, hashes)
        self._rows[level].clear()
        above = self._rows[level + 1]
        above += subtree_root(hashes)
        if len(above) == TILE_BYTES:
            self._full(level + 1, tile_index // WIDTH)

    def finish(self, size: int) -> None:
        """Compare the unfinished tiles of the tree of ``size`` leaves, which is where this one stands.

        Raises:
            Finding: one is not as stored.
        """
        for level, row in enumerate(self._rows):
            if row:
                tile_index = (size >> HEIGHT * level) // WIDTH
                assert len(row) == tile_bytes(size, level, tile_index)  # noqa: S101 - the same arithmetic twice
                self._compare(level, tile_index, bytes(row))

    def _compare(self, level: int, tile_index: int, hashes: bytes) -> None:
        self.tiles += 1
        if self._load(level, tile_index) != hashes:
            first = tile_index * WIDTH << HEIGHT * level
            raise Finding(
                FindingCode.TILE_DIFFERS,
                f"The stored tree is not what the events give: tile {level}/{tile_index}, from entry {first} on.",
            )
