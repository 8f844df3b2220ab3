"""What refget sends: sequence metadata (Sequences 2.0.0), collections and their comparison
(Sequence Collections 1.0.0). Digests are as the standard writes them."""

from __future__ import annotations

from typing import TypedDict


class Alias(TypedDict):
    alias: str
    naming_authority: str


class SequenceMetadata(TypedDict):
    """`ga4gh` is `SQ.` and a sha512t24u digest; `trunc512` 48 hexadecimal digits."""

    md5: str
    ga4gh: str
    trunc512: str
    length: int
    aliases: list[Alias]


class NameLength(TypedDict):
    length: int
    name: str


class Level2(TypedDict):
    """A collection as arrays; all but the sorted ones are collated: element n is sequence n."""

    lengths: list[int]
    names: list[str]
    sequences: list[str]
    sorted_sequences: list[str]
    name_length_pairs: list[NameLength]


class Digests(TypedDict):
    a: str | None
    b: str | None


class SharedAttributes(TypedDict):
    a_only: list[str]
    b_only: list[str]
    a_and_b: list[str]


class ArrayElements(TypedDict):
    a_count: dict[str, int]
    b_count: dict[str, int]
    a_and_b_count: dict[str, int]
    a_and_b_same_order: dict[str, bool | None]


class Comparison(TypedDict):
    digests: Digests
    attributes: SharedAttributes
    array_elements: ArrayElements
