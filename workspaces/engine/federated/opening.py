"""The coordinator's side of a secure sum: adds what it cannot read, and takes the masks off.

It learns the sum over the sites that answered and nothing of any of them. Where a site drops out
after others already did in the same round, that round cannot be opened, and nothing is released.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from . import masks, shares
from .masking import Masked, Opening
from .masks import Words
from .roster import Refused


def total(
    masked: Mapping[str, Masked],
    openings: Mapping[str, Opening],
    *,
    numbers: Mapping[str, int],
    thresholds: Mapping[str, int],
) -> Words:
    """The sum over the sites in `masked`; `numbers` are the share numbers of all, `thresholds` how
    many shares each site asks for. Raises `Refused` where what came does not open it."""
    gone = {peer for opening in openings.values() for peer in opening.pairs}
    silent = set(masked) - set(openings)
    if gone and silent:
        raise Refused("sites dropped out twice in one round; nothing was opened, submit again")
    length = _length(masked)
    summed = np.zeros(length, dtype=np.uint32)
    for site, one in masked.items():
        summed = (
            summed
            + one.words
            - masks.stream(_own(site, openings, numbers, thresholds[site]), length)
        )
    for site, opening in openings.items():
        for peer, seed in opening.pairs.items():
            pair = masks.stream(seed, length)
            summed = summed - pair if site < peer else summed + pair
    return summed


def _length(masked: Mapping[str, Masked]) -> int:
    lengths = {one.words.size for one in masked.values()}
    if len(lengths) != 1:
        raise Refused("the sites answered with vectors of different lengths")
    return lengths.pop()


def _own(
    site: str, openings: Mapping[str, Opening], numbers: Mapping[str, int], threshold: int
) -> bytes:
    held = {
        numbers[holder]: opening.shares[site]
        for holder, opening in openings.items()
        if site in opening.shares
    }
    if len(held) < threshold:
        raise Refused(f"{len(held)} sites helped to open the sum; {threshold} are needed")
    try:
        return shares.join(dict(sorted(held.items())[:threshold]))
    except (ValueError, OverflowError) as error:
        raise Refused("the sites' shares do not belong together") from error
