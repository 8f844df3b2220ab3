"""Says a grant's regions in words that a file's own header can be compared with.

refget Sequences 2.0.0: a digest names a sequence for good. Files state MD5 if anything, so that a
`SQ.` digest is exchanged for the MD5 of the same sequence, where the node holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from schemas.grants import GrantedRegion
from streams.errors import NoSuchSequence, ReleaseRefused
from streams.refget.sequences import Sequences

_GA4GH = re.compile(r"(?:ga4gh:)?SQ\.[A-Za-z0-9_-]{32}")


def by_md5(
    regions: Iterable[GrantedRegion] | None, sequences: Sequences | None
) -> tuple[GrantedRegion, ...] | None:
    """Raises ReleaseRefused for a sequence that is not held here."""
    if regions is None:
        return None
    return tuple(_by_md5(region, sequences) for region in regions)


def _by_md5(region: GrantedRegion, sequences: Sequences | None) -> GrantedRegion:
    if _GA4GH.fullmatch(region.reference) is None:
        return region
    md5 = _md5(region.reference, sequences)
    if md5 is None:
        raise ReleaseRefused(
            "Your grant names a sequence that this node does not hold: ask its admin to add the "
            "reference, or for a grant by the names or the MD5 of the file's header.",
            reasons=("unknown_sequence",),
        )
    return region.model_copy(update={"reference": md5})


def _md5(reference: str, sequences: Sequences | None) -> str | None:
    with suppress(NoSuchSequence):
        return None if sequences is None else sequences.find(reference).md5
    return None
