"""Public names of variants in one spelling: rsIDs, ClinVar ids and accessions, HGVS as annotated.

dbSNP `rs`, ClinVar variation ids and `VCV` accessions, HGVS nomenclature 21. Case is ignored and
protein changes are compared in one-letter form. Which variants have a name is the segment's.
"""

from __future__ import annotations

import re
from enum import StrEnum

from schemas import protein

_RSID = re.compile(r"rs[1-9]\d{0,17}")
_VRS = re.compile(r"ga4gh:VA\.[A-Za-z0-9_-]{32}")
_ACCESSION = re.compile(r"vcv0*([1-9]\d{0,11})(?:\.\d{1,4})?")


class Kind(StrEnum):
    """What a name is; a dataset says which kinds it holds."""

    RSID = "rsid"
    CLINVAR = "clinvar"
    GENOMIC = "genomic"
    TRANSCRIPT = "transcript"
    PROTEIN = "protein"
    VRS = "vrs"
    OTHER = "other"


# Names that only annotation gives a variant.
ANNOTATED = frozenset({Kind.TRANSCRIPT, Kind.PROTEIN})


def kind(name: str) -> Kind:
    plain = normal(name)
    if _RSID.fullmatch(plain):
        return Kind.RSID
    if _VRS.fullmatch(name):
        return Kind.VRS
    if plain.startswith("clinvar"):
        return Kind.CLINVAR
    _, _, change = plain.rpartition(":")
    marks = {"p.": Kind.PROTEIN, "c.": Kind.TRANSCRIPT, "n.": Kind.TRANSCRIPT}
    marks |= {"g.": Kind.GENOMIC, "m.": Kind.GENOMIC}
    return marks.get(change[:2], Kind.OTHER)


def normal(name: str) -> str:
    """The spelling that is stored and compared."""
    plain = name.strip().casefold()
    if found := _ACCESSION.fullmatch(plain):
        return f"clinvar:{found[1]}"
    sequence, colon, change = name.strip().rpartition(":")
    if colon and change.startswith("p.") and (short := protein.one_letter(change)) is not None:
        return f"{sequence}:p.{short}".casefold()
    return plain


def spelled(name: str) -> str:
    """One spelling of each name; a digest has no other."""
    return name if _VRS.fullmatch(name) else normal(name)


def rs_number(name: str) -> int | None:
    plain = name.casefold()
    return int(plain[2:]) if _RSID.fullmatch(plain) else None
