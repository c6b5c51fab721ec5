import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.merkle import inclusion_proof, leaf_hash, root, tree_root, verify_inclusion
from audit.sealing.enclosing import HeadProofs
from audit.tiles import MissingHashError, TileLoader, extended_tiles, node_reader, tile_bytes

Tiles = dict[tuple[int, int], bytes]
LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(70_000)]


def load_from(tiles: Tiles) -> TileLoader:
    return lambda level, tile_index: tiles.get((level, tile_index), b"")


def built(*sizes: int) -> Tiles:
    """The tiles of a tree that grew to these sizes one after the other."""
    tiles: Tiles = {}
    before = 0
    for size in sizes:
        tiles.update(extended_tiles(before, LEAVES[before:size], load_from(tiles)))
        before = size
    return tiles


def test_tiles_are_those_of_the_specifications_example() -> None:
    tiles = built(70_000)
    widths = {place: len(content) // 32 for place, content in tiles.items()}
    assert sum(level == 0 and width == 256 for (level, _), width in widths.items()) == 273
    assert widths[0, 273] == 112
    assert (widths[1, 0], widths[1, 1], widths[2, 0]) == (256, 17, 1)
    assert len(widths) == 273 + 1 + 2 + 1
    assert all(tile_bytes(70_000, *place) == len(content) for place, content in tiles.items())
    assert tree_root(70_000, node_reader(load_from(tiles))) == root(LEAVES)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 1500), min_size=1, max_size=6, unique=True).map(sorted))
def test_however_a_tree_grew_its_tiles_and_roots_are_the_same(sizes: list[int]) -> None:
    tiles = built(*sizes)
    assert tiles == built(sizes[-1])
    node = node_reader(load_from(tiles))
    for size in sizes:
        assert tree_root(size, node) == root(LEAVES[:size])
    size, index = sizes[-1], sizes[0] - 1
    path = inclusion_proof(index, size, node)
    assert verify_inclusion(index=index, size=size, leaf=LEAVES[index], proof=path, root=root(LEAVES[:size]))


@pytest.mark.parametrize("size", [255, 256, 257, 65_535, 65_536, 65_537])
def test_full_tiles_go_up_exactly_when_they_are_full(size: int) -> None:
    tiles = built(size - 1, size)
    assert tiles == built(size)
    assert tree_root(size, node_reader(load_from(tiles))) == root(LEAVES[:size])


def test_a_tile_that_is_too_short_is_named() -> None:
    tiles = built(300)
    tiles[0, 1] = tiles[0, 1][:-32]
    with pytest.raises(MissingHashError, match="0/1"):
        tree_root(300, node_reader(load_from(tiles)))
    with pytest.raises(MissingHashError, match="0/1"):
        extended_tiles(300, LEAVES[300:301], load_from(tiles))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 700, 1024])
def test_the_proofs_of_a_pack_are_those_of_the_tree(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours share what is hashed for them; none gets another's."""
    leaves, tiles = LEAVES[:size], built(size)
    monkeypatch.setattr(HeadProofs, "_tile", staticmethod(lambda level, index: tiles.get((level, index), b"")))
    proofs, head = HeadProofs(size), root(leaves)
    for index in [*range(0, size, 7), size - 1, 0, size // 2]:
        path = proofs.inclusion(index)
        assert verify_inclusion(index=index, size=size, leaf=leaves[index], proof=path, root=head)


def test_no_proof_is_made_of_a_tile_that_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HeadProofs, "_tile", staticmethod(lambda _level, _index: bytes(32 * 255)))
    with pytest.raises(MissingHashError, match="Tile 0/0"):
        HeadProofs(300).inclusion(4)
