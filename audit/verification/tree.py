"""The tree, computed once more from the leaves and compared with what is stored of it."""

from audit.merkle import HASH_BYTES, GrowingTree
from audit.sealing.storage import Cursor, tile_loader, tiles_loader
from audit.tiles import HEIGHT, TILE_BYTES, WIDTH, TileLoader, subtree_root, tile_bytes
from audit.verification.findings import Finding, FindingCode

TILES_AHEAD = 64
"""Tiles of the lowest level that are read at once, 8 KiB each."""


class CheckedTree:
    """A growing tree that compares each tile as it becomes full, and the unfinished ones at the end.

    Leaves are hashed together when their tile is full, or when the head is asked for.
    """

    def __init__(self, cursor: Cursor, *, tree: GrowingTree) -> None:
        """Go on from ``tree``, whose size is a multiple of 256 or 0, with the unfinished tiles of higher levels."""
        self._load = _read_ahead(cursor)
        self._tree = tree
        self.size = tree.size
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
        row = self._rows[0]
        row += leaf
        self.size += 1
        if len(row) == TILE_BYTES:
            self._full(0, (self.size - 1) // WIDTH, self._root_of_tile(row, leaf))

    def head(self) -> GrowingTree:
        """The tree over all leaves so far."""
        self._add_from(self._rows[0])
        return self._tree

    def _root_of_tile(self, row: bytearray, leaf: bytes) -> bytes:
        """The root over the leaves of a full tile, whose last is ``leaf``; the tree has them all afterwards."""
        if self._tree.size % WIDTH == 0:
            root = subtree_root(bytes(row))
            self._tree.append_whole(root, HEIGHT)
            return root
        self._add_from(row[:-HASH_BYTES])
        root = self._tree.root_with(leaf, HEIGHT)
        self._tree.append(leaf)
        return root

    def _add_from(self, row: bytearray) -> None:
        """Add those leaves of the unfinished tile that the tree does not have yet, one by one."""
        for at in range(self._tree.size % WIDTH * HASH_BYTES, len(row), HASH_BYTES):
            self._tree.append(bytes(row[at : at + HASH_BYTES]))

    def _full(self, level: int, tile_index: int, root: bytes) -> None:
        self._compare(level, tile_index, bytes(self._rows[level]))
        self._rows[level].clear()
        above = self._rows[level + 1]
        above += root
        if len(above) == TILE_BYTES:
            self._full(level + 1, tile_index // WIDTH, subtree_root(bytes(above)))

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


def _read_ahead(cursor: Cursor) -> TileLoader:
    """Load tiles; those of the lowest level 64 at a time, since they are asked for one after the other."""
    load, load_some = tile_loader(cursor), tiles_loader(cursor)
    ahead: dict[int, bytes] = {}

    def loaded(level: int, tile_index: int) -> bytes:
        if level:
            return load(level, tile_index)
        if tile_index not in ahead:
            ahead.clear()
            ahead.update(load_some(tile_index, TILES_AHEAD))
        return ahead.get(tile_index, b"")

    return loaded
