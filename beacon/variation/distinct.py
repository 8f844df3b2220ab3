"""How many different variants several datasets told of: one change is one, however each spells it.

GA4GH VRS 1.3 fully-justified alleles, as far as each dataset knows where else its insertions and
deletions can be written (`beacon.variation.justify`). Which variants are told is left to others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from beacon.catalog import Allele, VariantRow
from beacon.variation.alleles import trimmed
from beacon.variation.justify import Justified, rotated, same

Movable = tuple[int, Allele, tuple[int, int] | None]  # of which dataset, and its reach if known


def of(told: Iterable[tuple[str, Sequence[VariantRow]]]) -> int | None:
    """Of the rows of each dataset, with its assembly. None where an insertion or deletion may be
    another dataset's, written at another place."""
    fixed: set[Hashable] = set()
    movable: dict[Hashable, list[Movable]] = defaultdict(list)
    for number, (assembly, rows) in enumerate(told):
        for row in rows:
            core = trimmed(row.allele)
            if row.allele.alt.strip("ACGTN"):
                fixed.add((assembly, row.allele, row.end0))
            elif core.ref and core.alt:
                fixed.add((assembly, core))
            else:
                movable[assembly, *_wherever(core)].append((number, core, row.reach))
    counts = [_different(each) for each in movable.values()]
    return None if None in counts else len(fixed) + sum(filter(None, counts))


def _wherever(core: Allele) -> tuple[Hashable, ...]:
    """What stays the same of an insertion or deletion wherever it is written."""
    return core.chrom, bool(core.ref), rotated(core.ref or core.alt, -core.start0)


def _different(changes: Sequence[Movable]) -> int | None:
    known = {Justified(core, *reach) for _, core, reach in changes if reach is not None}
    alone = {
        (number, core)
        for number, core, reach in changes
        if reach is None and not any(same(core, each) for each in known)
    }
    cores = {core for _, core in alone}
    if len(cores) > 1 and len({number for number, _ in alone}) > 1:
        return None
    return len({each.expanded() for each in known}) + len(cores)
