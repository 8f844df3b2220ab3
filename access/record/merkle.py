"""The Merkle tree of RFC 9162 section 2.1 over the lines of the record: roots and proofs.

Pure: hashes in, hashes out. A leaf is one entry's line without its line end; entry n (counted from
1) is leaf n - 1. Proofs ask a `Tree` for the roots of complete subtrees, so they cost the square of
the tree's height whatever its size. Keeping those roots is `record.tree`'s, signing `checkpoints`'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32


class Tree(Protocol):
    """The roots of complete subtrees: `subtree(level, index)` covers the 2**level leaves from
    index * 2**level on; level 0 holds the leaves' own hashes."""

    def subtree(self, level: int, index: int) -> bytes: ...


def leaf_hash(line: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(tree: Tree, size: int) -> bytes:
    """The root of the first `size` leaves (2.1.1)."""
    return _root(tree, 0, size) if size else EMPTY_ROOT


def inclusion_proof(tree: Tree, size: int, *, index: int) -> list[bytes]:
    """The path that shows leaf `index` (from 0) in the tree of `size` leaves (2.1.3.1). Raises
    `IndexError` where there is no such leaf."""
    if not 0 <= index < size:
        raise IndexError(index)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_root(tree, middle, end))
            end = middle
        else:
            path.append(_root(tree, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(tree: Tree, size: int, *, first: int) -> list[bytes]:
    """The path that shows the tree of the `first` leaves inside that of `size` (2.1.4.1). Raises
    `IndexError` where it has not as many, or none are asked for."""
    if not 0 < first <= size:
        raise IndexError(first)
    path: list[bytes] = []
    start, end = 0, size
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_root(tree, middle, end))
            end = middle
        else:
            path.append(_root(tree, start, middle))
            start = middle
    # The old root itself, start 0, is what the other side has already.
    return [*([_root(tree, start, end)] if start else []), *path[::-1]]


def _root(tree: Tree, start: int, end: int) -> bytes:
    count = end - start
    if count & (count - 1) == 0 and start % count == 0:
        level = count.bit_length() - 1
        return tree.subtree(level, start >> level)
    middle = start + _split(count)
    return node_hash(_root(tree, start, middle), _root(tree, middle, end))


def includes(root: bytes, size: int, *, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that `leaf` is leaf `index` of the tree (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, seen = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            seen = node_hash(sibling, seen)
            while not at & 1 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            seen = node_hash(seen, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and seen == root


def extends(old: tuple[int, bytes], new: tuple[int, bytes], *, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the `new` (size, root) begins with the `old` one (2.1.4.2)."""
    (first, first_root), (second, second_root) = old, new
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    hashes = list(path)
    if first & (first - 1) == 0:
        hashes.insert(0, first_root)
    if not hashes:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    seen_first = seen_second = hashes[0]
    for one in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            seen_first, seen_second = node_hash(one, seen_first), node_hash(one, seen_second)
            while not at & 1 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            seen_second = node_hash(seen_second, one)
        at, last = at >> 1, last >> 1
    return last == 0 and seen_first == first_root and seen_second == second_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
