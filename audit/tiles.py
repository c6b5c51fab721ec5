"""The tree in tiles of 256 hashes, as C2SP's tlog-tiles lays it out. Pure.

Tile ``n`` of level ``l`` holds the roots over ``256**l`` leaves each, from the ``n * 256``-th on; the last tile of a
level may be shorter. Only what a full tile of the level below was hashed into stands in a higher level.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from audit.merkle import HASH_BYTES, NodeReader, row_above

WIDTH = 256
HEIGHT = 8
TILE_BYTES = WIDTH * HASH_BYTES

TileLoader = Callable[[int, int], bytes]
"""Gives the hashes of the tile at (level, index), one after the other; empty where there is none."""


class MissingHashError(LookupError):
    """The tiles do not hold a hash that the tree of this size has; ``level`` and ``tile_index`` say where."""

    def __init__(self, level: int, tile_index: int) -> None:
        super().__init__(f"Tile {level}/{tile_index} is missing or too short.")
        self.level = level
        self.tile_index = tile_index


def node_reader(load: TileLoader, *, keep: int = 64) -> NodeReader:
    """Read whole subtrees out of tiles; ``keep`` tiles (8 KiB each) are remembered.

    The reader raises ``MissingHashError`` where a tile is missing or too short.
    """
    kept = lru_cache(maxsize=keep)(load)

    def node(height: int, index: int) -> bytes:
        level, within = divmod(height, HEIGHT)
        first = index << within
        tile_index, place = divmod(first, WIDTH)
        hashes = kept(level, tile_index)[place * HASH_BYTES : (place + (1 << within)) * HASH_BYTES]
        if len(hashes) != HASH_BYTES << within:
            raise MissingHashError(level, tile_index)
        return subtree_root(hashes)

    return node


def subtree_root(hashes: bytes) -> bytes:
    """The root over 1, 2, 4 ... 256 hashes that stand one after the other."""
    while len(hashes) > HASH_BYTES:
        hashes = row_above(hashes)
    return hashes


def tile_bytes(size: int, level: int, tile_index: int) -> int:
    """How many bytes the tile has in a tree of ``size`` leaves."""
    count = (size >> HEIGHT * level) - tile_index * WIDTH
    return max(0, min(count, WIDTH)) * HASH_BYTES


def overlaid(changed: Mapping[tuple[int, int], bytes], load: TileLoader) -> TileLoader:
    """Load tiles as they are once ``changed`` is stored."""

    def with_changes(level: int, tile_index: int) -> bytes:
        return changed.get((level, tile_index)) or load(level, tile_index)

    return with_changes


def extended_tiles(size: int, leaves: Iterable[bytes], load: TileLoader) -> dict[tuple[int, int], bytes]:
    """The tiles that change when leaf hashes are added to a tree of ``size`` leaves: place -> new content.

    Raises:
        MissingHashError: a tile does not hold what the tree of ``size`` leaves has there.
    """
    changed: dict[tuple[int, int], bytes] = {}
    added, level = list(leaves), 0
    while added:
        added = _extend_level(size >> HEIGHT * level, added, level, load, changed)
        level += 1
    return changed


def _extend_level(
    count: int, added: list[bytes], level: int, load: TileLoader, changed: dict[tuple[int, int], bytes]
) -> list[bytes]:
    """Add to one level, which had ``count`` hashes; the roots of the tiles that became full go one level up."""
    tile_index, place = divmod(count, WIDTH)
    content = load(level, tile_index) if place else b""
    if len(content) != place * HASH_BYTES:
        raise MissingHashError(level, tile_index)
    full: list[bytes] = []
    at = 0
    while at < len(added):
        room = WIDTH - len(content) // HASH_BYTES
        content += b"".join(added[at : at + room])
        at += room
        changed[level, tile_index] = content
        if len(content) == TILE_BYTES:
            full.append(subtree_root(content))
            tile_index, content = tile_index + 1, b""
    return full
