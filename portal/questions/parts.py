"""A variant or region in fields of its own, for changing one part of what was understood.

Positions count from 1, as the page shows them; joined they are the text that `question` reads.
"""

from __future__ import annotations

from collections.abc import Mapping

MAX_PART = 300


def joined(form: Mapping[str, object]) -> str:
    """`17:43045711 G>A`, or `17:43045711-43045800` where no bases are given."""
    chrom, first, last, ref, alt = (
        str(form.get(name, "")).strip()[:MAX_PART]
        for name in ("chrom", "first", "last", "ref", "alt")
    )
    if ref or alt:
        return f"{chrom}:{first} {ref}>{alt}"
    return f"{chrom}:{first}-{last or first}"
