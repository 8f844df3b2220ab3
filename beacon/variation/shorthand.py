"""What a variant written in one text asks of the catalog (Beacon v2.2 `genomicAlleleShortForm`).

HGVS `g.` names are read exactly; `c.`, `n.` and `p.` names match as the data are annotated. rsIDs,
ClinVar ids, SPDI, VRS ids and VCF short forms are documented extensions. An edit whose bases are
not written asks for the edit itself; which dataset can tell is the catalog's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from beacon.catalog import (
    Allele,
    AminoacidChange,
    ById,
    ByIdentifier,
    ChangeWithin,
    Edited,
    Replacement,
    Span,
    WithoutEffects,
)
from beacon.errors import BadQuestion, UnsupportedQuestion
from schemas import variant_text
from schemas.hgvs import Edit, GenomicName, UnreadableName
from schemas.sequences import place
from schemas.variant_text import KnownId, ProteinChange, WrittenAllele

_OURS = re.compile(r"(?:[1-9]|1\d|2[0-2]|X|Y|MT)-\d{1,10}-[ACGTN]+-[ACGTN]+", re.ASCII)
MAX_UNWRITTEN = 10_000  # bases that a delins replaces without naming them
_UNSAID: Mapping[Edit, Literal["DEL", "DUP", "INV"]] = {
    Edit.DELETION: "DEL",
    Edit.DUPLICATION: "DUP",
    Edit.INVERSION: "INV",
}
SPELLINGS = (
    "HGVS g. (NC_000017.11:g.43045711G>A, 17:g.100_102del), c. and p. as annotated, "
    "SPDI (NC_000001.11:10176:A:AC), 1-10177-A-AC, rsID, ClinVar id, ga4gh:VA. identifier"
)


class Asked(NamedTuple):
    """A genomic question and the assembly its coordinates are in, None when it was not said."""

    question: WithoutEffects
    assembly: str | None

    @property
    def in_one_assembly(self) -> bool:
        """Whether the question is another one in another assembly: it names a place. Both have the
        same mitochondrion, and genes, changes of protein and public names are of no assembly."""
        match self.question:
            case Allele(chrom) | Span(chrom) | Edited(chrom) | ChangeWithin(within=Span(chrom)):
                return chrom != "MT"
            case ById(ours):
                return not ours.startswith("MT-")
            case _:
                return False


def asked(text: str) -> Asked:
    """The question of a `genomicAlleleShortForm`; refuses what it does not understand."""
    found = _read(text)
    if found is None:
        raise UnsupportedQuestion(
            f"This spelling of a variant is not understood. Supported: {SPELLINGS}."
        )
    return found


def named(variant_id: str) -> Asked:
    """The question of an id in an address: ours in any spelling, or a public one. What is none of
    these is an id like any other, which no dataset has."""
    if _OURS.fullmatch(variant_id):
        return Asked(ById(variant_id), None)
    try:
        found = _read(variant_id)
    except (BadQuestion, UnsupportedQuestion):
        found = None
    match found:
        case Asked(Replacement()):
            return found
        case Asked(Allele(ref=ref, alt=alt)) if "N" not in ref + alt:  # here N is itself
            return found
        case Asked(Edited() | ByIdentifier()):
            return found
        case _:
            return Asked(ById(variant_id), None)


def _read(text: str) -> Asked | None:
    try:
        spelling = variant_text.read(text)
    except UnreadableName as wrong:
        raise BadQuestion(wrong.public) from wrong
    match spelling:
        case WrittenAllele():
            chrom, assembly = _placed(spelling.sequence)
            kind = Replacement if spelling.counted else Allele
            return Asked(kind(chrom, spelling.start0, spelling.ref, spelling.alt), assembly)
        case GenomicName():
            chrom, assembly = _placed(spelling.sequence)
            return Asked(_edited(chrom, spelling), assembly)
        case KnownId(name):
            return Asked(ByIdentifier(name), None)
        case ProteinChange(change, gene):
            return Asked(AminoacidChange(change, gene and gene.upper()), None)
        case _:
            return None


def _placed(sequence: str) -> tuple[str, str | None]:
    found = place(sequence)
    if found is None:
        raise UnsupportedQuestion(
            "This sequence is not supported. Supported: 1-22, X, Y, MT and their RefSeq accessions "
            "and refget digests in GRCh37 and GRCh38."
        )
    return found


def _edited(chrom: str, name: GenomicName) -> WithoutEffects:
    start0, end0 = name.start0, name.end0
    if name.deleted is None and (change := _UNSAID.get(name.edit)) is not None:
        return Edited(chrom, start0, end0, change)
    if name.edit is Edit.DUPLICATION and name.deleted is not None:
        # A tandem copy in front is the same as one behind; VCF has it in front.
        return Allele(chrom, start0, "", name.deleted)
    if name.deleted is None and end0 - start0 > MAX_UNWRITTEN:
        raise UnsupportedQuestion(f"At most {MAX_UNWRITTEN} bases may be replaced unwritten.")
    if name.deleted is None:
        return Replacement(chrom, start0, "N" * (end0 - start0), name.inserted or "")
    return Allele(chrom, start0, name.deleted, name.inserted or "")
