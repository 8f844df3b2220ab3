"""The public names of a stored change: HGVS `g.`, SPDI and VRS 1.3 identifiers.

A name is given where it is certain. A substitution has its names from its bases; an insertion or
deletion only where the reach of its shifts is known, since HGVS moves it to the right end, SPDI
and VRS spell out the whole reach. Names that only annotations know are left to the data.
"""

from __future__ import annotations

from dataclasses import dataclass

from beacon.catalog import Allele
from beacon.variation import vrs
from beacon.variation.alleles import trimmed
from beacon.variation.justify import Justified
from schemas import hgvs, sequences, variant_text

MAX_NAMED_BASES = 1_000  # longer ones have no name that anyone could use


@dataclass(frozen=True, slots=True)
class Names:
    hgvs: str | None  # an insertion in front of the first base has none
    spdi: str
    vrs: str | None


def names(allele: Allele, reach: tuple[int, int] | None, *, assembly: str) -> Names | None:
    """`reach` is how far the trimmed change can be moved to the left and right, None where no
    reference was at hand."""
    change = certain(allele, reach)
    if change is None:
        return None
    accession = sequences.accession(assembly, allele.chrom)
    last = change.moved(change.right)
    spelled = change.expanded()
    before = spelled.ref if change.ambiguous else ""
    nameable = last.ref or last.start0 > 0
    return Names(
        hgvs=hgvs.write(accession, last.start0, last.ref, alt=last.alt, before=before)
        if nameable
        else None,
        spdi=variant_text.spdi(accession, spelled.start0, spelled.ref, alt=spelled.alt),
        vrs=vrs.allele_id(sequences.refget_id(assembly, allele.chrom), change),
    )


def certain(allele: Allele, reach: tuple[int, int] | None) -> Justified | None:
    """The change that can be named; None where it is not spelled, or could stand elsewhere."""
    if not (_spelled(allele.ref) and _spelled(allele.alt)) or allele.ref == allele.alt:
        return None
    core = trimmed(allele)
    if core.ref and core.alt:
        return Justified(core)
    change = Justified(core, *reach) if reach is not None else None
    return change if change is not None and change.followed else None


def _spelled(bases: str) -> bool:
    return len(bases) <= MAX_NAMED_BASES and not bases.strip("ACGT")
