"""Digests of sequence collections and how two of them compare (Sequence Collections 1.0.0). Pure.

Level 2 holds the arrays, level 1 a digest per array, level 0 one digest of the inherent arrays, all
over canonical JSON (RFC 8785). `names` and `sequences` are inherent; `sorted_name_length_pairs` is
transient: it has a digest and is never sent as an array.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.refget import Comparison, Level2

INHERENT = ("names", "sequences")
TRANSIENT = ("sorted_name_length_pairs",)
ATTRIBUTES = ("lengths", "names", "sequences", "sorted_sequences", "name_length_pairs")


def sha512t24u(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha512(data).digest()[:24]).decode("ascii")


def level2(names: Sequence[str], lengths: Sequence[int], sequences: Sequence[str]) -> Level2:
    """`sequences` are refget identifiers (`SQ.…`), in the order of `names` and `lengths`."""
    return {
        "lengths": list(lengths),
        "names": list(names),
        "sequences": list(sequences),
        "sorted_sequences": sorted(sequences),
        "name_length_pairs": [
            {"length": length, "name": name} for name, length in zip(names, lengths, strict=True)
        ],
    }


def level1(arrays: Mapping[str, object]) -> dict[str, str]:
    """A digest per attribute, the transient one among them."""
    digests = {name: _digest(arrays[name]) for name in ATTRIBUTES if name in arrays}
    pairs = arrays.get("name_length_pairs")
    if isinstance(pairs, list):
        digests["sorted_name_length_pairs"] = _digest(sorted(_digest(pair) for pair in pairs))
    return digests


def level0(digests: Mapping[str, str]) -> str:
    """The collection's digest, of its level-1 digests."""
    return _digest({name: digests[name] for name in INHERENT})


def parse(raw: bytes) -> dict[str, list[object]] | None:
    """A level-2 collection as somebody sent it; None where it is not one."""
    try:
        sent = json.loads(raw)
        _canonical(sent)
    except (ValueError, RecursionError):  # also text that has no UTF-8 form
        return None
    if not isinstance(sent, dict) or not sent or not sent.keys() <= set(ATTRIBUTES):
        return None
    return sent if all(_is_array(array) for array in sent.values()) else None


def _is_array(array: object) -> bool:
    return isinstance(array, list) and all(isinstance(item, str | int | dict) for item in array)


def compare(
    a: Mapping[str, object],
    b: Mapping[str, object],
    *,
    a_digest: str | None,
    b_digest: str | None,
) -> Comparison:
    """Of two level-2 collections. Order is undefined (null) where nothing is shared, and where one
    side repeats an element more often than the other."""
    shared = sorted(a.keys() & b.keys())
    arrays = {name: (_elements(a[name]), _elements(b[name])) for name in shared}
    return {
        "digests": {"a": a_digest, "b": b_digest},
        "attributes": {
            "a_only": sorted(a.keys() - b.keys()),
            "b_only": sorted(b.keys() - a.keys()),
            "a_and_b": shared,
        },
        "array_elements": {
            "a_count": {name: len(_elements(a[name])) for name in sorted(a)},
            "b_count": {name: len(_elements(b[name])) for name in sorted(b)},
            "a_and_b_count": {name: _overlap(*both) for name, both in arrays.items()},
            "a_and_b_same_order": {name: _same_order(*both) for name, both in arrays.items()},
        },
    }


def _elements(array: object) -> list[bytes]:
    return [_canonical(item) for item in array] if isinstance(array, list) else []


def _overlap(a: Sequence[bytes], b: Sequence[bytes]) -> int:
    return (Counter(a) & Counter(b)).total()


def _same_order(a: Sequence[bytes], b: Sequence[bytes]) -> bool | None:
    counts_a, counts_b = Counter(a), Counter(b)
    both = counts_a.keys() & counts_b.keys()
    if any(counts_a[one] != counts_b[one] for one in both):
        return None
    # The text of 1.0.0 wants null for one shared element too; its compliance suite wants true.
    return [one for one in a if one in both] == [one for one in b if one in both] if both else None


def _digest(value: object) -> str:
    return sha512t24u(_canonical(value))


def _canonical(value: object) -> bytes:
    # For text, whole numbers, arrays and objects with ASCII member names this is RFC 8785.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
