"""Rows read ahead, tiles not stored yet, subtrees that the next leaf completes, and the tree that is compared."""

from typing import Any

import pytest

from audit.merkle import GrowingTree, leaf_hash, root
from audit.tiles import HEIGHT, WIDTH, extended_tiles, overlaid, subtree_root
from audit.verification.findings import Finding
from audit.verification.reading import read_ahead
from audit.verification.tree import CheckedTree

LEAVES = [leaf_hash(str(number).encode()) for number in range(600)]


class Rows:
    """A cursor in the server; it counts how often it was asked."""

    def __init__(self, count: int, *, fails_at: int = -1) -> None:
        self._rows = list(range(count))
        self._fails_at = fails_at
        self.asked = 0

    def fetchmany(self, size: int = 0) -> list[int]:
        self.asked += 1
        if self.asked == self._fails_at:
            raise ConnectionError
        found, self._rows = self._rows[:size], self._rows[size:]
        return found


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_all_rows_come_in_their_order(count: int) -> None:
    assert list(read_ahead(Rows(count), 3)) == list(range(count))


def test_no_more_than_the_next_rows_are_read_ahead() -> None:
    rows = Rows(100)
    coming = read_ahead(rows, 3)
    assert [next(coming) for _ in range(4)] == [0, 1, 2, 3]
    coming.close()  # type: ignore[attr-defined]
    assert rows.asked == 3


def test_what_goes_wrong_while_reading_ahead_reaches_the_reader() -> None:
    with pytest.raises(ConnectionError):
        list(read_ahead(Rows(9, fails_at=2), 3))


class Stored:
    """Answers what the tree's cursor asks, from tiles in memory."""

    def __init__(self, tiles: dict[tuple[int, int], bytes]) -> None:
        self._tiles = tiles
        self._rows: list[Any] = []

    def execute(self, query: str, params: Any = None, /) -> None:  # noqa: ANN401 - DB-API
        one, other = params
        if "level = 0" in query:
            wanted = [(0, index) for index in range(one, other)]
            self._rows = [(at[1], self._tiles[at]) for at in wanted if at in self._tiles]
        else:
            self._rows = [(self._tiles[one, other],)]

    def fetchone(self) -> Any:  # noqa: ANN401 - DB-API
        return self._rows[0]

    def fetchall(self) -> list[Any]:
        return self._rows


@pytest.mark.parametrize("size", [WIDTH - 1, 2 * WIDTH - 1])
def test_the_root_of_a_tile_is_known_before_its_last_leaf_is_added(size: int) -> None:
    tree = GrowingTree()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    tile = LEAVES[size + 1 - WIDTH : size + 1]
    assert tree.root_with(LEAVES[size], HEIGHT) == subtree_root(b"".join(tile)) == root(tile)


@pytest.mark.parametrize("heads", [(), (1, 2, 255, 256, 257, 300), (256, 512), (100, 511, 513), (600,)])
def test_a_checked_tree_has_every_head_and_tile_whenever_it_is_asked(heads: tuple[int, ...]) -> None:
    stored = extended_tiles(0, LEAVES[:600], lambda _level, _index: b"")
    checked = CheckedTree(Stored(stored), tree=GrowingTree())
    for size, leaf in enumerate(LEAVES[:600], start=1):
        checked.append(leaf)
        if size in heads:
            assert checked.head().root() == root(LEAVES[:size])
    checked.finish(600)
    assert (checked.size, checked.tiles) == (600, len(stored))
    assert checked.head().root() == root(LEAVES[:600])


def test_a_checked_tree_goes_on_from_a_tile_and_names_the_one_that_differs() -> None:
    stored = extended_tiles(0, LEAVES[:600], lambda _level, _index: b"")
    stored[0, 1] = stored[0, 1][:-1] + b"?"
    begun = GrowingTree()
    begun.append_whole(root(LEAVES[:WIDTH]), HEIGHT)
    checked = CheckedTree(Stored(stored), tree=begun)
    for leaf in LEAVES[WIDTH : 2 * WIDTH - 1]:
        checked.append(leaf)
    with pytest.raises(Finding, match="tile 0/1, from entry 256 on"):
        checked.append(LEAVES[2 * WIDTH - 1])


def test_tiles_that_are_not_stored_yet_stand_before_those_that_are() -> None:
    changed = extended_tiles(0, LEAVES[: WIDTH + 1], lambda _level, _index: b"")
    load = overlaid(changed, lambda level, index: f"{level}/{index}".encode())
    assert load(0, 1) == LEAVES[WIDTH]
    assert load(1, 0) == root(LEAVES[:WIDTH])
    assert load(0, 2) == b"0/2"
