"""Roots and proofs equal the definitions of RFC 9162 section 2.1, and nothing else is proved."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.record import merkle


@dataclass(frozen=True)
class Listed:
    """The tree by its definition: the root of any range of leaves."""

    leaves: Sequence[bytes]

    def subtree(self, level: int, index: int) -> bytes:
        return defined(self.leaves[index << level : (index + 1) << level])


def defined(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) <= 1:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    split = max(1 << k for k in range(20) if 1 << k < len(leaves))
    joined = b"\x01" + defined(leaves[:split]) + defined(leaves[split:])
    return hashlib.sha256(joined).digest()


def leaves(count: int, *, seed: int = 0) -> list[bytes]:
    return [merkle.leaf_hash(b"%d-%d" % (seed, n)) for n in range(count)]


sizes = st.integers(1, 200)


def test_the_empty_tree_and_one_leaf_are_those_of_the_standard() -> None:
    assert merkle.root(Listed([]), 0).hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert merkle.leaf_hash(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


@given(sizes)
def test_roots_are_those_of_the_definition(size: int) -> None:
    assert merkle.root(Listed(leaves(size)), size) == defined(leaves(size))


@given(sizes, st.data())
def test_every_entry_can_be_shown_to_be_in_the_record(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    all_of_them = leaves(size)
    path = merkle.inclusion_proof(Listed(all_of_them), size, index=index)
    root = defined(all_of_them)
    assert merkle.includes(root, size, index=index, leaf=all_of_them[index], path=path)


@given(st.integers(2, 200), st.data())
def test_another_entry_place_root_or_path_proves_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    mine, other = leaves(size), leaves(size, seed=1)
    path = merkle.inclusion_proof(Listed(mine), size, index=index)
    root = defined(mine)

    def shown(**changed: object) -> bool:
        kept = {"root": root, "index": index, "leaf": mine[index], "path": path} | changed
        first = kept.pop("root")
        return merkle.includes(first, size, **kept)  # type: ignore[arg-type]  # mixed on purpose

    assert shown()
    assert not shown(leaf=other[index])
    assert not shown(root=defined(other))
    assert not shown(index=(index + 1) % size)
    assert not shown(path=path[:-1])
    assert not shown(path=[*path, path[-1]])
    assert not shown(path=[merkle.leaf_hash(b""), *path[1:]])


@given(sizes, st.data())
def test_a_record_that_grew_extends_the_one_before(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size))
    all_of_them = leaves(size)
    path = merkle.consistency_proof(Listed(all_of_them), size, first=first)
    old, new = (first, defined(all_of_them[:first])), (size, defined(all_of_them))
    assert merkle.extends(old, new, path=path)


@given(st.integers(2, 200), st.data())
def test_a_rewritten_record_extends_nothing(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(1, size - 1))
    mine, rewritten = leaves(size), leaves(size, seed=1)
    path = merkle.consistency_proof(Listed(rewritten), size, first=first)
    old, new = (first, defined(mine[:first])), (size, defined(rewritten))
    assert not merkle.extends(old, new, path=path)
    honest = merkle.consistency_proof(Listed(mine), size, first=first)
    assert not merkle.extends(old, new, path=honest)


def test_a_cut_record_extends_nothing() -> None:
    old, new = (9, defined(leaves(9))), (5, defined(leaves(5)))
    assert not merkle.extends(old, new, path=[])
    assert not merkle.extends((0, merkle.EMPTY_ROOT), new, path=[])


@pytest.mark.parametrize(("size", "index"), [(0, 0), (3, 3), (3, -1)])
def test_there_is_no_proof_of_an_entry_beyond_the_record(size: int, index: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(Listed(leaves(size)), size, index=index)
