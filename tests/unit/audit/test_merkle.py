"""The tree against RFC 6962 itself: known vectors, and a tree that is nothing but the RFC's recursive definition."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import (
    EMPTY_ROOT,
    GrowingTree,
    NodeReader,
    consistency_proof,
    edge,
    inclusion_proof,
    leaf_hash,
    root,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# The eight entries and heads that implementations of Certificate Transparency test themselves with.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word; the leaves are hashed already."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """RFC 6962, section 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], whole=False), naive_root(leaves[:k])]


def nodes_of(leaves: Sequence[bytes]) -> NodeReader:
    def node(height: int, index: int) -> bytes:
        part = leaves[index << height : (index + 1) << height]
        assert len(part) == 1 << height, "only whole subtrees are asked for"
        return naive_root(part)

    return node


def some_leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_the_known_heads_come_out(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size]


def test_known_proofs_come_out() -> None:
    node = nodes_of(LEAVES)
    path = inclusion_proof(5, 8, node)
    assert [step.hex() for step in path] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    between = consistency_proof(6, 8, node)
    assert [step.hex() for step in between] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.integers(0, 300))
def test_a_growing_tree_has_the_recursive_trees_roots(size: int) -> None:
    leaves = some_leaves(size)
    node = nodes_of(leaves)
    assert root(leaves) == naive_root(leaves) == tree_root(size, node)
    half = GrowingTree(size // 2, edge(size // 2, node))
    for leaf in leaves[size // 2 :]:
        half.append(leaf)
    assert half.root() == naive_root(leaves)


@given(st.data())
def test_proofs_are_the_recursive_ones_and_verify(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    leaves = some_leaves(size)
    head, node = naive_root(leaves), nodes_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, node)
    assert path == naive_path(index, leaves)
    assert verify_inclusion(index=index, size=size, leaf=leaves[index], proof=path, root=head)
    old = data.draw(st.integers(1, size))
    between = consistency_proof(old, size, node)
    assert between == naive_subproof(old, leaves, whole=True)
    old_head = naive_root(leaves[:old])
    assert verify_consistency(old_size=old, old_root=old_head, size=size, root=head, proof=between)


@given(st.data())
def test_what_was_touched_does_not_verify(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 100))
    leaves = some_leaves(size)
    head, node = naive_root(leaves), nodes_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index))
    path = inclusion_proof(index, size, node)
    touched = list(path)
    place = data.draw(st.integers(0, len(path) - 1))
    touched[place] = leaf_hash(touched[place])
    good: dict[str, object] = {"index": index, "size": size, "leaf": leaves[index], "proof": path, "root": head}
    changes: list[dict[str, object]] = [
        {"leaf": leaves[other]},
        {"index": other},
        {"proof": touched},
        {"proof": path[:-1]},
        {"proof": [*path, head]},
        {"root": leaf_hash(head)},
        {"index": size},
        {"index": -1},
    ]
    for change in changes:
        assert not verify_inclusion(**{**good, **change})  # type: ignore[arg-type]  # a test's shorthand
    old = data.draw(st.integers(1, size - 1))
    between = consistency_proof(old, size, node)
    good = {"old_size": old, "old_root": naive_root(leaves[:old]), "size": size, "root": head, "proof": between}
    changes = [
        {"old_root": head},
        {"root": leaf_hash(head)},
        {"proof": between[:-1]},
        {"proof": [*between, head]},
        {"proof": []},
        {"old_size": size + 1},
        {"old_size": 0},
    ]
    for change in changes:
        assert not verify_consistency(**{**good, **change})  # type: ignore[arg-type]  # a test's shorthand


def test_the_empty_tree_is_the_beginning_of_every_tree() -> None:
    assert verify_consistency(old_size=0, old_root=EMPTY_ROOT, size=3, root=root(LEAVES[:3]), proof=[])
    assert not verify_consistency(old_size=0, old_root=LEAVES[0], size=3, root=root(LEAVES[:3]), proof=[])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 2)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(index, size, nodes_of(LEAVES))


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3)])
def test_there_is_no_consistency_proof_from_nothing_or_backwards(old: int, size: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(old, size, nodes_of(LEAVES))


def test_an_edge_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="2 whole subtrees"):
        GrowingTree(3, LEAVES[:1])
